//! Sessions whose access token has ended, and what goes wrong when they are renewed.

use std::time::Duration;

use serde_json::json;
use tower_alb_auth::emulator::{Rule, RuleAction};

use crate::load_balancer::site::Site;

const HOUR: Duration = Duration::from_secs(3600);

/// The application expires the cookies in the very answer that would bring a renewed session.
#[tokio::test]
async fn who_signs_out_while_the_session_is_renewed_is_signed_out() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    provider.asked();
    site.clock.advance(HOUR);
    let gone = browser.get("/sign-out").await;
    assert_eq!(provider.asked().len(), 1, "it was renewed");
    assert!(gone.cookies().iter().any(|cookie| cookie.starts_with("AWSELBAuthSessionCookie-0=;")), "{gone:?}");
    assert_eq!(browser.get("/").await.status, 302);
}

/// A refusal is the provider's word that the session is over. Trouble at the provider is none.
#[tokio::test]
async fn trouble_at_the_provider_ends_no_session() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    site.clock.advance(HOUR);
    for status in [500, 502, 503, 429] {
        provider.change(|script| script.token_status = status);
        assert_eq!(browser.get("/").await.status, 561, "{status} of the token endpoint");
        provider.change(|script| (script.token_status, script.userinfo_status) = (200, status));
        assert_eq!(browser.get("/").await.status, 561, "{status} of userinfo");
        provider.change(|script| script.userinfo_status = 200);
    }
    assert!(browser.get("/").await.user().is_some());
    for (token_status, userinfo_status) in [(400, 200), (200, 401)] {
        site.clock.advance(HOUR);
        provider.change(|script| (script.token_status, script.userinfo_status) = (token_status, userinfo_status));
        assert_eq!(browser.get("/").await.status, 302, "{token_status} {userinfo_status}");
    }
}

/// As one whose time is over: what the rule does without a session is done.
#[tokio::test]
async fn a_session_that_the_provider_ends_has_no_user_where_users_are_optional() {
    let (site, provider) = Site::scripted_with(|config| {
        config.rule(Rule::new("/maybe/*", RuleAction::Allow)).rule(Rule::new("/api/*", RuleAction::Deny))
    })
    .await;
    let browser = site.browser();
    browser.callback("/").await;
    site.clock.advance(HOUR);
    provider.change(|script| (script.token_status, script.token) = (400, json!({ "error": "invalid_grant" })));
    let page = browser.get("/maybe/x").await;
    assert_eq!((page.user(), page.saw("x-amzn-oidc-data")), (None, None));
    assert_eq!(browser.get("/api/x").await.status, 302);
    assert_eq!(browser.get("/").await.status, 302);
}

/// A user who was small enough at the sign-in may have grown.
#[tokio::test]
async fn more_than_eleven_kilobytes_are_500_when_a_session_is_renewed_too() {
    let (site, provider) = Site::scripted().await;
    provider.change(|script| script.token["refresh_token"] = json!("r"));
    let browser = site.browser();
    browser.callback("/").await;
    for (letters, status) in [(11_150, 200), (11_250, 500)] {
        site.clock.advance(HOUR);
        provider.change(|script| {
            script.userinfo = json!({ "sub": crate::load_balancer::scripted::SUBJECT, "x": "g".repeat(letters) })
        });
        assert_eq!(browser.get("/").await.status, status, "{letters}");
    }
}

/// A cookie of the application may hold any bytes, and stands in one line with the session's.
#[tokio::test]
async fn cookies_of_the_application_do_not_hide_the_session() {
    let (site, _provider) = Site::scripted().await;
    let page = site.browser().callback("/").await;
    let session = page.cookies()[0].split(';').next().expect("a cookie").to_owned();
    let client = site.browser().client;
    for other in ["name=J\u{e4}ne".as_bytes(), b"name=\xff\xfe", b"no value", b"=", b"a=\"b\"", b"", b" ; "] {
        let line = [other, b"; ", session.as_bytes(), b"; ", other].concat();
        let request =
            client.get(site.url("/")).header("cookie", http::HeaderValue::from_bytes(&line).expect("a value"));
        let page = crate::load_balancer::site::Page::of(request.send().await.expect("an answer")).await;
        assert!(page.status == 200 && page.user().is_some(), "{}", String::from_utf8_lossy(other));
    }
}
