//! Endpoints that work: their shapes, their protocols, and how often they are asked.

use std::time::Duration;

use tower_alb_auth::{
    AuthErrorKind, Kid,
    keys::HttpsKeys,
    test_util::{KeyServerMode, MockAlb, User},
};

use super::{
    certificates::Authority,
    server::{Script, Server, answer, key},
    site::{Site, patient},
};

#[tokio::test]
async fn a_hundred_requests_cost_one_connection() {
    let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
    for number in 0..100 {
        site.assert_lets_jane_in(&format!("request {number}")).await;
        site.clock.advance(Duration::from_secs(1));
    }
    assert_eq!((server.connections(), site.handle.stats().keys), (1, 1));
}

#[tokio::test]
async fn servers_of_tls_1_2_and_of_tls_1_3_both_work() {
    for (case, version) in [("TLS 1.2", &rustls::version::TLS12), ("TLS 1.3", &rustls::version::TLS13)] {
        let (alb, authority) = (MockAlb::new(), Authority::new());
        let pem = alb.public_key_pem();
        let leaf = authority.leaf(&["localhost"]);
        let server = Server::https_with(&leaf, &[version], "127.0.0.1", move |_| key(&pem)).await;
        let site = Site::new(alb, &server.url(), HttpsKeys::new().pem_roots(authority.pem()));
        site.assert_lets_jane_in(case).await;
    }
}

#[tokio::test]
async fn an_ipv6_address_is_an_endpoint() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https_with(&authority.leaf(&["::1"]), rustls::ALL_VERSIONS, "::1", move |_| key(&pem)).await;
    let host = format!("[::1]:{}", server.address.port());
    let site = Site::new(alb, &format!("https://{host}"), HttpsKeys::new().pem_roots(authority.pem()));
    site.assert_lets_jane_in("IPv6").await;
    assert!(server.requests()[0].contains(&format!("host: {host}\r\n")), "{:?}", server.requests());
    assert_eq!(server.hellos()[0].server_name, None, "an address is not sent as a name (RFC 6066 section 3)");
}

#[tokio::test]
async fn the_path_of_an_endpoint_stands_before_the_kid() {
    let prefix = "/aws-elb-public-keys-prod-us-gov-west-1";
    for end in ["", "/"] {
        let (alb, authority) = (MockAlb::new(), Authority::new());
        let pem = alb.public_key_pem();
        let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
        let endpoint = format!("{}{prefix}{end}", server.url());
        let site = Site::new(alb, &endpoint, HttpsKeys::new().pem_roots(authority.pem()));
        site.assert_lets_jane_in(&endpoint).await;
        let line = format!("GET {prefix}/{} HTTP/1.1\r\n", site.alb.kid());
        assert!(server.requests()[0].starts_with(&line), "{:?}", server.requests());
    }
}

#[tokio::test]
async fn f_37_http_2_is_not_offered() {
    let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
    site.assert_lets_jane_in("no ALPN").await;
    let hello = &server.hellos()[0];
    assert_eq!(hello.server_name.as_deref(), Some("localhost"));
    assert!(hello.alpn.iter().all(|protocol| protocol == b"http/1.1"), "{hello:?}");
    assert!(server.requests()[0].starts_with("GET /"), "{:?}", server.requests());
}

