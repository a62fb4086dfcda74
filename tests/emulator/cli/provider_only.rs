//! `alb-emulator --provider-only`: the demo provider for other tests.

use reqwest::redirect::Policy;
use serde_json::Value;

use crate::cli::{
    program::{program, run},
    running::Running,
};

const CALLBACK: &str = "http://app.localhost:3000/callback";

#[tokio::test]
async fn it_signs_users_in_for_each_registered_client() {
    let mut arguments = program(&["--provider-only", "--provider-listen", "0", "--redirect-uri", CALLBACK]);
    arguments.args(["--client-id", "my-test", "--as", "jane"]);
    let mut running = Running::start(arguments);
    assert_eq!(running.named("Client id"), "my-test");
    assert_eq!(running.named("Redirects to"), CALLBACK);
    let secret = running.named("Secret").to_owned();

    let browser = reqwest::Client::builder().redirect(Policy::none()).no_proxy();
    let browser = browser.resolve("idp.localhost", ([127, 0, 0, 1], 0).into()).build().unwrap();
    let document: Value = browser.get(running.named("Discovery")).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], running.named("Issuer"));

    let authorize = document["authorization_endpoint"].as_str().unwrap();
    let query = [("client_id", "my-test"), ("redirect_uri", CALLBACK), ("response_type", "code"), ("scope", "openid")];
    let answer = browser.get(authorize).query(&query).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let (to, query) = location.split_once('?').expect("a query");
    assert_eq!(to, CALLBACK);
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).expect("a code").to_owned();

    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let token = browser.post(document["token_endpoint"].as_str().unwrap()).basic_auth("my-test", Some(&secret));
    let token: Value = token.form(&form).send().await.unwrap().json().await.unwrap();
    assert!(token["id_token"].is_string(), "{token}");

    running.signal("INT");
    assert_eq!(running.ended(), 0);
}

#[tokio::test]
async fn a_secret_of_ones_own_is_not_printed() {
    let mut arguments = program(&["--provider-only", "--provider-listen", "0", "--redirect-uri", CALLBACK]);
    arguments.env("ALB_EMULATOR_CLIENT_SECRET", "canary");
    let running = Running::start(arguments);
    assert_eq!(running.named("Secret"), "as given");
    assert!(!running.start_lines.contains("canary"));
}

#[test]
fn without_an_address_to_send_users_to_it_says_what_to_add() {
    let ended = run(program(&["--provider-only"]), "");
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("--redirect-uri http://app.localhost:3000/callback"), "{ended:?}");
}

#[test]
fn the_client_id_of_machines_is_refused() {
    let arguments = ["--provider-only", "--provider-listen", "0", "--redirect-uri", CALLBACK, "--client-id", "machine"];
    let ended = run(program(&arguments), "");
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("--client-id"), "{ended:?}");
    assert!(ended.stderr.contains("machine is the client of machines at the demo provider"), "{ended:?}");
}
