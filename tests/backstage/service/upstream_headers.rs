//! Which headers an upstream gets, and which it does not.

use axum::{Router, body::Body};
use http::Request;
use serde_json::Value;
use tower::ServiceExt;
use tower_alb_auth::{
    backstage::Upstream,
    test_util::{MockAlb, User},
};

use crate::service::upstream::{another_backend, in_front_of, serve};

const OIDC: [&str; 3] = ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"];

/// What the upstream says that it saw of a user's request.
async fn seen_of_jane(upstream: Upstream) -> Value {
    let request = MockAlb::new().request("/api/auth/github/refresh").user(&User::jane()).body(Body::empty());
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("x_amzn_oidc_data", "forged".parse().unwrap());
    parts.headers.insert("x-amzn_oidc-identity", "forged".parse().unwrap());
    parts.headers.insert("x-amzn-oidc-other", "forged".parse().unwrap());
    parts.headers.insert("x-amzn-oidc-accesstoken", "opaque".parse().unwrap());
    // Named to be lost on the way, so that a look-alike would stand alone.
    parts.headers.insert("connection", "x-amzn-oidc-data, x-amzn-oidc-identity".parse().unwrap());
    let answer = upstream.oneshot(Request::from_parts(parts, body)).await.expect("infallible");
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    let said: Value = serde_json::from_slice(&body).expect("JSON");
    said["headers"].clone()
}

/// The stock `awsalb` behind this one need not know which load balancer may sign: it must find no user.
#[tokio::test]
async fn s_24_the_stock_provider_behind_it_never_sees_the_load_balancers_headers() {
    let upstream = Upstream::at(serve(another_backend()).await).build().expect("sound");
    let seen = seen_of_jane(upstream).await;
    let names: Vec<&String> = seen.as_object().expect("headers").keys().collect();
    assert!(!names.iter().any(|name| name.replace('_', "-").starts_with("x-amzn-oidc")), "{names:?}");
}

#[tokio::test]
async fn an_upstream_that_verifies_itself_can_have_them_and_no_look_alikes() {
    let upstream = Upstream::at(serve(another_backend()).await).dangerously_keep_identity_headers().build();
    let seen = seen_of_jane(upstream.expect("sound")).await;
    let names: Vec<&String> = seen.as_object().expect("headers").keys().collect();
    let mut kept: Vec<&str> = names.iter().map(|name| name.as_str()).filter(|name| name.contains("oidc")).collect();
    kept.sort_unstable();
    let mut all = OIDC.to_vec();
    all.sort_unstable();
    assert_eq!(kept, all);
}

#[tokio::test]
async fn it_gets_where_the_request_comes_from_and_nothing_of_the_clients_word() {
    let url = in_front_of(&serve(another_backend()).await).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = |request: reqwest::RequestBuilder| async {
        let said: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        said["headers"].clone()
    };
    let plain = ask(client.get(format!("{url}/api/auth/github/start"))).await;
    let host = url.trim_start_matches("http://");
    for (name, value) in
        [("host", host), ("x-forwarded-host", host), ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http")]
    {
        assert_eq!(plain[name], value, "{name}");
    }
    let behind = client
        .get(format!("{url}/api/auth/github/start"))
        .header("host", "backstage.example.com")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-port", "443")
        .header("authorization", "Bearer user-token")
        .header("cookie", "a=b")
        .header("proxy-authorization", "Basic secret")
        .header("connection", "x-hop")
        .header("x-hop", "here alone");
    let seen = ask(behind).await;
    for (name, value) in [
        ("host", "backstage.example.com"),
        ("x-forwarded-host", "backstage.example.com"),
        ("x-forwarded-for", "192.0.2.1, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("authorization", "Bearer user-token"),
        ("cookie", "a=b"),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    for absent in ["forwarded", "proxy-authorization", "x-hop", "connection"] {
        assert!(seen.get(absent).is_none(), "{absent}: {seen}");
    }
}

#[tokio::test]
async fn every_method_but_two_passes_with_its_query() {
    let url = in_front_of(&serve(another_backend()).await).await;
    let client = reqwest::Client::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = client.request(method.parse().unwrap(), format!("{url}/api/auth/x/y?z=%2F&z=2"));
        let said: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!((&said["method"], &said["uri"]), (&method.into(), &"/api/auth/x/y?z=%2F&z=2".into()));
    }
    // It would show a user's cookies to any client.
    let traced = client.request("TRACE".parse().unwrap(), format!("{url}/x")).send().await.expect("an answer");
    assert_eq!(traced.status(), 405);
}

/// A handler that took the user in through the layer may still pass the request on.
#[tokio::test]
async fn as_a_handler_below_the_layer_it_passes_no_header_on() {
    let alb = MockAlb::new();
    let upstream = Upstream::at(serve(another_backend()).await).build().expect("sound");
    let app = Router::new().fallback_service(upstream).layer(alb.layer().keep_headers());
    let request = alb.request("/x").user(&User::jane()).body(Body::empty());
    let answer = app.oneshot(request).await.expect("infallible");
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    assert!(!String::from_utf8_lossy(&body).contains("x-amzn-oidc"), "{body:?}");
}
