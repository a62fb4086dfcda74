//! S-03: headers whose names some other program could read as the load balancer's.

use std::sync::{Arc, Mutex};

use http::Response;
use tower_alb_auth::{
    AuthErrorKind::{Missing, UntrustedSigner},
    test_util::{MockAlb, MockRequest, User},
};

use crate::service::inside::{ACCESS_TOKEN, DATA, IDENTITY, Inside, ignoring_identity_header, jane, oidc_headers};

/// Every name that becomes `x-amzn-oidc-...` once underscores count as hyphens, but for the three that count as they are.
fn look_alikes() -> Vec<String> {
    let mut names = Vec::new();
    for last in ["data", "identity", "accesstoken", "data-1", "da_ta", "anything", ""] {
        for spelling in 0..8_u8 {
            let [a, b, c] = [1, 2, 4].map(|bit| if spelling & bit == 0 { '-' } else { '_' });
            names.push(format!("x{a}amzn{b}oidc{c}{last}"));
        }
    }
    names.retain(|name| ![DATA, IDENTITY, ACCESS_TOKEN].contains(&name.as_str()));
    names
}

/// The request with all of them, each with this value.
fn disguised<'a>(request: MockRequest<'a>, value: &str) -> MockRequest<'a> {
    look_alikes().iter().fold(request, |request, name| request.header(name.as_str(), value))
}

#[tokio::test]
async fn s_03_a_token_under_another_name_is_no_token() {
    let alb = MockAlb::new();
    let good = alb.sign(&User::jane());
    let app = Inside::of(alb.layer());
    for name in look_alikes() {
        app.call(alb.request("/").header(name.as_str(), &good)).await.assert_refused(&name, Missing);
    }
    app.call(disguised(alb.request("/"), &good)).await.assert_refused("all of them", Missing);
    assert_eq!(alb.key_fetches(), 0);
}

#[tokio::test]
async fn s_03_look_alikes_are_taken_off_on_every_path() {
    let alb = MockAlb::new();
    let good = alb.sign(&User::jane());
    let exempt = || alb.layer().exempt_path("/healthz");
    let cases = [
        ("a user, key to be fetched", Inside::of(alb.layer()), jane(&alb)),
        ("a user, key known", Inside::of(alb.layer()).warm(&alb).await, jane(&alb)),
        ("a user, optional", Inside::of(alb.layer().optional()).warm(&alb).await, jane(&alb)),
        ("a user, identity header ignored", Inside::of(ignoring_identity_header(&alb)), jane(&alb)),
        ("nobody, optional", Inside::of(alb.layer().optional()), alb.request("/")),
        ("nobody, exempt", Inside::of(exempt()), alb.request("/healthz")),
        ("a user, exempt", Inside::of(exempt()), alb.request("/healthz").user(&User::jane())),
        ("a stranger, exempt", Inside::of(exempt()), alb.request("/healthz").token("bad").token("worse")),
        ("nobody, exempt, headers kept", Inside::of(exempt().keep_headers()), alb.request("/healthz").token(&good)),
        (
            "nobody, optional, headers kept",
            Inside::of(alb.layer().optional().keep_headers()),
            alb.request("/").header(IDENTITY, "admin").header(ACCESS_TOKEN, "theirs"),
        ),
    ];
    for (case, app, request) in cases {
        let passed = app.call(disguised(request, &good).header("x-amzn-trace-id", "Root=1")).await;
        let inside = passed.inside(case);
        assert_eq!(oidc_headers(inside), Vec::<&str>::new(), "{case}");
        assert!(inside.headers.contains_key("x-amzn-trace-id"), "{case}: other headers stay");
    }
}

#[tokio::test]
async fn s_03_where_headers_are_kept_look_alikes_are_not() {
    let alb = MockAlb::new();
    for warm in [false, true] {
        let mut app = Inside::of(alb.layer().keep_headers());
        if warm {
            app = app.warm(&alb).await;
        }
        let passed = app.call(disguised(jane(&alb), "smuggled")).await;
        assert_eq!(oidc_headers(passed.inside("a user")), [ACCESS_TOKEN, DATA, IDENTITY], "warm: {warm}");
    }
}

#[tokio::test]
async fn s_03_a_refusal_does_not_get_to_see_them_either() {
    let alb = MockAlb::new();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let app = Inside::of(alb.layer().refuse_with(move |error, request| {
        keep.lock().unwrap().extend(request.headers.keys().map(ToString::to_string));
        let mut response = Response::new(String::new());
        *response.status_mut() = error.status();
        response
    }));
    let stranger = MockAlb::with_keys_of(&alb);
    let request = disguised(stranger.request("/").user(&User::jane()), "smuggled").header("accept", "*/*");
    app.call(request).await.assert_refused("a stranger", UntrustedSigner);
    assert_eq!(*seen.lock().unwrap(), ["accept"]);
}
