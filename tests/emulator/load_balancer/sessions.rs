//! How sessions end, are renewed, and are not forged.

use std::time::Duration;

use serde_json::json;

use crate::load_balancer::site::Site;

const JANE: &str = "user:default/jane_example.com";

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let (site, _provider) = Site::scripted_with(|config| config.session_timeout(Duration::from_secs(100))).await;
    let browser = site.browser();
    assert_eq!(browser.callback("/").await.status, 302);
    assert_eq!(browser.get("/").await.user().as_deref(), Some(JANE));
    site.clock.advance(Duration::from_secs(99));
    assert_eq!(browser.get("/").await.user().as_deref(), Some(JANE));
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.get("/").await.status, 302);
}

#[tokio::test]
async fn a_session_is_renewed_when_its_access_token_ends() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    assert_eq!(provider.asked().len(), 1);
    provider.change(|script| {
        script.token["access_token"] = json!("access-2");
        script.token["refresh_token"] = json!("refresh-2");
        script.id_token = json!(null);
        script.userinfo["email"] = json!("jane.roe@example.com");
    });
    assert_eq!(browser.get("/").await.user().as_deref(), Some(JANE), "not before it has ended");
    site.clock.advance(Duration::from_secs(3600));
    let renewed = browser.get("/").await;
    assert_eq!(renewed.user().as_deref(), Some("user:default/jane.roe_example.com"), "the claims are those of now");
    assert_eq!(renewed.saw("x-amzn-oidc-accesstoken").as_deref(), Some("access-2"));
    assert!(renewed.cookies()[0].starts_with("AWSELBAuthSessionCookie-0="));
    let asked = provider.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0["grant_type"], "refresh_token");
    assert_eq!(asked[0].0["refresh_token"], "refresh-1");
    // The browser holds the renewed session, with the refresh token of now.
    assert_eq!(browser.get("/").await.saw("x-amzn-oidc-accesstoken").as_deref(), Some("access-2"));
    site.clock.advance(Duration::from_secs(3600));
    browser.get("/").await;
    assert_eq!(provider.asked()[0].0["refresh_token"], "refresh-2");
    // Its end stays where it was.
    site.clock.advance(Duration::from_secs(604_800 - 7_200));
    assert_eq!(browser.get("/").await.status, 302);
}

#[tokio::test]
async fn a_provider_that_refuses_ends_the_session_and_one_that_fails_does_not() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    site.clock.advance(Duration::from_secs(3600));
    provider.change(|script| script.silent = Some("/token"));
    assert_eq!(browser.get("/").await.status, 500);
    provider.change(|script| {
        script.silent = None;
        script.userinfo["sub"] = json!("subject-2");
    });
    assert_eq!(browser.get("/").await.status, 561, "nobody becomes somebody else by a renewal");
    provider.change(|script| {
        (script.token_status, script.token) = (400, json!({ "error": "invalid_grant" }));
    });
    assert_eq!(browser.get("/").await.status, 302, "to the provider");
}

#[tokio::test]
async fn without_a_refresh_token_a_session_goes_on_to_its_end() {
    let (site, provider) = Site::scripted().await;
    provider.change(|script| {
        script.token.as_object_mut().expect("an object").remove("refresh_token");
    });
    let browser = site.browser();
    browser.callback("/").await;
    provider.asked();
    site.clock.advance(Duration::from_secs(7200));
    assert_eq!(browser.get("/").await.user().as_deref(), Some(JANE));
    assert_eq!(provider.asked().len(), 0);
}

#[tokio::test]
async fn the_demo_provider_renews_and_refuses() {
    let site = Site::new().await;
    let demo = site.emulator.demo().expect("the demo provider").clone();
    let browser = site.browser();
    let jane = browser.sign_in("/", "jane").await.user();
    let first = browser.get("/").await.saw("x-amzn-oidc-accesstoken");
    site.clock.advance(Duration::from_secs(3601));
    let renewed = browser.get("/").await;
    assert_eq!(renewed.user(), jane);
    assert_ne!(renewed.saw("x-amzn-oidc-accesstoken"), first);
    demo.refuse_refresh(true);
    site.clock.advance(Duration::from_secs(3601));
    assert_eq!(browser.get("/").await.status, 302);
}

