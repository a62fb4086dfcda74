//! S-138 to S-140: a user token that was verified before.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_alb_auth::{
    Clock,
    backstage::{
        PublicJwk, TokenIssuer, TokenRefused, VerifiedUser,
        store::{MemoryPublicKeys, PublicKeyStore, StoreFuture, StoredKey},
    },
    test_util::TestClock,
};

use crate::issuer::site::{MINUTE, builder, kid, limited, second, segment, token};

#[track_caller]
fn invalid(result: Result<VerifiedUser, TokenRefused>) -> &'static str {
    match result {
        Err(TokenRefused::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Verified twice, so that the second answer comes from memory.
async fn remembered(issuer: &TokenIssuer, token: &str) {
    for _ in 0..2 {
        let user = issuer.verify(token).await.expect("a valid token");
        assert_eq!(user.user_entity_ref.as_str(), "user:default/jane.doe");
    }
}

/// A store whose keys can be taken away, or replaced under the same kid.
#[derive(Clone, Default)]
struct Rows {
    rows: Arc<Mutex<Vec<StoredKey>>>,
    lists: Arc<AtomicUsize>,
}

impl PublicKeyStore for Rows {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        self.rows.lock().unwrap().push(key);
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows.lock().unwrap().clone();
        Box::pin(async { Ok(rows) })
    }

    fn remove(&self, _: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Two replicas on one store: the first one signs, the second one verifies by the store alone.
async fn replicas(clock: &TestClock, rows: &Rows) -> (TokenIssuer, TokenIssuer) {
    let issuer = || builder(clock).user_keys(rows.clone()).build().unwrap();
    (issuer(), issuer())
}

#[tokio::test]
async fn s_138_a_forged_twin_of_a_remembered_token_gets_nothing_and_changes_nothing() {
    let issuer = builder(&TestClock::new()).build().unwrap();
    for good in [token(&issuer).await, limited(&token(&issuer).await)] {
        remembered(&issuer, &good).await;
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three segments") };
        let claims = segment(&good, 1).replace("user:default/jane.doe", "user:default/root.doe");
        let mut twins = vec![
            // Another user, with the signature of the remembered token.
            format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(&claims)),
            // The remembered token with something before, between or behind.
            format!("{header}.{payload}.{signature}="),
            format!("x{good}"),
            format!("{header}.{payload}.{header}.{payload}.{signature}"),
            signature.to_owned(),
            good[good.len() - 43..].to_owned(),
        ];
        // Each character replaced, also among those that are not hashed.
        for at in 0..good.len() {
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            twins.push(format!("{}{other}{}", &good[..at], &good[at + 1..]));
        }
        for twin in twins {
            assert!(
                matches!(issuer.verify(&twin).await, Err(TokenRefused::Invalid(_) | TokenRefused::Unavailable(_))),
                "{twin}"
            );
        }
        remembered(&issuer, &good).await;
    }
}

#[tokio::test]
async fn s_139_a_remembered_token_ends_with_its_time() {
    let clock = TestClock::new();
    let issuer = builder(&clock).build().unwrap();
    let good = token(&issuer).await;
    remembered(&issuer, &good).await;
    // Set back to before the token was issued, and forward again.
    let start = clock.now();
    clock.set_date(start - second(60));
    assert_eq!(invalid(issuer.verify(&good).await), "the token was issued in the future");
    clock.set_date(start);
    remembered(&issuer, &good).await;
    clock.advance(60 * MINUTE + second(29));
    remembered(&issuer, &good).await;
    clock.advance(second(1));
    assert_eq!(invalid(issuer.verify(&good).await), "the token has expired");
    clock.set_date(start);
    remembered(&issuer, &good).await;
}

#[tokio::test]
async fn s_139_an_expired_remembered_token_causes_no_query_of_the_store() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let (signs, verifies) = replicas(&clock, &rows).await;
    let good = token(&signs).await;
    remembered(&verifies, &good).await;
    let asked = rows.lists.load(Ordering::SeqCst);
    clock.advance(61 * MINUTE);
    assert_eq!(invalid(verifies.verify(&good).await), "the token has expired");
    assert_eq!(rows.lists.load(Ordering::SeqCst), asked);
}

#[tokio::test]
async fn s_139_a_remembered_token_ends_with_its_key() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let (signs, verifies) = replicas(&clock, &rows).await;
    let good = token(&signs).await;
    remembered(&verifies, &good).await;
    let kept = std::mem::take(&mut *rows.rows.lock().unwrap());
    // A verifier asks for the keys again after ten minutes, whether or not it remembers the token.
    clock.advance(10 * MINUTE);
    assert_eq!(invalid(verifies.verify(&good).await), "the token's key is unknown");
    assert_eq!(invalid(verifies.verify(&good).await), "the token's key is unknown");

    // Published again, it is verified again.
    *rows.rows.lock().unwrap() = kept;
    clock.advance(MINUTE);
    remembered(&verifies, &good).await;
}

#[tokio::test]
async fn s_139_another_key_under_the_same_kid_does_not_vouch_for_a_remembered_token() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let (signs, verifies) = replicas(&clock, &rows).await;
    let good = token(&signs).await;
    remembered(&verifies, &good).await;
    // The kid of the key, on the key of an issuer that is not a replica.
    let stranger = Rows::default();
    token(&builder(&clock).user_keys(stranger.clone()).build().unwrap()).await;
    let theirs = stranger.rows.lock().unwrap()[0].clone();
    let jwk = theirs.key.json().replace(theirs.key.kid(), &kid(&good));
    let key = PublicJwk::parse(&jwk).unwrap();
    *rows.rows.lock().unwrap() = vec![StoredKey::new(key, theirs.created_at, theirs.expires_at)];
    clock.advance(10 * MINUTE);
    assert_eq!(invalid(verifies.verify(&good).await), "the token's signature is invalid");
    // And it has not taken the place of the first one.
    assert_eq!(invalid(verifies.verify(&good).await), "the token's signature is invalid");
}

#[tokio::test]
async fn s_140_what_one_issuer_remembers_is_nothing_to_another() {
    let clock = TestClock::new();
    let one = builder(&clock).build().unwrap();
    let other = builder(&clock).user_keys(MemoryPublicKeys::default()).build().unwrap();
    let good = token(&one).await;
    remembered(&one, &good).await;
    token(&other).await;
    assert_eq!(invalid(other.verify(&good).await), "the token's key is unknown");
    remembered(&one, &good).await;
}
