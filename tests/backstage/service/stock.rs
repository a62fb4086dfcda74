//! Beside Backstage's own auth backend, on one database: in front of it, and behind it.

use std::time::{Duration, Instant};

use axum::Router;
use serde_json::{Value, json};
use tower_alb_auth::backstage::Upstream;

use crate::{
    service::{
        site::{Browser, Site},
        upstream::serve,
    },
    support::postgres::backstage::Stock,
    support::postgres::database::AUTH,
    support::postgres::server::{PASSWORD, Server, USER},
    support::{backstage_auth::Service, port::free_port, process::MAX_WAIT},
};

const JANE: &str = "user:default/jane.doe";
/// Whom the stock guest provider lets in.
const JOHN: &str = "user:default/john.doe";

/// The files of both name the same database.
fn on(server: &Server) -> impl FnOnce(String) -> String {
    let connection = json!({ "host": "127.0.0.1", "port": server.port(), "user": USER, "password": PASSWORD });
    move |text| {
        text.replace("backend:\n", &format!("backend:\n  database: {{ client: pg, connection: {connection} }}\n"))
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL, and Backstage's auth backend, installed by .ci/peers"]
async fn in_front_of_the_stock_one_it_adds_a_provider_and_the_others_stay() {
    let server = Server::start();
    let stock = Stock::start(&server, "database").await;
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::changed(folder, &["--upstream", stock.url()], on(&server)).await;
    let browser = site.signed_in("jane").await;
    both_are_known(&browser, &site, &stock).await;

    // The stock `awsalb` is not asked, by whatever name.
    for path in ["/api/auth/AWSALB/refresh", "/api/auth//awsalb/refresh", "/api/auth/%61wsalb/refresh"] {
        let answer = reqwest::get(site.service.at(path)).await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL, and Backstage's auth backend, installed by .ci/peers"]
async fn behind_a_path_rule_it_is_one_provider_of_the_stock_one() {
    let server = Server::start();
    let stock = Stock::start(&server, "database").await;
    // The load balancer's rules: one path to this one, all others to the stock one.
    let listen = format!("127.0.0.1:{}", free_port());
    let ours = Upstream::at(format!("http://{listen}")).dangerously_keep_identity_headers();
    let ours = ours.dangerously_pass_own_paths().build().expect("sound");
    let others = Upstream::at(stock.url()).dangerously_pass_own_paths().build().expect("sound");
    let rules = serve(Router::new().route_service("/api/auth/awsalb/{*path}", ours).fallback_service(others)).await;

    let folder = tempfile::tempdir().expect("a folder");
    let catalog =
        format!("discovery:\n  endpoints:\n    - target: {}/api/catalog\n      plugins: [catalog]\n", stock.url());
    let change = on(&server);
    let site = Site::behind(&rules, &listen, folder, &[], |text| change(text) + &catalog).await;
    let browser = site.signed_in("jane").await;
    both_are_known(&browser, &site, &stock).await;

    // Going back: the stock one alone answers for tokens of both, as long as they live.
    let janes = token(&browser.session().await);
    drop(site);
    assert_eq!(stock.json("/api/auth/v1/userinfo", Some(&janes)).await["claims"]["sub"], JANE);
}

/// Without any stock one: two replicas on tables that they made.
#[tokio::test]
#[ignore = "peer: PostgreSQL, installed by .ci/peers"]
async fn one_replica_answers_for_what_another_gave_also_when_that_one_is_gone() {
    let server = Server::start();
    let _database = server.create(AUTH).await;
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--without-catalog", "--create-tables", "--replicas", "2"];
    let mut site = Site::changed(folder, &arguments, on(&server)).await;
    let other = Service::start(site.folder.path(), &[&arguments[..], &["--listen", "127.0.0.1:0"]].concat());
    assert!(other.start_lines.contains("in PostgreSQL backstage_plugin_auth at 127.0.0.1:"), "{}", other.start_lines);

    let janes = token(&site.signed_in("jane").await.session().await);
    let asks = async || {
        let request = reqwest::Client::new().get(other.at("/api/auth/v1/userinfo")).bearer_auth(&janes);
        request.send().await.expect("an answer").json::<Value>().await.expect("JSON")["claims"]["sub"].clone()
    };
    assert_eq!(asks().await, JANE);
    site.service.signal("TERM");
    assert_eq!(site.service.ended(), 0);
    assert_eq!(asks().await, JANE);
    // Its own is published beside its start; that of the one which is gone stays.
    let key_set = other.at("/api/auth/.well-known/jwks.json");
    let until = Instant::now() + MAX_WAIT;
    loop {
        let keys: Value = reqwest::get(&key_set).await.expect("an answer").json().await.expect("JSON");
        if kids(&keys).len() == 2 {
            break;
        }
        assert!(Instant::now() < until, "its own and the other's are not both there: {keys}; {}", other.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Jane comes by the load balancer and John by the stock provider, through the same address; either backend knows both.
async fn both_are_known(browser: &Browser, site: &Site, stock: &Stock) {
    let janes = token(&browser.session().await);
    let (status, guest) = browser.get("/api/auth/guest/refresh").await;
    assert_eq!(status, 200, "{guest}");
    let johns = token(&serde_json::from_str(&guest).expect("JSON"));

    for (token, user) in [(&janes, JANE), (&johns, JOHN)] {
        // A back end of Backstage, which is asked as the browser asks it.
        let request = browser.client.get(site.url("/api/catalog/whose")).bearer_auth(token);
        let principal: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!((&principal["type"], &principal["userEntityRef"]), (&json!("user"), &json!(user)));
        let here = reqwest::Client::new().get(site.service.at("/api/auth/v1/userinfo")).bearer_auth(token);
        let here: Value = here.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(here["claims"]["sub"], user);
        assert_eq!(stock.json("/api/auth/v1/userinfo", Some(token)).await, here);
    }
    let key_set = "/api/auth/.well-known/jwks.json";
    let here: Value = reqwest::get(site.service.at(key_set)).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(kids(&here), kids(&stock.json(key_set, None).await));
    assert_eq!(kids(&here).len(), 2);
    let log = site.service.log();
    assert!(!log.contains(PASSWORD) && !log.contains("canary"), "{log}");
}

fn token(session: &Value) -> String {
    session["backstageIdentity"]["token"].as_str().unwrap_or_else(|| panic!("{session}")).to_owned()
}

fn kids(key_set: &Value) -> Vec<String> {
    let mut kids: Vec<String> =
        key_set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].to_string()).collect();
    kids.sort();
    kids
}
