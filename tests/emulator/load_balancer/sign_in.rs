//! Signing in, from the first request to the application's answer.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use http::Method;
use serde_json::Value;
use tower_alb_auth::SignOut;

use crate::load_balancer::site::{Page, Site};

#[tokio::test]
async fn a_browser_is_sent_to_the_provider_and_comes_back_signed_in() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.sign_in("/inbox?folder=new&x=%20", "jane").await;
    assert_eq!(page.user().as_deref(), Some("user:default/jane.doe_example.com"));
    assert_eq!(page.said()["path"], "/inbox?folder=new&x=%20");

    // The session holds, and each request has a token of its own.
    let first = browser.get("/").await.saw("x-amzn-oidc-data").expect("a token");
    site.clock.advance(Duration::from_secs(1));
    let second = browser.get("/").await.saw("x-amzn-oidc-data").expect("a token");
    assert_ne!(first, second);

    let segments: Vec<&str> = second.split('.').collect();
    let decode =
        |text: &str| -> Value { serde_json::from_slice(&URL_SAFE.decode(text).expect("padded")).expect("JSON") };
    let (header, payload) = (decode(segments[0]), decode(segments[1]));
    assert_eq!(header["signer"], site.emulator.signer());
    assert_eq!(header["client"], "alb-emulator");
    assert_eq!((&header["iss"], &header["exp"]), (&payload["iss"], &payload["exp"]));
    assert_eq!(header["exp"].as_u64(), Some(site.unix_now() + 120));
    assert_eq!(header["kid"], site.emulator.kid());
    let order: Vec<String> = String::from_utf8(URL_SAFE.decode(segments[0]).expect("padded"))
        .expect("UTF-8")
        .split('"')
        .map(str::to_owned)
        .filter(|part| ["typ", "kid", "alg", "iss", "client", "signer", "exp"].contains(&part.as_str()))
        .collect();
    assert_eq!(order, ["typ", "kid", "alg", "iss", "client", "signer", "exp"], "as seen on the wire");
}

#[tokio::test]
async fn the_redirect_is_a_load_balancers() {
    let site = Site::with(|config| config.authorize_parameter("prompt", "select account").scope("openid email")).await;
    for method in [Method::GET, Method::POST] {
        let browser = site.browser();
        let answer = browser.client.request(method, site.url("/a?b=c")).send().await.expect("an answer");
        let page = Page::of(answer).await;
        assert_eq!(page.status, 302);
        let (address, query) = page.location().split_once('?').expect("a query");
        assert_eq!(address, format!("{}/authorize", site.emulator.issuer()));
        let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
        assert_eq!(names, ["client_id", "redirect_uri", "response_type", "scope", "state", "prompt"]);
        assert!(query.contains("&scope=openid%20email&"), "{query}");
        assert!(query.ends_with("&prompt=select%20account"), "{query}");
        let redirect_uri = site.emulator.redirect_uri().replace(':', "%3A").replace('/', "%2F");
        assert!(query.contains(&format!("&redirect_uri={redirect_uri}&response_type=code&")), "{query}");
        let cookies = page.cookies();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert!(
            cookies[0].starts_with("AWSALBAuthNonce=") && cookies[0].contains("; HttpOnly; Path=/; Max-Age=900"),
            "{cookies:?}"
        );
        // On plain http a browser would not keep it.
        assert!(!cookies[0].contains("Secure"), "{cookies:?}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn the_session_is_sealed_into_cookies_of_the_name_that_is_configured() {
    let site = Site::with(|config| config.cookie_name("team").session_timeout(Duration::from_secs(60))).await;
    let browser = site.browser();
    let callback = browser.to_callback("/", "jane").await;
    let back = browser.visit(&callback).await;
    let cookies = back.cookies();
    assert_eq!(cookies.len(), 5, "{cookies:?}");
    assert!(cookies[0].starts_with("team-0=") && cookies[0].ends_with("; HttpOnly; Path=/; Max-Age=60"), "{cookies:?}");
    for (number, cookie) in cookies.iter().enumerate().take(4).skip(1) {
        assert_eq!(*cookie, format!("team-{number}=; HttpOnly; Path=/; Max-Age=0"));
    }
    assert_eq!(cookies[4], "AWSALBAuthNonce=; HttpOnly; Path=/; Max-Age=0");
    assert!(!cookies[0].contains("jane"), "sealed: {cookies:?}");
    assert_eq!(browser.get("/").await.user().as_deref(), Some("user:default/jane.doe_example.com"));
}

#[tokio::test]
async fn users_come_as_their_providers_shape_them() {
    let site = Site::new().await;
    for user in site.emulator.demo().expect("the demo provider").user_ids() {
        let browser = site.browser();
        let page = browser.sign_in("/", &user).await;
        // The guest of a partner is known and not let in, which an optional layer answers with 403.
        match user.as_str() {
            "guest" | "partner" => assert_eq!(page.status, 403, "{user}"),
            _ => assert!(page.user().is_some(), "{user}: {page:?}"),
        }
    }
}

/// What SignOut answers, in a browser.
#[tokio::test]
async fn expired_cookies_end_the_session_and_another_user_can_sign_in() {
    let site = Site::new().await;
    let (browser, jar) = site.browser_with_jar();
    let jane = browser.sign_in("/", "jane").await.user();
    let answer: http::Response<String> =
        SignOut::builder().build().expect("sound").response(&Method::POST, &http::HeaderMap::new());
    let app = site.emulator.url().parse().expect("a URL");
    for expired in answer.headers().get_all("set-cookie") {
        jar.add_cookie_str(expired.to_str().expect("ASCII"), &app);
    }
    assert_eq!(browser.get("/").await.status, 302, "the session is gone");

    let (other, _) = site.browser_with_jar();
    let ids = site.emulator.demo().expect("the demo provider").user_ids();
    let second = ids.iter().find(|id| *id != "jane" && !["guest", "partner"].contains(&id.as_str())).expect("another");
    let other = other.sign_in("/", second).await.user();
    assert!(jane.is_some() && other.is_some());
    assert_ne!(jane, other);
}
