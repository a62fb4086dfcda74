//! What the layer of machines records: metrics, audit events, and the same settings as variables.

use std::{convert::Infallible, fs, time::Duration};

use http::{Request, Response, header::AUTHORIZATION};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use serde_json::{Value, json};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_alb_auth::{
    AuditTrail, AuthErrorKind, ConfigError, MachineLayer,
    config::{AccessTokens, MachineTokens},
    test_util::{MockAlb, TestClock, User},
};

use super::{ACCESS_TOKEN, Pool};
use crate::support::{audited::AuditFile, issuer::Issuer};

const LONG: Duration = Duration::from_secs(30);

async fn ok(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

fn token(issuer: &Issuer, clock: &TestClock, client: &str) -> String {
    let now = MockAlb::new().with_clock(clock).unix_now();
    let claims = json!({"iss": issuer.url, "aud": "api://orders", "client_id": client, "sub": client, "iat": now, "exp": now + 3600});
    let key = issuer.key();
    key.sign(&json!({"alg": "RS256", "kid": key.kid, "typ": "at+jwt"}), &claims)
}

async fn call(layer: &MachineLayer, authorization: Option<String>) -> u16 {
    let mut request = Request::new(String::new());
    request.headers_mut().extend(authorization.map(|value| (AUTHORIZATION, value.parse().expect("a header value"))));
    layer.layer(service_fn(ok)).oneshot(request).await.expect("infallible").status().as_u16()
}

/// The counters of this name, by their outcome, without those that are 0.
fn counted(snapshotter: &Snapshotter) -> Vec<(String, u64)> {
    let of = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
        let key = key.key();
        let outcome = key.labels().next().map(|label| label.value().to_owned()).unwrap_or_default();
        match value {
            DebugValue::Counter(count) if key.name() == "alb_auth_machine_decisions_total" => Some((outcome, count)),
            _ => None,
        }
    };
    let mut all: Vec<_> = snapshotter.snapshot().into_vec().into_iter().filter_map(of).collect();
    all.sort();
    all
}

#[tokio::test]
async fn f_88_each_decision_on_a_machine_is_counted() {
    let recorder = DebuggingRecorder::new();
    let (snapshotter, _guard) = (recorder.snapshotter(), metrics::set_default_local_recorder(&recorder));
    let (issuer, clock) = (Issuer::start().await, TestClock::new());
    let tokens = MachineTokens::new(&issuer.url).audience("api://orders").client("nightly-report");
    let layer = MachineLayer::new(tokens.clock(clock.clone())).expect("sound");
    let registered = counted(&snapshotter);
    assert!(registered.iter().all(|(_, count)| *count == 0), "{registered:?}");
    assert!(registered.iter().any(|(outcome, _)| outcome == "access_token_invalid"), "as 0 from the start");

    let bearer = |client: &str| Some(format!("Bearer {}", token(&issuer, &clock, client)));
    // The first waits for the keys.
    for _ in 0..2 {
        assert_eq!(call(&layer, bearer("nightly-report")).await, 200);
    }
    assert_eq!(call(&layer, bearer("another")).await, 401);
    assert_eq!(call(&layer, Some("Bearer x".to_owned())).await, 401);
    assert_eq!(call(&layer, None).await, 401);
    let alb = MockAlb::new().with_clock(&clock);
    let both = ServiceBuilder::new().layer(alb.layer().optional()).layer(layer.clone()).service_fn(ok);
    let user = alb.request("/").user(&User::jane()).body(String::new());
    assert_eq!(both.oneshot(user).await.expect("infallible").status(), 200);

    let found: Vec<_> = counted(&snapshotter).into_iter().filter(|(_, count)| *count > 0).collect();
    let expected = [("access_token_invalid", 2), ("access_token_missing", 1), ("machine", 2), ("user", 1)];
    assert_eq!(found, expected.map(|(outcome, count)| (outcome.to_owned(), count)));
}

