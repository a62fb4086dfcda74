//! What can be switched while it runs.

use http::StatusCode;

use crate::provider::site::{CALLBACK, Site, Tokens, payload};

#[tokio::test]
async fn a_user_may_be_signed_in_without_a_page() {
    let site = Site::with(|builder| builder.auto_sign_in("admin")).await;
    let browser = site.browser();
    let who = async |more: &[(&str, &str)]| {
        let code = browser.authorize(more).await.sent_to(CALLBACK)["code"].clone();
        let tokens = Tokens::of(&site.redeem(&code, &[]).await);
        let name = site.userinfo(&tokens.access).await.json()["name"].as_str().unwrap().to_owned();
        (name, payload(&tokens.id)["sid"].as_str().unwrap().to_owned(), tokens)
    };
    let (name, first, tokens) = who(&[]).await;
    assert_eq!(name, "Ada Admin");
    let (name, second, _) = who(&[("prompt", "login")]).await;
    assert_eq!((name.as_str(), &second), ("Ada Admin", &first), "one sign-in");

    // A sign-out ends that sign-in all the same.
    browser.get("/logout", &[]).await.assert_page(200, "signed out");
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    assert_ne!(who(&[("prompt", "none")]).await.1, first);

    site.provider.auto_sign_in(Some("jane")).unwrap();
    assert_eq!(who(&[]).await.0, "Jane Doe");
    site.provider.auto_sign_in(None).unwrap();
    browser.authorize(&[("prompt", "login")]).await.ticket();
}

#[tokio::test]
async fn no_client_is_signed_in_as_a_user_who_does_not_exist() {
    let site = Site::new().await;
    let said = site.provider.auto_sign_in(Some("jan")).unwrap_err().to_string();
    assert!(said.contains("has no user \"jan\"") && said.contains("jane, carlos, admin"), "{said}");
    site.browser().authorize(&[]).await.ticket();
}

#[tokio::test]
async fn refreshes_can_be_refused() {
    let site = Site::new().await;
    let tokens = site.tokens("jane").await;
    site.provider.refuse_refresh(true);
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::OK);
    site.provider.refuse_refresh(false);
    Tokens::of(&site.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn sign_ins_can_be_answered_with_an_error() {
    let site = Site::new().await;
    site.provider.respond_with_error(Some("server_error"));
    site.browser().authorize(&[]).await.assert_sent_back("server_error");
    // Still not to strangers.
    site.browser().authorize(&[("redirect_uri", "https://evil.example/")]).await.assert_page(400, "not registered");
    site.provider.respond_with_error(None);
    site.browser().authorize(&[]).await.ticket();
}

#[tokio::test]
async fn sign_ins_can_be_forgotten() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let code = browser.choose(&page, "jane").await.sent_to(CALLBACK)["code"].clone();
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);
    let unused = browser.authorize(&[]).await.sent_to(CALLBACK)["code"].clone();

    site.provider.forget_sign_ins();

    browser.authorize(&[]).await.ticket();
    assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    site.redeem(&unused, &[]).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn there_may_be_no_refresh_tokens() {
    let site = Site::with(|builder| builder.without_refresh_tokens()).await;
    let code = site.code("jane", &[("scope", "openid offline_access")]).await;
    let answer = site.redeem(&code, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.contains("refresh_token"), "{answer:?}");
}

#[tokio::test]
async fn a_provider_that_is_dropped_is_gone() {
    let site = Site::new().await;
    let browser = site.browser().client;
    let url = site.url("/jwks");
    assert!(browser.get(&url).send().await.is_ok());
    drop(site);
    let gone = async {
        while browser.get(&url).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.expect("it stops");
}
