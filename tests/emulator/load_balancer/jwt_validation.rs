//! The action `jwt-validation`: bearer tokens of machines.

use std::time::Duration;

use axum::{Extension, Router, routing::get};
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, MachineIdentity, MachineLayer,
    config::MachineTokens,
    emulator::{Emulator, EmulatorConfig, IdentityProvider, OnJwtValidation},
    sign_in::EmailLocalPart,
};

use crate::{
    load_balancer::site::{Page, Site},
    support::issuer::{Issuer, SigningKey, encode},
};

const AUDIENCE: &str = "api://orders";

/// A template with one rule, for `/machine/*`.
fn rules(config: &Value) -> NamedTempFile {
    rules_of(
        &json!([{"Type": "jwt-validation", "JwtValidationConfig": config}, {"Type": "forward", "TargetGroupArn": "web"}]),
    )
}

fn rules_of(actions: &Value) -> NamedTempFile {
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/edge/1/2/3";
    let condition = json!({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/machine/*"]}});
    let rules = json!([{"RuleArn": arn, "Priority": "7", "Conditions": [condition], "Actions": actions}]);
    let file = tempfile::Builder::new().prefix("rules").suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), json!({ "Rules": rules }).to_string()).expect("written");
    file
}

fn of_aws() -> Value {
    json!({
        "Issuer": "https://idp.example.com", "JwksEndpoint": "https://idp.example.com/keys",
        "AdditionalClaims": [{"Name": "aud", "Format": "single-string", "Values": [AUDIENCE]}],
    })
}

async fn call(site: &Site, authorization: &[&str]) -> Page {
    let url = format!("http://{}/machine/orders", site.emulator.address());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let request = authorization.iter().fold(client.get(url), |request, value| request.header("authorization", *value));
    Page::of(request.header("host", "localhost").header("x-amzn-oidc-data", "forged").send().await.expect("a response"))
        .await
}

/// A token of the demo provider, as curl gets it.
async fn machine_token(site: &Site, form: &[(&str, &str)]) -> (u16, Value) {
    let provider = site.emulator.demo().expect("the demo provider");
    let address: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    let client = reqwest::Client::builder().resolve("idp.localhost", address).no_proxy().build().unwrap();
    let request = client.post(format!("{}/token", provider.issuer())).form(form);
    let response = request.basic_auth("machine", Some("a-secret-of-development")).send().await.expect("a response");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn s_148_a_machine_gets_a_token_of_the_demo_provider_and_is_forwarded() {
    let file = rules(&of_aws());
    let site = Site::with(|config| config.rules_file(file.path())).await;
    assert_eq!(call(&site, &[]).await.status, 401);
    let form = [("grant_type", "client_credentials"), ("audience", AUDIENCE), ("scope", "orders:read")];
    let (status, response) = machine_token(&site, &form).await;
    assert_eq!(
        (status, &response["token_type"], &response["expires_in"]),
        (200, &json!("Bearer"), &json!(3600)),
        "{response}"
    );
    let bearer = format!("Bearer {}", response["access_token"].as_str().expect("a token"));
    let page = call(&site, &[&bearer]).await;
    // The token goes on as it is, and there is no user.
    assert_eq!(page.saw("authorization").as_deref(), Some(bearer.as_str()));
    assert_eq!((page.user(), page.saw("x-amzn-oidc-data")), (None, None));
    // For another audience, and after its lifetime.
    let (_, other) = machine_token(&site, &[("grant_type", "client_credentials"), ("audience", "api://other")]).await;
    let other = format!("Bearer {}", other["access_token"].as_str().expect("a token"));
    assert_eq!(call(&site, &[&other]).await.status, 401);
    site.clock.advance(Duration::from_secs(3_600));
    assert_eq!(call(&site, &[&bearer]).await.status, 401);
    assert_eq!(site.calls(), 1);
    // The session of a user is not accepted as a machine.
    let browser = site.browser();
    browser.sign_in("/", "jane").await;
    assert_eq!(browser.get("/machine/orders").await.status, 401);
    let table =
        EmulatorConfig::on_free_ports().rules_file(file.path()).describe_rules().expect("a sound configuration");
    assert!(table.contains("bearer token of the demo provider with aud api://orders; then"), "{table}");
}

/// An issuer of the rule, with its own provider for users.
async fn with_issuer(claims: &Value) -> (Site, Issuer, NamedTempFile) {
    let issuer = Issuer::start().await;
    let jwks = format!("{}/keys", issuer.url);
    let file = rules(&json!({"Issuer": issuer.url, "JwksEndpoint": jwks, "AdditionalClaims": claims}));
    let (site, _provider) = Site::scripted_with(|config| config.rules_file(file.path())).await;
    (site, issuer, file)
}

fn claims(site: &Site, issuer: &Issuer, more: &Value) -> Value {
    let now = site.unix_now();
    let mut claims = json!({"iss": issuer.url, "sub": "m", "aud": AUDIENCE, "exp": now + 300, "iat": now, "nbf": now});
    for (name, value) in more.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

#[tokio::test]
async fn s_148_only_a_valid_token_of_the_rule_s_issuer_is_forwarded() {
    let required = json!([
        {"Name": "aud", "Format": "single-string", "Values": [AUDIENCE]},
        {"Name": "scope", "Format": "space-separated-values", "Values": ["read", "write"]},
        {"Name": "roles", "Format": "string-array", "Values": ["robot"]},
    ]);
    let (site, issuer, _file) = with_issuer(&required).await;
    let complete = json!({"scope": "write read", "roles": ["robot", "other"]});
    let good = claims(&site, &issuer, &complete);
    let with = |more: Value| {
        let mut claims = good.clone();
        for (name, value) in more.as_object().expect("an object") {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
                _ => claims[name] = value.clone(),
            }
        }
        issuer.token(&claims)
    };
    let bearer = |token: &str| format!("Bearer {token}");
    let valid = issuer.token(&good);
    assert_eq!(call(&site, &[&bearer(&valid)]).await.status, 200);
    assert_eq!(call(&site, &[&format!("bearer {valid}")]).await.status, 200);
    let now = site.unix_now();
    let key = issuer.key();
    let foreign = SigningKey::rsa("first");
    let head = |header: Value| key.sign(&header, &good);
    let (signed, payload) =
        (valid.rsplit_once('.').expect("a signature"), encode(json!({"iss": issuer.url}).to_string()));
    let secret = SigningKey::ec("first");
    for (case, token) in [
        ("another issuer", with(json!({"iss": "https://evil.example"}))),
        ("no issuer", with(json!({"iss": null}))),
        ("issuer in a list", with(json!({"iss": [issuer.url]}))),
        ("no exp", with(json!({"exp": null}))),
        ("exp as a text", with(json!({"exp": (now + 300).to_string()}))),
        ("expired", with(json!({"exp": now}))),
        ("nbf ahead", with(json!({"nbf": now + 60}))),
        ("nbf as a text", with(json!({"nbf": "0"}))),
        ("iat ahead", with(json!({"iat": now + 60}))),
        ("another audience", with(json!({"aud": "api://other"}))),
        ("audience in a list", with(json!({"aud": [AUDIENCE]}))),
        ("no audience", with(json!({"aud": null}))),
        ("one of two scopes", with(json!({"scope": "read"}))),
        ("a scope that begins alike", with(json!({"scope": "read writer"}))),
        ("roles as a text", with(json!({"roles": "robot"}))),
        ("other roles", with(json!({"roles": ["admin"]}))),
        ("a key that is not published, with a known kid", foreign.sign(&foreign.header(), &good)),
        ("another algorithm", secret.sign(&json!({"alg": "ES256", "kid": "first"}), &good)),
        ("RS384 by name", head(json!({"alg": "RS384", "kid": "first"}))),
        ("PS256 by name", head(json!({"alg": "PS256", "kid": "first"}))),
        ("HS256 by name", head(json!({"alg": "HS256", "kid": "first"}))),
        ("no algorithm", head(json!({"alg": "none", "kid": "first"}))),
        ("crit", head(json!({"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}))),
        ("another kid", head(json!({"alg": "RS256", "kid": "second"}))),
        ("other claims with this signature", format!("{}.{payload}.{}", signed.0.split('.').next().unwrap(), signed.1)),
        ("no signature", format!("{}.", signed.0)),
        ("two parts", signed.0.to_owned()),
        ("nothing", String::new()),
    ] {
        let page = call(&site, &[&bearer(&token)]).await;
        assert_eq!(page.status, 401, "{case}: {page:?}");
        assert!(token.is_empty() || !page.text.contains(&token), "{case}");
    }
    for (case, values) in [
        ("twice", vec![bearer(&valid), bearer(&valid)]),
        ("Basic", vec![format!("Basic {valid}")]),
        ("without a scheme", vec![valid.clone()]),
        ("two tokens", vec![format!("Bearer {valid}, Bearer {valid}")]),
    ] {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_eq!(call(&site, &values).await.status, 401, "{case}");
    }
    assert_eq!(site.calls(), 2, "no other request reached the application");
}

/// Unknown kids cause one request in 10 s, and a new key is found after that.
#[tokio::test]
async fn s_148_keys_are_fetched_again_at_most_once_in_ten_seconds() {
    let (site, issuer, _file) = with_issuer(&json!([])).await;
    let good = claims(&site, &issuer, &json!({}));
    let valid = format!("Bearer {}", issuer.token(&good));
    assert_eq!(call(&site, &[&valid]).await.status, 200);
    assert_eq!(issuer.key_fetches(), 1);
    let next = SigningKey::rsa("next");
    issuer.set_keys([next.clone()]);
    let rotated = format!("Bearer {}", next.sign(&next.header(), &good));
    for _ in 0..5 {
        assert_eq!(call(&site, &[&rotated]).await.status, 401);
    }
    assert_eq!(issuer.key_fetches(), 1);
    site.clock.advance(Duration::from_secs(11));
    for (token, status) in [(&rotated, 200), (&rotated, 200), (&valid, 401), (&valid, 401)] {
        assert_eq!(call(&site, &[token]).await.status, status);
    }
    assert_eq!(issuer.key_fetches(), 2);
    // Keys that cannot be used: a load balancer accepts ten.
    site.clock.advance(Duration::from_secs(301));
    let good = claims(&site, &issuer, &json!({}));
    issuer.set_keys((0..11).map(|number| SigningKey::ec(&number.to_string())).collect::<Vec<_>>());
    let token = format!("Bearer {}", next.sign(&next.header(), &good));
    assert_eq!(call(&site, &[&token]).await.status, 500);
    issuer.set_keys([next.clone()]);
    issuer.fail_with(Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(call(&site, &[&token]).await.status, 500);
    issuer.fail_with(None);
    assert_eq!(call(&site, &[&token]).await.status, 200);
}

/// Requests with unknown kids that come at the same time, and those that wait for a fetch that fails.
#[tokio::test]
async fn s_148_one_request_at_a_time_fetches_keys_for_all_that_wait() {
    let (site, issuer, _file) = with_issuer(&json!([])).await;
    let valid = format!("Bearer {}", issuer.token(&claims(&site, &issuer, &json!({}))));
    assert_eq!(call(&site, &[&valid]).await.status, 200);
    site.clock.advance(Duration::from_secs(11));
    let strange = SigningKey::rsa("strange");
    let unknown = format!("Bearer {}", strange.sign(&strange.header(), &claims(&site, &issuer, &json!({}))));
    let answers = futures::future::join_all((0..20).map(async |_| call(&site, &[&unknown]).await)).await;
    assert!(answers.iter().all(|answer| answer.status == 401), "{answers:?}");
    assert_eq!(issuer.key_fetches(), 2);
}

/// A setting that cannot be used would leave the check out.
#[tokio::test]
async fn s_148_a_rule_that_cannot_be_used_is_refused_by_name() {
    let with = |key: &str, value: Value| {
        let mut config = of_aws();
        config[key] = value;
        config
    };
    let claim = |name: &str, format: &str, values: Value| {
        with("AdditionalClaims", json!([{"Name": name, "Format": format, "Values": values}]))
    };
    let provider = || EmulatorConfig::on_free_ports().target("http://127.0.0.1:9");
    let own = |config: EmulatorConfig| {
        config.provider(IdentityProvider::discover("https://idp.example.com")).client("a", "b")
    };
    for (config, expected) in [
        (json!(null), "it must be an object"),
        (with("Issuer", json!("")), "it has no Issuer"),
        (with("JwksEndpoint", json!(null)), "it has no JwksEndpoint"),
        (with("Audience", json!("x")), "the key \"Audience\""),
        (claim("aud", "string", json!(["a"])), "its Format \"string\" is not one of single-string"),
        (claim("aud", "single-string", json!(["a", "b"])), "its Values must be 1 to 1 texts"),
        (claim("aud", "string-array", json!([])), "its Values must be 1 to 10 texts"),
        (claim("scp", "space-separated-values", json!(["a b"])), "its Values contain a space"),
        (claim("exp", "single-string", json!(["1"])), "which are always checked"),
        (claim("", "single-string", json!(["1"])), "which are always checked"),
        (
            with("AdditionalClaims", json!(vec![of_aws()["AdditionalClaims"][0].clone(); 11])),
            "more than 10 AdditionalClaims",
        ),
    ] {
        let file = rules(&config);
        let error = Emulator::start(provider().rules_file(file.path())).await.expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("rule 7 in rules"), "{expected}: {error}");
    }
    // Without the demo provider, the rule's own issuer counts.
    let file = rules(&with("JwksEndpoint", json!("http://idp.example.com/keys")));
    let error = Emulator::start(own(provider()).rules_file(file.path())).await.expect_err("plain http").to_string();
    assert!(error.contains("must begin with https://"), "{error}");
    // Only before one last action.
    let twice = json!([
        {"Type": "jwt-validation", "JwtValidationConfig": of_aws()},
        {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {}},
        {"Type": "forward", "TargetGroupArn": "web"},
    ]);
    let file = rules_of(&twice);
    let error = Emulator::start(provider().rules_file(file.path())).await.expect_err("two").to_string();
    assert!(error.contains("its actions are jwt-validation, authenticate-oidc, forward"), "{error}");
}

#[tokio::test]
async fn the_client_of_machines_is_not_the_load_balancer_s_too() {
    let file = rules(&of_aws());
    let config = || EmulatorConfig::on_free_ports().rules_file(file.path()).target("http://127.0.0.1:1");
    let refused = Emulator::start(config().client("machine", "x")).await.expect_err("a clash").to_string();
    assert!(refused.contains("the client id \"machine\" is that of the machines"), "{refused}");
    // Without such a rule, there is no client of machines.
    Emulator::start(EmulatorConfig::on_free_ports().client("machine", "x")).await.expect("no clash");
}

#[tokio::test]
async fn s_135_a_rule_with_jwt_validation_responds_501_where_that_is_wanted() {
    let file = rules(&of_aws());
    let site = Site::with(|config| config.rules_file(file.path()).on_jwt_validation(OnJwtValidation::Respond501)).await;
    assert_eq!(call(&site, &[]).await.status, 501);
    assert_eq!(site.calls(), 0);
}

/// The target verifies the token again, with the keys of the demo provider: past the load balancer it is needed too.
#[tokio::test]
async fn s_149_the_target_verifies_the_token_that_the_rule_has_let_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = format!("http://{}", listener.local_addr().expect("an address"));
    let file = rules(&of_aws());
    let config = EmulatorConfig::on_free_ports().rules_file(file.path()).target(&target);
    let emulator = Emulator::start(config).await.expect("a sound configuration");
    let (issuer, port) =
        (emulator.issuer().to_owned(), emulator.issuer().rsplit_once(':').expect("a port").1.to_owned());
    let tokens = MachineTokens::new(&issuer).jwks_uri(format!("http://127.0.0.1:{port}/jwks"));
    let machines = MachineLayer::new(tokens.audience(AUDIENCE).client("machine")).expect("sound");
    let users = AlbAuthConfig::builder().trust(emulator.trusted()).sign_in(EmailLocalPart::in_domains(["example.com"]));
    let caller = async |user: Option<BackstageIdentity>, machine: Option<Extension<MachineIdentity>>| {
        format!(
            "{:?} {:?}",
            user.map(|user| user.user_entity_ref().to_string()),
            machine.map(|machine| machine.client_id().to_owned())
        )
    };
    let app: Router = Router::new().route("/machine/orders", get(caller)).layer(machines);
    let app = app.layer(AlbAuthLayer::new(users.build().expect("sound")).optional());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client =
        reqwest::Client::builder().resolve("idp.localhost", ([127, 0, 0, 1], 0).into()).no_proxy().build().unwrap();
    let form = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
    let response =
        client.post(format!("{issuer}/token")).form(&form).basic_auth("machine", Some("a-secret-of-development"));
    let response: Value = response.send().await.expect("a response").json().await.expect("JSON");
    let token = response["access_token"].as_str().expect("a token");
    for (url, token, status) in [
        (format!("http://{}/machine/orders", emulator.address()), Some(token), 200),
        (format!("http://{}/machine/orders", emulator.address()), None, 401),
        (format!("{target}/machine/orders"), Some(token), 200),
        (format!("{target}/machine/orders"), Some("forged"), 401),
        (format!("{target}/machine/orders"), None, 401),
    ] {
        let request = client.get(&url).header("host", "localhost");
        let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), status, "{url} {token:?}");
        if status == 200 {
            assert_eq!(response.text().await.expect("a text"), r#"None Some("machine")"#);
        }
    }
}
