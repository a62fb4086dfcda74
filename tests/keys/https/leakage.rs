//! What a key fetch says about those for whom it is made: nothing.

use tower_alb_auth::test_util::User;

use super::{
    child,
    server::{Script, Server, answer, key},
    site::Site,
};

#[tokio::test]
async fn s_52_a_key_request_has_three_headers_and_none_of_the_clients() {
    let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
    let request = site.alb.request("/private?page=1").user(&User::jane());
    let request = request
        .header("cookie", "AWSELBAuthSessionCookie-0=secret")
        .header("authorization", "Bearer secret")
        .header("x-forwarded-for", "203.0.113.7")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    site.app.call(request).await.assert_ok("user:default/jane.doe");

    let expected = format!(
        "GET /{kid} HTTP/1.1\r\nhost: localhost:{port}\r\naccept: */*\r\nuser-agent: tower-alb-auth/{version}\r\n\r\n",
        kid = site.alb.kid(),
        port = server.address.port(),
        version = env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(server.requests(), [expected]);
}

#[tokio::test]
async fn s_52_a_cookie_of_the_endpoint_is_not_sent_back() {
    let (site, server) = Site::of(|nth, alb| match nth {
        1 => Script::Answer(answer(503, &["set-cookie: a=b", "alt-svc: h2=\":1\""], "")),
        _ => key(&alb.public_key_pem()),
    })
    .await;
    site.assert_lets_jane_in("the second try").await;
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn s_52_proxies_of_the_environment_are_not_used() {
    const VARIABLES: [&str; 8] =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "PROXY", "CGI_HTTP_PROXY"];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let canary = runtime.block_on(Server::http(|_| Script::Answer(answer(502, &[], ""))));
    let proxy = format!("http://{}", canary.address);
    // Emptied, so that loopback is no exception.
    let environment = VARIABLES.iter().map(|name| (*name, proxy.as_str())).chain([("NO_PROXY", ""), ("no_proxy", "")]);
    let environment: Vec<(&str, &str)> = environment.collect();
    child::run("https::leakage::s_52_proxies_of_the_environment_are_not_used", &environment, || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            assert!(std::env::var("HTTPS_PROXY").is_ok_and(|proxy| proxy.starts_with("http://127.0.0.1:")));
            let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
            site.assert_lets_jane_in("directly").await;
            assert_eq!(server.connections(), 1);
        });
    });
    assert_eq!(canary.connections(), 0);
}
