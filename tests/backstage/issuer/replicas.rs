//! Several replicas on one store.

use tower_alb_auth::{
    Clock,
    backstage::{
        PublicJwk,
        store::{MemoryPublicKeys, PublicKeyStore, StoreFuture, StoredKey},
    },
    test_util::TestClock,
};
use tracing::Level;

use crate::{
    issuer::site::{MINUTE, Store, builder, is_signed_by, jane, kid, kids, limited, second, settle, token},
    support::traced::Traced,
};

#[tokio::test]
async fn f_39_tokens_outlive_the_replica_that_gave_them() {
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).user_keys(store.clone()).build().unwrap();
    let token = token(&a).await;
    drop(a);
    clock.advance(59 * MINUTE);
    let b = builder(&clock).user_keys(store.clone()).build().unwrap();
    assert_eq!(b.verify(&token).await.unwrap().user_entity_ref, jane());
    assert_eq!(b.verify(&limited(&token)).await.unwrap().user_entity_ref, jane());
    assert!(is_signed_by(&token, &b.public_keys().await.unwrap()));
}

#[tokio::test]
async fn f_39_each_replica_lists_and_verifies_what_the_others_sign() {
    let (clock, store) = (TestClock::new(), Store::default());
    let replicas: Vec<_> = (0..3).map(|_| builder(&clock).user_keys(store.clone()).build().unwrap()).collect();
    let mut tokens = Vec::new();
    for replica in &replicas {
        tokens.push(token(replica).await);
    }
    for replica in &replicas {
        let keys = replica.public_keys().await.unwrap();
        assert_eq!(keys.len(), 3);
        for token in &tokens {
            assert!(is_signed_by(token, &keys));
            assert!(replica.verify(token).await.is_ok());
        }
    }
}

#[tokio::test]
async fn a_signing_key_that_was_lost_from_the_store_is_published_again() {
    // After a fail-over to a database that lacked the last rows, or when a replica whose date stood ahead removed it.
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).user_keys(store.clone()).build().unwrap();
    let b = builder(&clock).user_keys(store.clone()).build().unwrap();
    let of_a = token(&a).await;
    store.remove(vec![kid(&of_a)]).await.unwrap();
    assert!(!is_signed_by(&of_a, &b.public_keys().await.unwrap()), "it is lost to the others");

    assert!(is_signed_by(&of_a, &a.public_keys().await.unwrap()));
    settle().await;
    assert!(is_signed_by(&of_a, &b.public_keys().await.unwrap()));
    assert!(b.verify(&of_a).await.is_ok());
    // Asked about all the time, and lost again: not more than once a minute.
    let published = store.publications();
    for _ in 0..10 {
        store.remove(vec![kid(&of_a)]).await.unwrap();
        a.public_keys().await.unwrap();
        settle().await;
    }
    assert_eq!(store.publications(), published);
    clock.advance(MINUTE);
    a.public_keys().await.unwrap();
    settle().await;
    assert_eq!(store.publications(), published + 1);
}

#[tokio::test]
async fn a_known_key_costs_no_query_and_an_unknown_one_is_within_a_budget() {
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).user_keys(store.clone()).build().unwrap();
    let b = builder(&clock).user_keys(store.clone()).build().unwrap();
    let of_a = token(&a).await;
    let start = store.lists();
    b.verify(&of_a).await.unwrap();
    let before = store.lists();
    assert_eq!(before - start, 1);
    for _ in 0..100 {
        b.verify(&of_a).await.unwrap();
    }
    assert_eq!(store.lists(), before);

    let strangers: Vec<String> = {
        let mut tokens = Vec::new();
        for _ in 0..30 {
            tokens.push(token(&builder(&clock).build().unwrap()).await);
        }
        tokens
    };
    let mut refused = Vec::new();
    for stranger in &strangers {
        refused.push(b.verify(stranger).await.unwrap_err().to_string());
    }
    assert_eq!(store.lists() - start, 10);
    assert_eq!(refused[0], "the token's key is unknown");
    assert!(refused[29].contains("too many tokens with unknown kids"), "it may be good: {}", refused[29]);
    // Who is known is not hurt, and a second later the next new key is found.
    assert!(b.verify(&of_a).await.is_ok());
    clock.advance(second(1));
    let of_c = token(&builder(&clock).user_keys(store.clone()).build().unwrap()).await;
    assert!(b.verify(&of_c).await.is_ok());
}

#[tokio::test]
async fn a_row_that_an_operator_removes_is_unknown_ten_minutes_later() {
    let (clock, store) = (TestClock::new(), Store::default());
    let a = builder(&clock).user_keys(store.clone()).build().unwrap();
    let b = builder(&clock).user_keys(store.clone()).build().unwrap();
    let of_a = token(&a).await;
    assert!(b.verify(&of_a).await.is_ok());
    store.keys.remove(vec![kid(&of_a)]).await.unwrap();
    clock.advance(10 * MINUTE);
    assert!(b.verify(&of_a).await.is_err());
}

