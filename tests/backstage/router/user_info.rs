//! `/v1/userinfo`: who holds this token.

use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::Value;
use tower_alb_auth::{
    EntityRef,
    backstage::store::{StoreFuture, UserInfo, UserInfoStore},
    test_util::User,
};

use crate::router::site::{Site, said, shown};

/// The limited token that is made of a whole one, as stock back ends make it.
fn limited(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value { serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let header = format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":{}}}"#, header["kid"]);
    let payload = format!(r#"{{"sub":{},"iat":{},"exp":{}}}"#, claims["sub"], claims["iat"], claims["exp"]);
    format!("{}.{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload), claims["uip"].as_str().unwrap())
}

#[tokio::test]
async fn a_whole_token_and_a_limited_one_are_answered_alike() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    let whole = shown(&site.user_info(&token).await);
    insta::assert_snapshot!(whole, @r##"
    200
    cache-control: no-store
    content-length: 74
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"claims":{"sub":"user:default/jane.doe","ent":["user:default/jane.doe"]}}
    "##);
    assert_eq!(shown(&site.user_info(&limited(&token)).await), whole);
}

#[tokio::test]
async fn without_a_token_there_is_no_answer() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.get("/v1/userinfo").await), @r##"
    401
    cache-control: no-store
    content-length: 161
    content-type: application/json; charset=utf-8
    vary: origin
    www-authenticate: Bearer
    x-content-type-options: nosniff

    {"error":{"name":"AuthenticationError","message":"A Backstage token is required."},"request":{"method":"GET","url":"/v1/userinfo"},"response":{"statusCode":401}}
    "##);
    insta::assert_snapshot!(shown(&site.user_info("a.b.c").await), @r##"
    401
    cache-control: no-store
    content-length: 172
    content-type: application/json; charset=utf-8
    vary: origin
    www-authenticate: Bearer error="invalid_token"
    x-content-type-options: nosniff

    {"error":{"name":"AuthenticationError","message":"The token is not a valid Backstage token."},"request":{"method":"GET","url":"/v1/userinfo"},"response":{"statusCode":401}}
    "##);
}

#[tokio::test]
async fn the_scheme_counts_in_any_case_and_the_token_is_one_word() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    for (value, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("BEARER   {token}"), 200),
        (format!("Bearer{token}"), 401),
        (format!("Bearer\t{token}"), 401),
        (format!("Bearer {token} x"), 401),
        (format!("Bearer {token},Bearer {token}"), 401),
        (format!("Basic {token}"), 401),
        (format!("Bearer {token}."), 401),
        (token.clone(), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        (String::new(), 401),
        ("Bearer t\u{f6}ken".to_owned(), 401),
    ] {
        let answer = site.call(site.request("/v1/userinfo").header("authorization", &value)).await;
        assert_eq!(answer.status, status, "{value}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let bearer = format!("Bearer {token}");
    let twice = site.request("/v1/userinfo").header("authorization", &bearer).header("authorization", &bearer);
    assert_eq!(site.call(twice).await.status, 401);
    let in_query = site.get(&format!("/v1/userinfo?access_token={token}")).await;
    assert_eq!(in_query.status, 401);
}

#[tokio::test]
async fn s_28_a_load_balancer_s_token_is_no_backstage_token() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    let plugin = site.tokens.plugin_token("catalog").await.unwrap();
    assert_eq!(site.user_info(&site.alb.sign(&User::jane())).await.status, 401);
    assert_eq!(site.user_info(&plugin).await.status, 401);
    // Nor does the load balancer's header say who holds a token.
    let request =
        site.request("/v1/userinfo").user(&User::entra("john.doe")).header("authorization", format!("Bearer {token}"));
    assert!(site.call(request).await.body.contains("user:default/jane.doe"));
    assert_eq!(site.call(site.request("/v1/userinfo").user(&User::jane())).await.status, 401);
}

#[tokio::test]
async fn a_token_that_has_ended_is_refused() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    // Its hour, and what the clocks of replicas may be apart.
    site.clock.advance(Duration::from_secs(3600 + 30));
    assert_eq!(site.user_info(&token).await.status, 401);
}

#[tokio::test]
async fn a_user_who_never_signed_in_is_unknown() {
    let site = Site::new().await;
    let ghost = EntityRef::user("ghost").unwrap();
    let issued = site.tokens.user_token(&ghost, &[]).await.unwrap();
    let answer = site.user_info(issued.expose()).await;
    assert_eq!(said(&answer), (404, "NotFoundError".to_owned(), "The user is unknown.".to_owned()));
}

#[tokio::test]
async fn a_store_out_of_reach_is_no_verdict_on_the_token() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    site.stores.users_down.store(true, Ordering::SeqCst);
    let answer = site.user_info(&token).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")));
    site.stores.users_down.store(false, Ordering::SeqCst);
    // A key that is known is good without its store; one that is not may be good.
    site.stores.keys_down.store(true, Ordering::SeqCst);
    assert_eq!(site.user_info(&token).await.status, 200);
    let elsewhere = Site::new().await.token(&User::jane()).await;
    assert_eq!(site.user_info(&elsewhere).await.status, 503);
    site.stores.keys_down.store(false, Ordering::SeqCst);
    assert_eq!(site.user_info(&elsewhere).await.status, 401);
}

/// A store that responds with another user.
struct Confused;

impl UserInfoStore for Confused {
    fn put(&self, _: UserInfo, _: SystemTime) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn find<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        let admin = EntityRef::user("admin").unwrap();
        Box::pin(async move { Ok(Some(UserInfo::new(admin.clone(), [admin]))) })
    }
}

#[tokio::test]
async fn no_user_gets_the_ownership_of_another_one() {
    let site = Site::with(|auth| auth.user_info(Confused)).await;
    let answer = site.user_info(&site.token(&User::jane()).await).await;
    assert_eq!((answer.status.as_u16(), answer.body.contains("admin")), (404, false), "{answer:?}");
}