#[tokio::test]
async fn s_20_addresses_in_a_token_are_never_called() {
    let canary = Server::http(|_| Script::Answer(answer(200, &[], ""))).await;
    let url = format!("http://{}/keys", canary.address);
    let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
    let attacker = MockAlb::new();
    for (name, value) in [
        ("jku", serde_json::json!(url)),
        ("x5u", serde_json::json!(url)),
        ("jwk", serde_json::json!({"kty": "EC", "crv": "P-256", "x": "", "y": "", "x5u": url})),
        ("x5c", serde_json::json!([url])),
        ("x5t", serde_json::json!(url)),
        ("x5t#S256", serde_json::json!(url)),
    ] {
        for signed_by in [&attacker, &site.alb] {
            // Right in everything else, so that nothing but the member can refuse it.
            let token = signed_by
                .token(&User::jane())
                .header("signer", site.alb.signer())
                .header("kid", site.alb.kid())
                .header(name, value.clone())
                .sign();
            let answer = site.app.call(site.alb.request("/").token(&token)).await;
            assert_eq!(answer.kind(), Some(AuthErrorKind::UnsupportedHeader), "{name}: {answer:?}");
        }
    }
    let answer =
        site.app.call(site.alb.request("/").token(&site.alb.token(&User::jane()).header("kid", url).sign())).await;
    answer.assert_401(AuthErrorKind::MalformedKeyId);
    assert_eq!((canary.connections(), server.connections()), (0, 0));

    site.assert_lets_jane_in("the same without such a member").await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_issuer_is_never_called() {
    let authority = Authority::new();
    let issuer = Server::https(&authority.leaf(&["localhost"]), |_| Script::Answer(answer(200, &[], "{}"))).await;
    let alb = MockAlb::new().with_issuer(&issuer.url());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
    let site = Site::new(alb, &server.url(), HttpsKeys::new().pem_roots(authority.pem()));
    site.assert_lets_jane_in("keys are at the key endpoint").await;
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn a_kid_that_the_endpoint_does_not_know_is_a_401_and_remembered() {
    for status in [403, 404] {
        let (site, server) = Site::of(move |_, _| Script::Answer(answer(status, &[], "<Error/>"))).await;
        for _ in 0..3 {
            site.call().await.assert_401(AuthErrorKind::UnknownKey);
        }
        assert_eq!((server.connections(), site.handle.stats().unknown_kids), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn f_09_a_busy_endpoint_gets_two_requests_unless_it_names_a_time_to_retry() {
    // (Retry-After of the endpoint, connections it sees, Retry-After of the layer)
    for (says, connections, told) in [
        (None, 2, "1"),
        (Some("7"), 1, "7"),
        (Some("31"), 1, "30"),
        (Some("0"), 1, "1"),
        (Some("-1"), 2, "1"),
        (Some("99999999999999999999999"), 2, "1"),
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), 2, "1"),
    ] {
        for status in [429, 500, 502, 503, 504] {
            let header = says.map(|says| format!("retry-after: {says}"));
            let headers: Vec<String> = header.into_iter().collect();
            let (site, server) = Site::of(move |_, _| {
                let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
                Script::Answer(answer(status, &headers, ""))
            })
            .await;
            let answer = site.call().await;
            let case = format!("{status} with Retry-After {says:?}");
            assert_eq!(answer.kind(), Some(AuthErrorKind::KeysUnavailable), "{case}");
            assert_eq!(answer.header("retry-after"), Some(told), "{case}");
            assert_eq!(server.connections(), connections, "{case}");
        }
    }
}

#[tokio::test]
async fn f_09_an_endpoint_is_not_obeyed_for_more_than_30_s() {
    let authority = Authority::new();
    let busy = answer(503, &["retry-after: 600"], "");
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| Script::Answer(busy.clone())).await;
    let limits = patient().max_retry_wait(Duration::from_secs(600));
    let keys = HttpsKeys::new().pem_roots(authority.pem());
    let site = Site::with_limits(MockAlb::new(), &server.url(), keys, limits);
    assert_eq!(site.call().await.header("retry-after"), Some("30"));
}

#[tokio::test]
async fn warming_up_asks_the_endpoint_and_fetches_kids() {
    let (site, server) = Site::of(|nth, alb| match nth {
        1 => Script::Answer(answer(403, &[], "")),
        _ => key(&alb.public_key_pem()),
    })
    .await;
    assert_eq!(site.handle.warm_up().await, Ok(()), "403 is an answer");
    assert_eq!((server.connections(), site.handle.stats().keys), (1, 0));

    let kid = Kid::parse(site.alb.kid()).expect("a kid");
    assert_eq!(site.handle.warm_up_kids([kid]).await, Ok(()));
    assert_eq!((server.connections(), site.handle.stats().keys), (3, 1));
    site.assert_lets_jane_in("warm").await;
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn warming_up_says_what_is_wrong_and_keeps_nothing() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
    let site = Site::new(alb, &server.url(), HttpsKeys::new());
    let problem = site.handle.warm_up().await.expect_err("nobody trusts that authority").to_string();
    assert!(problem.contains(&server.url()) && problem.contains("UnknownIssuer"), "{problem}");
    assert_eq!(site.handle.stats().keys, 0);
}

#[tokio::test]
async fn the_mock_load_balancer_serves_over_plain_http_on_loopback() {
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.layer().handle();
    assert_eq!(endpoint.warm_up().await, Ok(()));
    assert_eq!(alb.key_fetches(), 1);
    for (mode, kind) in [
        (KeyServerMode::Status(404), AuthErrorKind::UnknownKey),
        (KeyServerMode::Status(503), AuthErrorKind::KeysUnavailable),
        (KeyServerMode::Status(301), AuthErrorKind::KeysUnavailable),
        (KeyServerMode::Answer(b"<html>".to_vec()), AuthErrorKind::KeyRejected),
        (KeyServerMode::Answer(Vec::new()), AuthErrorKind::KeyRejected),
        (KeyServerMode::Reset, AuthErrorKind::KeysUnavailable),
    ] {
        let case = format!("{mode:?}");
        alb.set_key_server(mode);
        let app = super::support::App::new(alb.layer());
        let answer = app.call(alb.request("/").user(&User::jane())).await;
        assert_eq!(answer.kind(), Some(kind), "{case}");
    }
    alb.set_key_server(KeyServerMode::Healthy);
    let app = super::support::App::new(alb.layer());
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
}
