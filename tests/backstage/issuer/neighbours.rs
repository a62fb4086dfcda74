//! Replicas of Backstage's own auth backend on the same store, with another token lifetime.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use tower_alb_auth::{
    Clock,
    backstage::{
        PublicJwk, TokenIssuer,
        store::{PublicKeyStore, StoreFuture, StoredKey},
    },
    test_util::TestClock,
};

use crate::issuer::{
    files::Folder,
    site::{MINUTE, builder, is_signed_by, kid, kids, settle, token},
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const STOCK_KEY: &str = r#"{"kty":"RSA","n":"sXch","e":"AQAB","alg":"RS256","use":"sig","kid":"stock"}"#;

/// The table of stock Backstage: key and time of creation.
#[derive(Clone, Default)]
struct Rows(Arc<Mutex<Vec<(PublicJwk, SystemTime)>>>);

impl Rows {
    /// What a stock replica does at each read of its key set: it lists what is younger than three of its token lifetimes, and
    /// removes the rest.
    fn read_by_stock(&self, lifetime: Duration, clock: &TestClock) -> Vec<PublicJwk> {
        let mut rows = self.0.lock().unwrap();
        rows.retain(|(_, created_at)| *created_at + 3 * lifetime >= clock.now());
        rows.iter().map(|(key, _)| key.clone()).collect()
    }

    fn kids(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().iter().map(|(key, _)| key.kid().to_owned()).collect()
    }

    fn created_at(&self, kid: &str) -> Option<SystemTime> {
        self.0.lock().unwrap().iter().find(|(key, _)| key.kid() == kid).map(|(_, created_at)| *created_at)
    }
}

impl PublicKeyStore for Rows {
    fn publish(&self, stored: StoredKey) -> StoreFuture<'_, ()> {
        let mut rows = self.0.lock().unwrap();
        rows.retain(|(key, _)| key.kid() != stored.key.kid());
        rows.push((stored.key, stored.created_at));
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        let rows = self.0.lock().unwrap();
        // Keys are parsed again, as from a row: the end of a key is in its JSON alone.
        let read = |key: &PublicJwk| PublicJwk::parse(key.json()).unwrap();
        let rows = rows.iter().map(|(key, created_at)| StoredKey::new(read(key), *created_at, None)).collect();
        Box::pin(async { Ok(rows) })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        self.0.lock().unwrap().retain(|(key, _)| !kids.iter().any(|kid| kid == key.kid()));
        Box::pin(async { Ok(()) })
    }

    fn renew(&self, kids: Vec<String>, to: SystemTime) -> StoreFuture<'_, ()> {
        let mut rows = self.0.lock().unwrap();
        let renewed = rows.iter_mut().filter(|(key, _)| kids.iter().any(|kid| kid == key.kid()));
        renewed.for_each(|(_, created_at)| *created_at = to);
        Box::pin(async { Ok(()) })
    }
}

/// What key maintenance does every second.
async fn maintain(issuer: &TokenIssuer) {
    issuer.readiness();
    settle().await;
}

fn with_lifetime(clock: &TestClock, rows: &Rows, lifetime: Duration) -> TokenIssuer {
    builder(clock).token_lifetime(lifetime).user_keys(rows.clone()).build().unwrap()
}

#[tokio::test]
async fn f_45_a_stock_replica_with_ten_minutes_drops_no_key_of_ours_whose_tokens_live_a_day() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let replica = || with_lifetime(&clock, &rows, 24 * HOUR);
    let (dies, mut stays) = (replica(), replica());
    let mut tokens = vec![(token(&dies).await, clock.now()), (token(&stays).await, clock.now())];
    drop(dies);
    for minute in 1..=4 * 24 * 60 {
        clock.advance(MINUTE);
        maintain(&stays).await;
        if minute % 600 == 0 {
            tokens.push((token(&stays).await, clock.now()));
        }
        if minute == 1000 {
            // The last replica restarts, and takes care of the keys of its predecessor.
            stays = replica();
            tokens.push((token(&stays).await, clock.now()));
        }
        let listed = rows.read_by_stock(10 * MINUTE, &clock);
        tokens.retain(|(_, issued)| *issued + 24 * HOUR > clock.now());
        for (token, _) in &tokens {
            assert!(is_signed_by(token, &listed), "minute {minute}");
        }
    }
    // Keys that no token needs leave the store; those of the last three days at most remain.
    stays.public_keys().await.unwrap();
    settle().await;
    assert!(rows.kids().len() <= 5, "{}", rows.kids().len());
}

#[tokio::test]
async fn a_key_that_an_operator_deletes_does_not_come_back_after_its_replica_has_ended() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let (ended, stays) = (with_lifetime(&clock, &rows, HOUR), with_lifetime(&clock, &rows, HOUR));
    let (of_ended, of_stays) = (kid(&token(&ended).await), kid(&token(&stays).await));
    drop(ended);
    clock.advance(6 * MINUTE);
    maintain(&stays).await;
    clock.advance(6 * MINUTE);
    maintain(&stays).await;
    assert!(rows.created_at(&of_ended) > Some(clock.now() - 7 * MINUTE), "it is renewed");

    rows.remove(vec![of_ended.clone()]).await.unwrap();
    for _ in 0..60 {
        clock.advance(MINUTE);
        maintain(&stays).await;
        stays.public_keys().await.unwrap();
    }
    assert!(!rows.kids().contains(&of_ended));
    assert!(rows.kids().contains(&of_stays));
}

#[tokio::test]
async fn keys_of_stock_replicas_are_neither_renewed_nor_dropped_while_the_longest_token_could_live() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let issuer = with_lifetime(&clock, &rows, 10 * MINUTE);
    let created_at = clock.now();
    let far = STOCK_KEY.replace("\"kid\":\"stock\"", "\"kid\":\"far\",\"exp\":253402300799");
    for key in [STOCK_KEY, &far] {
        rows.publish(StoredKey::new(PublicJwk::parse(key).unwrap(), created_at, None)).await.unwrap();
    }
    for _ in 0..72 {
        clock.advance(HOUR);
        maintain(&issuer).await;
        // Ours live for minutes, theirs may live for a day.
        let listed = kids(&issuer.public_keys().await.unwrap());
        settle().await;
        for kid in ["stock", "far"] {
            assert!(listed.contains(&kid.to_owned()), "{kid}: {listed:?}");
            assert_eq!(rows.created_at(kid), Some(created_at), "{kid}");
        }
    }
    clock.advance(10 * MINUTE);
    let listed = kids(&issuer.public_keys().await.unwrap());
    settle().await;
    for kid in ["stock", "far"] {
        assert!(!listed.contains(&kid.to_owned()), "{kid}: {listed:?}");
        assert_eq!(rows.created_at(kid), None, "{kid}");
    }
}

#[tokio::test]
async fn f_45_keys_from_files_stay_listed_by_a_stock_replica_too() {
    let (clock, rows) = (TestClock::new(), Rows::default());
    let folder = Folder::with_key("one");
    let issuer = builder(&clock)
        .token_lifetime(24 * HOUR)
        .user_signing_keys(folder.keys(&["one"]).unwrap())
        .user_keys(rows.clone());
    let issuer = issuer.build().unwrap();
    let token = token(&issuer).await;
    for minute in 0..24 * 60 {
        clock.advance(MINUTE);
        maintain(&issuer).await;
        assert!(is_signed_by(&token, &rows.read_by_stock(10 * MINUTE, &clock)), "minute {minute}");
    }
}
