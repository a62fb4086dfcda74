//! S-67: the keys that tokens verify by.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use http::Method;
use tower_alb_auth::{
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoreFuture, StoredKey},
    },
    test_util::User,
};

use crate::router::site::{Site, json, said, shown};

const PATHS: [&str; 2] = ["/.well-known/jwks.json", "/.backstage/auth/v1/jwks.json"];

#[tokio::test]
async fn a_key_set_is_as_stock_back_ends_read_it() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    let answer = site.get("/.well-known/jwks.json").await;
    let keys = json(&answer);
    let key = &keys["keys"][0];
    let text = |member: &str| key[member].as_str().expect("a text").to_owned();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"keys":[{{"kty":"EC","x":"{}","y":"{}","crv":"P-256","kid":"{}","alg":"ES256","exp":1767237000}}]}}"#,
            text("x"),
            text("y"),
            text("kid")
        )
    );
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=5"));
    let header = BASE64URL.decode(token.split('.').next().unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(header).unwrap(),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{}"}}"#, text("kid"))
    );
}

#[tokio::test]
async fn plugin_keys_are_a_set_of_their_own() {
    let site = Site::new().await;
    site.tokens.plugin_token("catalog").await.unwrap();
    let of_plugins = json(&site.get("/.backstage/auth/v1/jwks.json").await);
    let of_users = json(&site.get("/.well-known/jwks.json").await);
    assert_eq!((of_plugins["keys"].as_array().unwrap().len(), of_users["keys"].as_array().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn s_67_a_key_set_is_read_and_nothing_else() {
    let site = Site::new().await;
    for path in PATHS {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
            let answer = site.call(site.request(path).method(method.clone())).await;
            assert_eq!(said(&answer).0, 405, "{method} {path}");
            assert_eq!((answer.header("allow"), answer.header("cache-control")), (Some("GET,HEAD"), Some("no-store")));
        }
        let get = shown(&site.get(path).await);
        let head = shown(&site.call(site.request(path).method(Method::HEAD)).await);
        assert_eq!(head.trim_end(), get.split("\n\n").next().unwrap(), "{path}");
    }
}

#[tokio::test]
async fn s_67_a_reader_who_has_the_key_set_gets_304_until_it_changes() {
    let site = Site::new().await;
    site.token(&User::jane()).await;
    let path = "/.well-known/jwks.json";
    let tag = site.get(path).await.header("etag").expect("an ETag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 45, "{tag}");
    for held in [tag.clone(), format!("W/{tag}"), format!("\"other\" ,  {tag}"), "*".to_owned()] {
        let answer = site.call(site.request(path).header("if-none-match", &held)).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (304, ""), "{held}");
        assert_eq!((answer.header("etag"), answer.header("cache-control")), (Some(&*tag), Some("public, max-age=5")));
    }
    for other in ["\"other\"", tag.trim_matches('"'), "", "\u{f6}"] {
        assert_eq!(site.call(site.request(path).header("if-none-match", other)).await.status, 200, "{other}");
    }
    let more = PublicJwk::parse(r#"{"kty":"oct-public-nothing","kid":"another"}"#).unwrap();
    site.stores.publish(StoredKey::new(more, SystemTime::now(), None)).await.unwrap();
    let changed = site.call(site.request(path).header("if-none-match", &tag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(&*tag));
}

/// A store that others write to may have a row twice.
struct Twice;

impl PublicKeyStore for Twice {
    fn publish(&self, _: StoredKey) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        let key = |n: u32| PublicJwk::parse(&format!(r#"{{"kty":"RSA","kid":"same","n":"{n}"}}"#)).unwrap();
        Box::pin(async move { Ok([1, 2].map(|n| StoredKey::new(key(n), SystemTime::now(), None)).to_vec()) })
    }

    fn remove(&self, _: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn s_67_no_key_id_stands_twice_in_a_key_set() {
    use tower_alb_auth::{
        backstage::{BackstageAuth, TokenIssuer, router},
        test_util::MockAlb,
    };
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").user_keys(Twice).build().unwrap();
    let auth = BackstageAuth::builder(MockAlb::new().layer().handle(), tokens).build().unwrap();
    let address = crate::router::site::listen(router(auth)).await;
    let caller = crate::support::wire::Caller::new(crate::support::wire::Http::Two, address);
    let answer = caller.call(http::Request::get("/.well-known/jwks.json").body(String::new()).unwrap()).await;
    assert_eq!(answer.body, r#"{"keys":[{"kty":"RSA","kid":"same","n":"1"}]}"#);
}
