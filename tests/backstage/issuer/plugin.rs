//! Plugin tokens, as stock back ends verify them.

use tower_alb_auth::{Kid, test_util::TestClock};

use crate::issuer::site::{MINUTE, Store, builder, is_signed_by, json, kid, kids, segment, settle, token};

#[tokio::test]
async fn a_plugin_token_is_from_auth_for_that_plugin_for_an_hour() {
    let clock = TestClock::new();
    let issuer = builder(&clock).token_lifetime(10 * MINUTE).build().unwrap();
    let token = issuer.plugin_token("catalog").await.unwrap();
    let kid = kid(&token);
    assert!(Kid::parse(&kid).is_some());
    assert_eq!(segment(&token, 0), format!(r#"{{"typ":"vnd.backstage.plugin","alg":"ES256","kid":"{kid}"}}"#));
    let iat = json(&token, 1)["iat"].as_u64().unwrap();
    assert_eq!(segment(&token, 1), format!(r#"{{"sub":"auth","aud":"catalog","iat":{iat},"exp":{}}}"#, iat + 3600));
    assert!(is_signed_by(&token, &issuer.plugin_public_keys().await.unwrap()));
}

#[tokio::test]
async fn keys_of_plugin_tokens_and_of_user_tokens_are_apart() {
    let issuer = builder(&TestClock::new()).build().unwrap();
    let (user, plugin) = (token(&issuer).await, issuer.plugin_token("catalog").await.unwrap());
    assert_eq!(kids(&issuer.public_keys().await.unwrap()), [kid(&user)]);
    assert_eq!(kids(&issuer.plugin_public_keys().await.unwrap()), [kid(&plugin)]);
}

#[tokio::test]
async fn f_39_plugin_keys_are_shared_and_say_when_they_expire() {
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).plugin_keys(store.clone()).build().unwrap();
    let b = builder(&clock).plugin_keys(store.clone()).build().unwrap();
    let token = a.plugin_token("catalog").await.unwrap();
    assert!(is_signed_by(&token, &b.plugin_public_keys().await.unwrap()));
    let row = store.rows().await.remove(0);
    // Three lives of a token, as a stock back end keeps it, and its cache time.
    assert_eq!(row.expires_at.unwrap().duration_since(row.created_at).unwrap(), 190 * MINUTE);
}

#[tokio::test]
async fn s_66_plugin_keys_change_within_the_hour_too() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).plugin_keys(store.clone()).build().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let token = issuer.plugin_token("catalog").await.unwrap();
        settle().await;
        assert!(is_signed_by(&token, &issuer.plugin_public_keys().await.unwrap()));
        seen.insert(kid(&token));
        clock.advance(5 * MINUTE);
    }
    assert!((8..=10).contains(&seen.len()), "{}", seen.len());
}
