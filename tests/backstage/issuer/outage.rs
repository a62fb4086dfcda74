//! The store is down.

use std::{sync::Arc, time::Duration};

use tower_alb_auth::{backstage::TokenRefused, test_util::TestClock};
use tracing::Level;

use crate::{
    issuer::site::{MINUTE, Store, builder, is_signed_by, jane, kid, kids, second, settle, token},
    support::traced::Traced,
};

#[tokio::test]
async fn f_38_without_a_published_key_no_token_is_given_and_the_next_call_tries_again() {
    let store = Store::default();
    store.set_down(true);
    let issuer = builder(&TestClock::new()).user_keys(store.clone()).plugin_keys(store.clone()).build().unwrap();
    for tries in 1..=3 {
        let error = issuer.user_token(&jane(), &[]).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), store.publications()), ("the database is down", tries));
    }
    assert!(issuer.plugin_token("catalog").await.is_err());
    let readiness = issuer.readiness();
    assert!(!readiness.is_ready());
    assert!(readiness.problems()[0].contains("the database is down"), "{readiness:?}");

    store.set_down(false);
    let token = token(&issuer).await;
    assert!(is_signed_by(&token, &issuer.public_keys().await.unwrap()));
    let rows = store.rows().await;
    assert_eq!(rows.iter().filter(|row| row.key.kid() == kid(&token)).count(), 1);
    assert_eq!(rows.len(), 1, "one key was made for all tries");
    assert!(issuer.plugin_token("catalog").await.is_ok());
}

#[tokio::test]
async fn f_38_a_store_that_hangs_is_a_store_that_is_down() {
    let store = Store::default();
    let hangs = Arc::clone(&store.slow).lock_owned().await;
    let issuer = builder(&TestClock::new()).user_keys(store.clone()).build().unwrap();
    tokio::time::pause();
    let error = issuer.user_token(&jane(), &[]).await.unwrap_err();
    assert!(error.to_string().contains("did not respond within 5s"), "{error}");
    drop(hangs);
    assert!(issuer.user_token(&jane(), &[]).await.is_ok());
}

#[tokio::test]
async fn f_38_a_caller_who_goes_away_neither_stops_the_key_nor_makes_another() {
    let store = Store::default();
    let hangs = Arc::clone(&store.slow).lock_owned().await;
    let issuer = builder(&TestClock::new()).user_keys(store.clone()).build().unwrap();
    let user = jane();
    for _ in 0..5 {
        let call = issuer.user_token(&user, &[]);
        assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    }
    drop(hangs);
    token(&issuer).await;
    assert_eq!((store.publications(), store.rows().await.len()), (1, 1));
}

#[tokio::test]
async fn f_38_a_key_in_its_time_signs_on_while_the_store_is_down_and_no_longer() {
    let (traced, _guard) = Traced::begin();
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    let first = kid(&token(&issuer).await);
    store.set_down(true);
    for _ in 0..118 {
        clock.advance(MINUTE);
        let token = token(&issuer).await;
        assert_eq!(kid(&token), first);
        assert!(is_signed_by(&token, &issuer.public_keys().await.unwrap_or_default()) || store.lists() == 0);
        settle().await;
    }
    assert!(issuer.readiness().is_ready(), "it still signs");
    assert!(issuer.readiness().problems()[0].contains("the database is down"));
    assert!(
        traced
            .lines(Level::WARN)
            .iter()
            .any(|line| line.contains("publishing a signing key failed: the database is down"))
    );
    // From here on what it signs could outlive its row.
    clock.advance(MINUTE);
    assert!(issuer.user_token(&jane(), &[]).await.is_err());

    store.set_down(false);
    assert_ne!(kid(&token(&issuer).await), first);
    assert!(!issuer.readiness().is_ready(), "the key is so new that a verifier may be in its cool-down");
    clock.advance(second(35));
    let readiness = issuer.readiness();
    assert!(readiness.is_ready() && readiness.problems().is_empty(), "{readiness:?}");
}

