//! Codes: what they are exchanged for, once.

use std::time::Duration;

use crate::provider::site::{CALLBACK, CHALLENGE, OTHER, OTHER_CALLBACK, SECRET, Site, Tokens, VERIFIER, payload};

#[tokio::test]
async fn a_code_becomes_tokens() {
    let site = Site::new().await;
    let code = site.code("jane", &[("nonce", "n-0S6_WzA2Mj")]).await;
    let answer = site.redeem(&code, &[]).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert_eq!(answer.json()["expires_in"], 3600);
    assert_eq!(answer.json()["scope"], "openid email profile");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(payload(&tokens.id)["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(tokens.access.split('.').count(), 1, "an access token tells nothing");
}

#[tokio::test]
async fn a_code_with_a_challenge_wants_its_verifier() {
    let site = Site::new().await;
    let challenge = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = site.code("jane", &challenge).await;
    Tokens::of(&site.redeem(&code, &[("code_verifier", VERIFIER)]).await);

    for verifier in [None, Some("another verifier of good length, 43 characters!"), Some(CHALLENGE)] {
        let code = site.code("jane", &challenge).await;
        let more: Vec<(&str, &str)> = verifier.map(|verifier| ("code_verifier", verifier)).into_iter().collect();
        site.redeem(&code, &more).await.assert_refused(400, "invalid_grant");
    }
    // One without a challenge takes no verifier: an attacker removed the challenge from the request.
    let code = site.code("jane", &[]).await;
    site.redeem(&code, &[("code_verifier", VERIFIER)]).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_gave() {
    let site = Site::new().await;
    let code = site.code("jane", &[]).await;
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);
    assert_eq!(site.userinfo(&tokens.access).await.status.as_u16(), 200);
    site.clock.advance(Duration::from_secs(300));

    site.redeem(&code, &[]).await.assert_refused(400, "invalid_grant");

    assert_eq!(site.userinfo(&tokens.access).await.status.as_u16(), 401);
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    site.redeem(&code, &[]).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let site = Site::new().await;
    let (early, late) = (site.code("jane", &[]).await, site.code("jane", &[]).await);
    site.clock.advance(Duration::from_secs(59));
    Tokens::of(&site.redeem(&early, &[]).await);
    site.clock.advance(Duration::from_secs(1));
    site.redeem(&late, &[]).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_belongs_to_its_client_and_redirect_uri() {
    let site = Site::new().await;
    let code = site.code("jane", &[]).await;
    let by_other = [
        ("client_id", OTHER),
        ("client_secret", SECRET),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
    ];
    site.browser().post("/token", &by_other).await.assert_refused(400, "invalid_grant");
    // A stranger's try costs the owner nothing.
    Tokens::of(&site.redeem(&code, &[]).await);

    for redirect_uri in [None, Some(OTHER_CALLBACK), Some("http://app.localhost:9000/oauth2/idpresponse/")] {
        let code = site.code("jane", &[]).await;
        let mut form = vec![("grant_type", "authorization_code"), ("code", &code)];
        form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        site.token(&form).await.assert_refused(400, "invalid_grant");
        // There is no second try.
        site.redeem(&code, &[]).await.assert_refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn what_is_no_code_is_refused() {
    let site = Site::new().await;
    site.redeem("forged", &[]).await.assert_refused(400, "invalid_grant");
    site.redeem("", &[]).await.assert_refused(400, "invalid_request");
    for (form, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials")], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code"), ("code", "a"), ("code", "b")], "invalid_request"),
    ] {
        site.token(&form).await.assert_refused(400, error);
    }
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let site = Site::new().await;
    let code = site.code("jane", &[("scope", "email")]).await;
    let answer = site.redeem(&code, &[]).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(answer.json()["id_token"].is_null(), "{answer:?}");
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(site.userinfo(&access).await.status.as_u16(), 403);
}