#[tokio::test]
async fn f_88_machines_and_refusals_are_in_the_audit_trail_without_a_token() {
    let (issuer, clock, file) = (Issuer::start().await, TestClock::new(), AuditFile::new());
    let trail = AuditTrail::builder("orders").file(file.path()).build().expect("a file");
    let tokens = MachineTokens::new(&issuer.url).audience("api://orders").client("nightly-report").client("backup");
    let layer = MachineLayer::new(tokens.clock(clock.clone())).expect("sound").audit_trail(&trail);
    let of = |client: &str| token(&issuer, &clock, client);
    let (report, stranger) = (of("nightly-report"), of("another"));
    for token in [&report, &of("nightly-report"), &of("backup"), &stranger] {
        call(&layer, Some(format!("Bearer {token}"))).await;
    }
    call(&layer, None).await;
    assert!(trail.flush(LONG));
    let seen: Vec<Value> = file.of("signed_in").iter().map(|event| event["user"].clone()).collect();
    let machine = |client: &str| json!({ "type_id": 1, "uid": client, "domain": issuer.url });
    assert_eq!(seen, [machine("nightly-report"), machine("backup")], "once an hour each");
    let refused: Vec<_> = file
        .of("refused")
        .iter()
        .map(|event| (event["status_detail"].clone(), event["severity_id"].clone(), event["user"]["name"].clone()))
        .collect();
    let expected =
        ["access_token_invalid", "access_token_missing"].map(|kind| (json!(kind), json!(2), json!("unknown")));
    assert_eq!(refused, expected);
    let text = fs::read_to_string(file.path()).expect("the file");
    assert!(file.events().iter().all(|event| event["unmapped"]["provider"] == "machine"), "{text}");
    for token in [report, stranger] {
        for part in token.split('.') {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
}

/// The same kind of a refusal, of both.
#[tokio::test]
async fn f_88_refused_machines_hide_no_refused_user() {
    let (pool, file) = (Pool::start().await, AuditFile::new());
    let trail = AuditTrail::builder("orders").file(file.path()).build().expect("a file");
    let tokens = MachineTokens::new(&pool.issuer.url).audience("api://orders").client("nightly-report");
    let machines = MachineLayer::new(tokens).expect("sound").audit_trail(&trail);
    for _ in 0..30 {
        assert_eq!(call(&machines, None).await, 401);
    }
    let mut request = pool.request("u1", "x");
    request.headers_mut().remove(ACCESS_TOKEN);
    let users = pool.layer(AccessTokens::new()).audit_trail(&trail);
    super::call(&users, request).await.assert_rejected(AuthErrorKind::AccessTokenMissing, "found none");
    assert!(trail.flush(LONG));
    let events = file.of("refused");
    assert!(events.iter().all(|event| event["status_detail"] == "access_token_missing"), "{events:?}");
    let (of_user, of_machines) = events.split_last().expect("events");
    assert_eq!(of_user["user"]["uid"], "u1");
    assert!(of_machines.iter().all(|event| event["unmapped"]["provider"] == "machine"), "{of_machines:?}");
    assert!((10..=20).contains(&of_machines.len()), "a window, or two: {}", of_machines.len());
}

fn problems(vars: &[(&str, &str)]) -> String {
    MachineTokens::from_vars(vars.iter().copied())
        .map_or_else(|error: ConfigError| error.to_string(), |_| "none".into())
}

#[tokio::test]
async fn f_88_the_settings_of_machines_are_variables_too() {
    let (issuer, clock) = (Issuer::start().await, TestClock::new());
    let vars = [
        ("ALB_MACHINE_ISSUER", issuer.url.as_str()),
        ("ALB_MACHINE_AUDIENCES", "api://other, api://orders"),
        ("ALB_MACHINE_CLIENTS", "nightly-report backup"),
        ("ALB_MACHINE_JWKS_URI", " "),
        ("ALB_AUTH_SIGNERS", "of another layer"),
        ("PATH", "/bin"),
    ];
    let tokens = MachineTokens::from_vars(vars).expect("known variables").clock(clock.clone());
    let layer = MachineLayer::new(tokens).expect("sound");
    for (client, status) in [("nightly-report", 200), ("backup", 200), ("another", 401)] {
        let token = token(&issuer, &clock, client);
        assert_eq!(call(&layer, Some(format!("Bearer {token}"))).await, status, "{client}");
    }
    // All mistakes at once.
    let found = problems(&[("ALB_MACHINE_CLIENT", "nightly-report"), ("ALB_MACHINE_AUDIENCES", ", ")]);
    for part in [
        "ALB_MACHINE_CLIENT is not a known setting. Did you mean ALB_MACHINE_CLIENTS?",
        "ALB_MACHINE_ISSUER is not set",
        "ALB_MACHINE_AUDIENCES is not set",
        "ALB_MACHINE_CLIENTS is not set",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
}