#[tokio::test]
async fn rows_past_their_time_are_not_listed_and_leave_the_store() {
    let (clock, store) = (TestClock::new(), Store::default());
    let stock = |kid: &str, expires_at| {
        let jwk = format!(r#"{{"kty":"RSA","n":"sXch","e":"AQAB","alg":"RS256","use":"sig","kid":"{kid}"}}"#);
        StoredKey::new(PublicJwk::parse(&jwk).unwrap(), clock.now(), expires_at)
    };
    store.keys.publish(stock("by-age", None)).await.unwrap();
    store.keys.publish(stock("by-date", Some(clock.now() + 5 * MINUTE))).await.unwrap();
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    let listed = || async { kids(&issuer.public_keys().await.unwrap()) };
    assert_eq!(listed().await, ["by-age", "by-date"]);
    clock.advance(5 * MINUTE);
    assert_eq!(listed().await, ["by-age"]);
    settle().await;
    assert_eq!(store.rows().await.len(), 1);
    // Three of Backstage's longest lifetimes, and the verifiers' cache time.
    clock.advance((72 * 60 + 10 - 5 - 1) * MINUTE);
    assert_eq!(listed().await, ["by-age"]);
    clock.advance(MINUTE);
    assert_eq!(listed().await, [] as [&str; 0]);
    settle().await;
    assert_eq!(store.rows().await.len(), 0);
}

#[tokio::test]
async fn keys_of_other_kinds_pass_through_as_they_are_and_verify_nothing() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    let of_us = token(&issuer).await;
    let jwk = r#"{"kty":"RSA","n":"sXch","e":"AQAB","alg":"RS256","use":"sig","kid":"stock"}"#;
    store.keys.publish(StoredKey::new(PublicJwk::parse(jwk).unwrap(), clock.now(), None)).await.unwrap();
    let keys = issuer.public_keys().await.unwrap();
    assert_eq!(kids(&keys), [kid(&of_us).as_str(), "stock"]);
    assert_eq!(keys[1].json(), jwk);
}

/// A store without a unique kid, as no database of Backstage's is.
struct Rows(Vec<StoredKey>);

impl PublicKeyStore for Rows {
    fn publish(&self, _: StoredKey) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn remove(&self, _: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn s_67_a_second_key_of_a_kid_is_refused_and_reported_once() {
    let (traced, _guard) = Traced::begin();
    let clock = TestClock::new();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let issuer = builder(&clock).build().unwrap();
        token(&issuer).await;
        keys.push(issuer.public_keys().await.unwrap().remove(0));
    }
    let other = keys[1].json().replace(keys[1].kid(), keys[0].kid());
    let rows = vec![
        StoredKey::new(PublicJwk::parse(&other).unwrap(), clock.now() + second(1), None),
        StoredKey::new(keys[0].clone(), clock.now(), None),
        StoredKey::new(keys[0].clone(), clock.now(), None),
    ];
    let issuer = builder(&clock).user_keys(Rows(rows)).build().unwrap();
    for _ in 0..3 {
        assert_eq!(issuer.public_keys().await.unwrap(), keys[..1], "the older stands, once");
    }
    let errors = traced.lines(Level::ERROR);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains(keys[0].kid()) && errors[0].contains("two public keys"), "{errors:?}");
}

#[tokio::test]
async fn s_67_a_store_in_memory_refuses_another_key_under_a_kid() {
    let (clock, store) = (TestClock::new(), MemoryPublicKeys::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    token(&issuer).await;
    let other = builder(&clock).build().unwrap();
    token(&other).await;
    let (ours, other) = (issuer.public_keys().await.unwrap().remove(0), other.public_keys().await.unwrap().remove(0));
    let forged = PublicJwk::parse(&other.json().replace(other.kid(), ours.kid())).unwrap();
    assert!(store.publish(StoredKey::new(forged, clock.now(), None)).await.is_err());
    assert_eq!(issuer.public_keys().await.unwrap(), [ours]);
}

#[tokio::test]
async fn the_first_of_all_replicas_is_ready_at_once_and_one_that_comes_to_others_after_35_seconds() {
    let (clock, store) = (TestClock::new(), Store::default());
    let first = builder(&clock).user_keys(store.clone()).build().unwrap();
    let readiness = first.readiness();
    assert!(!readiness.is_ready() && readiness.problems()[0].contains("no signing key"), "{readiness:?}");
    settle().await;
    assert!(first.readiness().is_ready(), "asking had it published: {:?}", first.readiness());

    clock.advance(MINUTE);
    let second_one = builder(&clock).user_keys(store.clone()).build().unwrap();
    // Nobody is turned away meanwhile: its token is good, and most back ends take it.
    assert!(second_one.user_token(&jane(), &[]).await.is_ok());
    clock.advance(second(34));
    assert!(!second_one.readiness().is_ready());
    assert!(
        second_one.readiness().problems()[0].contains("other replicas are running"),
        "{:?}",
        second_one.readiness()
    );
    clock.advance(second(1));
    assert!(second_one.readiness().is_ready());
    assert!(first.readiness().is_ready());
}

/// Says at once that it has a key, and takes its time to list them.
struct SlowToList(MemoryPublicKeys, std::sync::Arc<tokio::sync::Mutex<()>>);

impl PublicKeyStore for SlowToList {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        self.0.publish(key)
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        Box::pin(async {
            drop(self.1.lock().await);
            self.0.list().await
        })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        self.0.remove(kids)
    }
}

#[tokio::test]
async fn one_that_comes_to_others_does_not_seem_ready_while_it_asks_whether_there_are_any() {
    let (clock, keys) = (TestClock::new(), MemoryPublicKeys::default());
    token(&builder(&clock).user_keys(keys.clone()).build().unwrap()).await;
    let lock = std::sync::Arc::default();
    let late = builder(&clock).user_keys(SlowToList(keys, std::sync::Arc::clone(&lock))).build().unwrap();
    let slow = lock.lock_owned().await;
    for _ in 0..3 {
        assert!(!late.readiness().is_ready(), "{:?}", late.readiness());
        settle().await;
    }
    drop(slow);
    settle().await;
    assert!(!late.readiness().is_ready(), "verifiers may be in their cool-down");
    clock.advance(second(35));
    assert!(late.readiness().is_ready(), "{:?}", late.readiness());
}