#[tokio::test]
async fn f_38_tries_beside_requests_are_ever_further_apart() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    token(&issuer).await;
    store.set_down(true);
    clock.advance(35 * MINUTE);
    let before = store.publications();
    for _ in 0..600 {
        token(&issuer).await;
        settle().await;
        clock.advance(second(1));
    }
    let tries = store.publications() - before;
    // After 1, 2, 4, 8 and 16 s, then every 30 s.
    assert!((20..=26).contains(&tries), "{tries}");
    store.set_down(false);
    clock.advance(second(30));
    token(&issuer).await;
    settle().await;
    assert_eq!(store.rows().await.len(), 2);
}

#[tokio::test]
async fn strangers_who_ask_for_the_keys_of_a_store_that_is_down_do_not_fill_the_log() {
    let (traced, _guard) = Traced::begin();
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    token(&issuer).await;
    issuer.public_keys().await.unwrap();
    store.set_down(true);
    let told =
        || traced.lines(Level::WARN).iter().filter(|line| line.contains("last listed public keys are served")).count();
    for _ in 0..50 {
        issuer.public_keys().await.unwrap();
    }
    assert_eq!(told(), 1);
    clock.advance(MINUTE);
    issuer.public_keys().await.unwrap();
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn f_38_keys_listed_last_are_served_for_their_time() {
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).user_keys(store.clone()).build().unwrap();
    let b = builder(&clock).user_keys(store.clone()).build().unwrap();
    let of_a = token(&a).await;

    store.set_down(true);
    assert!(b.public_keys().await.is_err(), "it has never listed any");
    assert!(matches!(b.verify(&of_a).await, Err(TokenRefused::Unavailable(_))));

    store.set_down(false);
    assert!(b.verify(&of_a).await.is_ok());
    store.set_down(true);
    assert_eq!(kids(&b.public_keys().await.unwrap()), [kid(&of_a)]);
    clock.advance(59 * MINUTE);
    assert!(b.verify(&of_a).await.is_ok(), "a known key needs no store");
    // 3 lives and the verifiers' cache time.
    clock.advance((190 - 59) * MINUTE);
    assert_eq!(b.public_keys().await.unwrap(), []);
}

#[tokio::test]
async fn a_crowd_that_asks_for_the_keys_makes_two_queries_at_most() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    let kid = kid(&token(&issuer).await);
    let before = store.lists();
    let hangs = Arc::clone(&store.slow).lock_owned().await;
    let crowd: Vec<_> = (0..500)
        .map(|_| {
            let issuer = issuer.clone();
            tokio::spawn(async move { issuer.public_keys().await.unwrap() })
        })
        .collect();
    settle().await;
    drop(hangs);
    for one in crowd {
        assert_eq!(kids(&one.await.unwrap()), [kid.as_str()]);
    }
    assert!(store.lists() - before <= 2, "{}", store.lists() - before);
}

/// A request after a key was published gets it, even while an earlier query is in progress.
#[tokio::test]
async fn a_query_that_began_before_a_key_was_published_serves_no_later_request() {
    let (clock, store) = (TestClock::new(), Store::default());
    let (a, b) = (
        builder(&clock).user_keys(store.keys.clone()).build().unwrap(),
        builder(&clock).user_keys(store.clone()).build().unwrap(),
    );
    let hangs = Arc::clone(&store.slow).lock_owned().await;
    let early = tokio::spawn({
        let b = b.clone();
        async move { b.public_keys().await }
    });
    settle().await;
    let before = store.lists();
    let token = token(&a).await;
    let late = tokio::spawn(async move { b.public_keys().await });
    settle().await;
    drop(hangs);
    early.await.unwrap().unwrap();
    assert_eq!(kids(&late.await.unwrap().unwrap()), [kid(&token)]);
    assert_eq!(store.lists() - before, 1, "one of its own");
}
