//! S-73: which paths are exempt, and what may not make another path look like one of them.

use http::Method;
use tower_alb_auth::{
    AuthErrorKind::{Malformed, Missing},
    test_util::{MockAlb, User},
};

use tracing::Level;

use crate::{
    service::inside::{Inside, methods},
    support::App,
    support::traced::Traced,
};

#[tokio::test]
async fn s_73_only_the_exact_path_is_exempt() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().exempt_path("/healthz").exempt_path("/livez"));
    for path in ["/healthz", "/livez", "/healthz?probe=1", "http://internal/healthz"] {
        app.call(alb.request(path)).await.inside(path);
    }
    for path in [
        "//healthz",
        "///healthz",
        "/healthz/",
        "/healthz//",
        "/healthz%2f..",
        "/healthz%2F",
        "/healthz/..",
        "/healthz/../me",
        "/me/../healthz",
        "/./healthz",
        "/%68ealthz",
        "/health%7a",
        "/healthz%00",
        "/healthz%3f",
        "/healthz%20",
        "/healthz;x",
        "/healthz;x=y",
        "/HEALTHZ",
        "/Healthz",
        "/healthz.json",
        "/healthzz",
        "/health",
        "/healthz,/livez",
        "/?/healthz",
        "/me?path=/healthz",
        "/",
        "*",
        "http://healthz/",
        "http://internal//healthz",
    ] {
        app.call(alb.request(path)).await.assert_refused(path, Missing);
    }
    assert_eq!(alb.key_fetches(), 0);
}

#[tokio::test]
async fn s_73_no_header_names_another_path_or_method() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().exempt_path("/healthz"));
    for name in [
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-envoy-original-path",
        "referer",
        "host",
    ] {
        for value in ["/healthz", "http://internal/healthz"] {
            let request = alb.request("/me").header(name, value);
            app.call(request).await.assert_refused(&format!("{name}: {value}"), Missing);
        }
    }
    let request =
        alb.request("/me").header("x-http-method-override", "OPTIONS").header("x-forwarded-method", "OPTIONS");
    app.call(request).await.assert_refused("another method", Missing);
}

/// Probes, and headers by which other software says that a request was checked before.
#[tokio::test]
async fn s_73_no_user_agent_and_no_internal_header_exempts_a_request() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().exempt_path("/healthz"));
    for (name, value) in [
        ("user-agent", ""),
        ("user-agent", "ELB-HealthChecker/2.0"),
        ("user-agent", "kube-probe/1.33"),
        ("user-agent", "tower-alb-auth/0.1.0"),
        ("user-agent", "/healthz"),
        ("x-internal-request", "1"),
        ("x-subrequest", "1"),
        ("x-authenticated", "true"),
        ("x-authenticated-user", "admin"),
        ("x-remote-user", "admin"),
        ("x-forwarded-user", "admin"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 internal"),
        ("purpose", "prefetch"),
    ] {
        let case = format!("{name}: {value:?}");
        let bare = alb.request("/me").header(name, value);
        app.call(bare.clone()).await.assert_refused(&case, Missing);
        app.call(bare.token("a.b.c")).await.assert_refused(&case, Malformed);
    }
    assert_eq!(alb.key_fetches(), 0);
}

/// A fragment is no part of a request target (RFC 9112 section 3.2), and its escape is a part of the path like any other.
#[tokio::test]
async fn s_73_a_fragment_exempts_nothing() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().exempt_path("/healthz"));
    for path in [
        "/me#/healthz",
        "/me#healthz",
        "/me?#/healthz",
        "/me?x=1#/../healthz",
        "/#/healthz",
        "/me%23/healthz",
        "/healthz%23",
        "/healthz%23/me",
        "/healthz/#",
        "http://internal/me#/healthz",
    ] {
        app.call(alb.request(path)).await.assert_refused(path, Missing);
    }
    // The handler gets the path that was compared.
    for path in ["/healthz#", "/healthz#/me", "/healthz#/../me"] {
        let passed = app.call(alb.request(path)).await;
        assert_eq!(passed.inside(path).uri, "/healthz", "{path}");
    }
}

#[tokio::test]
async fn s_73_an_exempt_path_is_exempt_for_get_and_head_alone() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().exempt_path("/healthz"));
    for method in methods() {
        let request = alb.request("/healthz").method(method.clone());
        match method {
            Method::GET | Method::HEAD => drop(app.call(request).await.inside(method.as_str())),
            _ => app.call(request).await.assert_refused(method.as_str(), Missing),
        }
    }
    app.call(alb.request("/healthz").method(Method::POST).user(&User::jane())).await.inside("a user");
}

#[tokio::test]
async fn s_73_other_methods_are_exempt_where_they_are_named() {
    let alb = MockAlb::new();
    let path = "/grpc.health.v1.Health/Check";
    let app = Inside::of(alb.layer().exempt_path_for_methods(path, [Method::POST]).exempt_path("/healthz"));
    app.call(alb.request(path).method(Method::POST)).await.inside("named");
    app.call(alb.request("/healthz")).await.inside("the other path");
    for (method, path) in [(Method::GET, path), (Method::PUT, path), (Method::POST, "/healthz")] {
        app.call(alb.request(path).method(method.clone())).await.assert_refused(&format!("{method} {path}"), Missing);
    }
}

/// The warning says that it exempts nothing, so it must not.
#[tokio::test]
async fn s_73_a_path_that_was_warned_of_exempts_nothing() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    // The last two are addresses that a request can have.
    for (index, path) in ["/healthz?probe", "/healthz#x", "/{rest}", "/x*y"].into_iter().enumerate() {
        let app = Inside::of(alb.layer().exempt_path(path));
        // Beside the warning of the mock's account, which each layer logs.
        let mut warnings = traced.lines(Level::WARN);
        warnings.retain(|line| !line.contains("has the account 000000000000"));
        assert_eq!(warnings.len(), index + 1, "{path}: {warnings:?}");
        assert!(warnings[index].contains("exempts nothing"), "{path}: {warnings:?}");
        for asked in ["/healthz", "/{rest}", "*", "/x*y"] {
            app.call(alb.request(asked)).await.assert_refused(&format!("{path}: {asked}"), Missing);
        }
    }
    let _ = alb.layer().exempt_path_for_methods("/healthz", []);
    assert!(traced.lines(Level::WARN).iter().any(|line| line.contains("names no method")));
}

#[tokio::test]
async fn nothing_is_exempt_by_itself() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    for path in ["/healthz", "/livez", "/readyz", "/ping", "/favicon.ico", "/robots.txt", "/.well-known/security.txt"] {
        app.call(alb.request(path)).await.assert_refused(path, Missing);
    }
}

#[tokio::test]
async fn an_exempt_path_has_no_user_whatever_comes() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer().exempt_path_for_methods("/healthz", methods()));
    for method in methods() {
        let of = || alb.request("/healthz").method(method.clone());
        app.call(of()).await.assert_ok("anonymous");
        app.call(of().user(&User::jane())).await.assert_ok("anonymous");
        app.call(of().token("bad").token("worse")).await.assert_ok("anonymous");
    }
    assert_eq!(alb.key_fetches(), 0, "the token is not read");
}
