//! Refresh tokens: how a session is renewed, and how it is not.

use std::time::Duration;

use http::StatusCode;

use crate::provider::site::{OTHER, SECRET, Site, Tokens};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn each_refresh_gives_new_tokens_and_the_user_stays() {
    let site = Site::new().await;
    let first = site.tokens("jane").await;
    let mut tokens = first.clone();
    for _ in 0..5 {
        site.clock.advance(60 * MINUTE);
        assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::UNAUTHORIZED, "an hour is over");
        let next = Tokens::of(&site.refresh(&tokens.refresh).await);
        assert_ne!((&next.access, &next.refresh), (&tokens.access, &tokens.refresh));
        assert_eq!(site.userinfo(&next.access).await.json()["name"], "Jane Doe");
        tokens = next;
    }
}

#[tokio::test]
async fn a_used_refresh_token_is_good_for_half_a_minute_more() {
    let site = Site::new().await;
    let first = site.tokens("jane").await;
    let one = Tokens::of(&site.refresh(&first.refresh).await);
    site.clock.advance(Duration::from_secs(29));
    // Another request of the same page, which still had the old cookie.
    let two = Tokens::of(&site.refresh(&first.refresh).await);
    for tokens in [&one, &two] {
        Tokens::of(&site.refresh(&tokens.refresh).await);
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_late_a_second_time_ends_the_sign_in() {
    let site = Site::new().await;
    let first = site.tokens("jane").await;
    let bystander = site.tokens("jane").await;
    let second = Tokens::of(&site.refresh(&first.refresh).await);
    site.clock.advance(Duration::from_secs(30));

    site.refresh(&first.refresh).await.assert_refused(400, "invalid_grant");

    site.refresh(&second.refresh).await.assert_refused(400, "invalid_grant");
    assert_eq!(site.userinfo(&second.access).await.status, StatusCode::UNAUTHORIZED);
    // Another sign-in of hers is none of this.
    Tokens::of(&site.refresh(&bystander.refresh).await);
}

#[tokio::test]
async fn without_grace_the_second_use_ends_the_sign_in_at_once() {
    let site = Site::with(|builder| builder.refresh_reuse_grace(Duration::ZERO)).await;
    let first = site.tokens("jane").await;
    let second = Tokens::of(&site.refresh(&first.refresh).await);
    site.refresh(&first.refresh).await.assert_refused(400, "invalid_grant");
    site.refresh(&second.refresh).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_belongs_to_its_client() {
    let site = Site::new().await;
    let tokens = site.tokens("jane").await;
    let by_other = [
        ("client_id", OTHER),
        ("client_secret", SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
    ];
    site.browser().post("/token", &by_other).await.assert_refused(400, "invalid_grant");
    Tokens::of(&site.refresh(&tokens.refresh).await);
    // Neither kind of token stands for the other.
    site.refresh(&tokens.access).await.assert_refused(400, "invalid_grant");
    assert_eq!(site.userinfo(&tokens.refresh).await.status, StatusCode::UNAUTHORIZED);
    site.refresh("").await.assert_refused(400, "invalid_request");
}

#[tokio::test]
async fn a_scope_narrows_and_never_grows() {
    let site = Site::new().await;
    let code = site.code("jane", &[("scope", "openid email")]).await;
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);
    let refresh = async |scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str()), ("scope", scope)];
        site.token(&form).await
    };
    refresh("openid email profile").await.assert_refused(400, "invalid_scope");
    let narrow = Tokens::of(&refresh("openid").await);
    assert!(site.userinfo(&narrow.access).await.json()["email"].is_null());
    let whole = Tokens::of(&refresh("openid email").await);
    assert_eq!(site.userinfo(&whole.access).await.json()["email"], "jane.doe@example.com");
}

#[tokio::test]
async fn access_tokens_live_as_long_as_the_setting_says() {
    let site = Site::with(|builder| builder.access_token_lifetime(Duration::from_secs(5))).await;
    let code = site.code("jane", &[]).await;
    let answer = site.redeem(&code, &[]).await;
    assert_eq!(answer.json()["expires_in"], 5);
    let tokens = Tokens::of(&answer);
    site.clock.advance(Duration::from_secs(4));
    assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::OK);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_month_later_the_sign_in_is_over() {
    let site = Site::new().await;
    let tokens = site.tokens("jane").await;
    site.clock.advance(30 * 24 * 60 * MINUTE);
    site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
}
