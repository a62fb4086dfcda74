//! Sign-out: what ends, and where the browser goes.

use http::StatusCode;

use crate::provider::site::{Browser, CALLBACK, CLIENT, GOODBYE, OTHER, OTHER_GOODBYE, Site, Tokens};

/// A browser in which Jane is signed in, and the tokens of that sign-in.
async fn jane_in(site: &Site) -> (Browser<'_>, Tokens) {
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let code = browser.choose(&page, "jane").await.sent_to(CALLBACK)["code"].clone();
    (browser, Tokens::of(&site.redeem(&code, &[]).await))
}

#[tokio::test]
async fn a_sign_out_ends_the_sign_in_and_its_tokens() {
    let site = Site::new().await;
    let (browser, tokens) = jane_in(&site).await;
    let (other_browser, other_tokens) = jane_in(&site).await;

    let answer = browser.get("/logout", &[]).await;

    answer.assert_page(200, "You are signed out");
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{answer:?}");
    browser.authorize(&[]).await.ticket();
    assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    // In another browser she is signed in still.
    other_browser.authorize(&[]).await.sent_to(CALLBACK);
    Tokens::of(&site.refresh(&other_tokens.refresh).await);
}

#[tokio::test]
async fn a_code_that_was_on_its_way_ends_too() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let code = browser.choose(&page, "jane").await.sent_to(CALLBACK)["code"].clone();
    browser.get("/logout", &[]).await.assert_page(200, "signed out");
    site.redeem(&code, &[]).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn the_browser_goes_on_to_registered_addresses_alone() {
    let site = Site::new().await;
    for (case, query) in [
        ("client", vec![("client_id", CLIENT), ("post_logout_redirect_uri", GOODBYE)]),
        ("no client", vec![("post_logout_redirect_uri", GOODBYE)]),
    ] {
        let (browser, _) = jane_in(&site).await;
        let answer = browser.get("/logout", &query).await;
        assert_eq!(answer.header("location"), Some(GOODBYE), "{case}");
        browser.authorize(&[]).await.ticket();
    }
    let with_state = [("post_logout_redirect_uri", GOODBYE), ("state", "a b")];
    assert_eq!(site.browser().get("/logout", &with_state).await.sent_to(GOODBYE)["state"], "a b");

    for (case, query) in [
        ("unknown", vec![("post_logout_redirect_uri", "https://evil.example/")]),
        ("longer", vec![("post_logout_redirect_uri", "http://app.localhost:9000/goodbye/")]),
        ("a sign-in address", vec![("post_logout_redirect_uri", CALLBACK)]),
        ("of another client", vec![("client_id", CLIENT), ("post_logout_redirect_uri", OTHER_GOODBYE)]),
        ("of an unknown client", vec![("client_id", "nobody"), ("post_logout_redirect_uri", GOODBYE)]),
        ("twice", vec![("post_logout_redirect_uri", GOODBYE), ("post_logout_redirect_uri", GOODBYE)]),
    ] {
        let answer = site.browser().get("/logout", &query).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{case}");
    }
}

#[tokio::test]
async fn an_id_token_says_whose_sign_in_ends() {
    let site = Site::new().await;
    let (_, tokens) = jane_in(&site).await;
    // A browser without her cookie, as after a form that another site sent.
    let form = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", GOODBYE)];
    let answer = site.browser().post("/logout", &form).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(GOODBYE)));
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn an_id_token_that_does_not_fit_ends_nothing() {
    let (site, stranger) = (Site::new().await, Site::new().await);
    let (browser, tokens) = jane_in(&site).await;
    let (_, of_stranger) = jane_in(&stranger).await;
    let (start, end) = tokens.id.rsplit_once('.').unwrap();
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{start}.{other}{}", &end[1..]);
    for (case, hint) in [
        ("nonsense", "nonsense"),
        ("no signature", start),
        ("forged", &forged),
        ("of another provider", &of_stranger.id),
        ("an access token", &tokens.access),
    ] {
        let answer = browser.get("/logout", &[("id_token_hint", hint)]).await;
        assert_eq!(answer.status.as_u16(), 400, "{case}");
    }
    let query = [("id_token_hint", tokens.id.as_str()), ("client_id", OTHER)];
    assert_eq!(browser.get("/logout", &query).await.status.as_u16(), 400);
    // Its addresses are those of the client that it was made for.
    let query = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", OTHER_GOODBYE)];
    assert_eq!(browser.get("/logout", &query).await.status.as_u16(), 400);
    Tokens::of(&site.refresh(&tokens.refresh).await);
}