#[tokio::test]
async fn eleven_kilobytes_of_claims_are_cut_into_four_cookies_and_more_is_500() {
    let (site, provider) = Site::scripted().await;
    let groups = |bytes: usize| vec!["g".repeat(97); bytes / 100];
    for (bytes, status) in [(3_000, 302), (10_800, 302), (11_400, 500)] {
        provider.change(|script| script.userinfo["groups"] = json!(groups(bytes)));
        let browser = site.browser();
        let page = browser.callback("/").await;
        assert_eq!(page.status, status, "{bytes}");
        if status == 302 {
            let pieces: Vec<&str> = page
                .cookies()
                .into_iter()
                .filter(|cookie| cookie.starts_with("AWSELBAuthSessionCookie-") && !cookie.contains("=;"))
                .collect();
            assert_eq!(pieces.len(), if bytes > 10_000 { 4 } else { 2 }, "{bytes}");
            assert!(pieces.iter().all(|piece| piece.len() <= 4096));
            let seen = browser.get("/").await;
            assert_eq!(seen.user().as_deref(), Some(JANE), "{bytes}");
        }
    }
}

/// The cookies of a session of Jane, as `name=value`.
async fn pieces(site: &Site) -> Vec<String> {
    let page = site.browser().callback("/").await;
    let cookies = page.cookies().into_iter().map(|cookie| cookie.split(';').next().expect("a cookie").to_owned());
    cookies.filter(|cookie| cookie.starts_with("AWSELBAuthSessionCookie-") && !cookie.ends_with('=')).collect()
}

#[tokio::test]
async fn pieces_that_are_cut_changed_mixed_or_in_another_order_are_no_session() {
    let (site, provider) = Site::scripted().await;
    provider.change(|script| script.userinfo["groups"] = json!(vec!["g".repeat(97); 60]));
    let (one, other) = (pieces(&site).await, pieces(&site).await);
    assert_eq!((one.len(), other.len()), (3, 3));
    let value = |piece: &String| piece.split_once('=').expect("a value").1.to_owned();
    let named = |values: &[String]| -> String {
        let named =
            values.iter().enumerate().map(|(number, value)| format!("AWSELBAuthSessionCookie-{number}={value}"));
        named.collect::<Vec<_>>().join("; ")
    };
    let values: Vec<String> = one.iter().map(value).collect();
    let others: Vec<String> = other.iter().map(value).collect();
    let flipped = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let [a, b, c] = [&values[0], &values[1], &values[2]].map(Clone::clone);
    let status = async |cookie: String| {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = client.resolve("app.localhost", site.emulator.address()).build().expect("a client");
        client.get(site.url("/")).header("cookie", cookie).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(named(&values)).await, 200, "as they were set");
    assert_eq!(status(format!("theme=dark; {}; x=y", named(&values))).await, 200);
    for (case, cookie) in [
        ("another order", named(&[b.clone(), a.clone(), c.clone()])),
        ("the last one missing", named(&[a.clone(), b.clone()])),
        ("the first one missing", named(&[b.clone(), c.clone()])),
        ("one of another session", named(&[a.clone(), others[1].clone(), c.clone()])),
        ("one too many", named(&[a.clone(), b.clone(), c.clone(), "AAAA".to_owned()])),
        ("a bit changed", named(&[a.clone(), flipped(&b, 100), c.clone()])),
        ("the nonce changed", named(&[flipped(&a, 0), b.clone(), c.clone()])),
        ("the tag changed", named(&[a.clone(), b.clone(), flipped(&c, c.len() - 1)])),
        ("cut", named(&[a.clone(), b.clone(), c[..c.len() - 4].to_owned()])),
        ("nonsense", named(&["x".to_owned()])),
        ("two of one name that differ", format!("{}; AWSELBAuthSessionCookie-1={}", named(&values), others[1])),
        ("under another name", named(&values).replace("AWSELBAuthSessionCookie", "Other")),
    ] {
        assert_eq!(status(cookie).await, 302, "{case}");
    }
    assert_eq!(site.calls(), 2);
}

/// A state is sealed with the same key, and never taken for a session.
#[tokio::test]
async fn a_state_is_no_session() {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let (site, _provider) = Site::scripted().await;
    let state = crate::load_balancer::site::query(site.browser().get("/").await.location(), "state");
    let state = state.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let cookie =
        format!("AWSELBAuthSessionCookie-0={}", URL_SAFE_NO_PAD.encode(STANDARD.decode(state).expect("base64")));
    let client = site.browser().client;
    let answer = client.get(site.url("/")).header("cookie", cookie).send().await.expect("an answer");
    assert_eq!(answer.status(), 302);
}
