//! Signing keys come and go, and no token is refused for it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tower_alb_auth::{
    Clock,
    backstage::{TokenIssuer, store::MemoryPublicKeys},
    test_util::TestClock,
};

use crate::issuer::site::{BackEnd, MINUTE, Store, builder, is_signed_by, json, kid, kids, second, settle, token};

/// xorshift, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

struct Given {
    token: String,
    kid: String,
    at: SystemTime,
    until: SystemTime,
}

/// Three replicas on one store give tokens for six lives; a fourth comes later. Key sets are taken at every step.
async fn walk(lifetime: Duration, seed: u64) {
    let (clock, store, mut dice) = (TestClock::new(), MemoryPublicKeys::default(), Dice(seed));
    let replica = || builder(&clock).user_keys(store.clone()).token_lifetime(lifetime).build().unwrap();
    let mut replicas: Vec<TokenIssuer> = (0..3).map(|_| replica()).collect();
    // The first key of a process signs at once, so no key set of before has it.
    let mut first_kids = BTreeMap::new();
    for (index, issuer) in replicas.iter().enumerate() {
        first_kids.insert(index, kid(&token(issuer).await));
    }
    settle().await;
    clock.advance(second(35));

    let mut back_ends: Vec<BackEnd> = (0..4).map(|_| BackEnd::default()).collect();
    let (mut given, mut sets): (Vec<Given>, Vec<(SystemTime, Vec<String>)>) = (Vec::new(), Vec::new());
    let start = clock.now();
    while clock.now() < start + lifetime * 6 {
        let now = clock.now();
        let newcomer = replicas.get(3).is_some_and(|issuer| !issuer.readiness().is_ready());
        let serving = replicas.len() - usize::from(newcomer);
        for (index, issuer) in replicas[..serving].iter().enumerate() {
            let token = token(issuer).await;
            let (kid, until) = (kid(&token), now + lifetime);
            first_kids.entry(index).or_insert_with(|| kid.clone());
            given.push(Given { token, kid, at: now, until });
        }
        if replicas.len() == 3 && now > start + lifetime * 2 {
            // A rolling deployment brings another: it gets users once it is ready.
            let newcomer = replica();
            assert!(!newcomer.readiness().is_ready());
            settle().await;
            assert!(!newcomer.readiness().is_ready(), "others are there, and verifiers may be in their cool-down");
            replicas.push(newcomer);
        }
        settle().await;
        for issuer in &replicas {
            sets.push((now, kids(&issuer.public_keys().await.unwrap())));
        }
        let alive: Vec<&Given> = given.iter().filter(|given| now < given.until).collect();
        for back_end in &mut back_ends {
            let (asked, given) = (&replicas[dice.below(replicas.len())], alive[dice.below(alive.len())]);
            assert!(back_end.takes(&given.token, asked, &clock).await, "refused after {:?}", now.duration_since(start));
            // And the newest, which is the most likely not to be known yet.
            let newest = &alive[alive.len() - 1].token;
            assert!(
                back_end.takes(newest, asked, &clock).await,
                "newest refused after {:?}",
                now.duration_since(start)
            );
            assert!(asked.verify(&given.token).await.is_ok());
        }
        let step = second(u64::try_from(5 + dice.below(50)).unwrap());
        clock.advance(step);
    }

    let mut signing: BTreeMap<&str, (SystemTime, SystemTime)> = BTreeMap::new();
    for token in &given {
        let span = signing.entry(&token.kid).or_insert((token.at, token.at));
        span.1 = token.at;
        for (at, set) in &sets {
            let in_its_life = *at >= token.at && *at < token.until + 10 * MINUTE;
            assert!(!in_its_life || set.contains(&token.kid), "a key set of its life does not have a token's key");
        }
    }
    for (kid, (from, to)) in &signing {
        let signed_for = to.duration_since(*from).unwrap();
        assert!(signed_for <= lifetime, "{kid} signed for {signed_for:?}");
        if first_kids.values().any(|first| first == kid) {
            continue;
        }
        for (at, set) in sets.iter().filter(|(at, _)| *at < *from && *at + 10 * MINUTE >= *from) {
            let ahead = from.duration_since(*at).unwrap();
            assert!(set.iter().any(|listed| listed == kid), "{kid} was not listed {ahead:?} before it signed");
        }
    }
    assert_eq!(first_kids.len(), 4, "the fourth got its users");
    // Each replica changed its key again and again.
    assert!(signing.len() >= 3 * 5, "{}", signing.len());
    // And old keys are gone.
    let last = &sets[sets.len() - 1].1;
    assert!(last.len() <= 30 && !last.contains(&first_kids[&0]), "{}", last.len());
}

#[tokio::test]
async fn s_66_every_token_verifies_by_every_key_set_of_its_life_in_the_shortest_life() {
    for seed in [1, 2] {
        walk(10 * MINUTE, 0x9e37_79b9_7f4a_7c15 ^ seed).await;
    }
}

#[tokio::test]
async fn s_66_every_token_verifies_by_every_key_set_of_its_life_in_the_usual_one() {
    walk(60 * MINUTE, 0x2545_f491_4f6c_dd1d).await;
}

#[tokio::test]
async fn s_66_a_key_is_published_before_its_first_signature() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    for _ in 0..200 {
        let token = token(&issuer).await;
        let rows: Vec<String> = store.rows().await.iter().map(|row| row.key.kid().to_owned()).collect();
        assert!(rows.contains(&kid(&token)));
        settle().await;
        clock.advance(3 * MINUTE);
    }
    assert!(store.publications() > 9);
}

#[tokio::test]
async fn s_66_no_key_signs_what_outlives_a_stock_replicas_removal_of_its_row() {
    for lifetime in [10 * MINUTE, 11 * MINUTE, 12 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE] {
        let (clock, store) = (TestClock::new(), Store::default());
        let issuer = builder(&clock).user_keys(store.clone()).token_lifetime(lifetime).build().unwrap();
        let start = clock.now();
        while clock.now() < start + lifetime * 8 {
            let token = token(&issuer).await;
            let kid = kid(&token);
            let created_at = store.rows().await.into_iter().find(|row| row.key.kid() == kid).unwrap().created_at;
            let ends = SystemTime::UNIX_EPOCH + second(json(&token, 1)["exp"].as_u64().unwrap());
            assert!(ends <= created_at + lifetime * 3 - MINUTE, "{lifetime:?}");
            settle().await;
            clock.advance((lifetime / 200).max(second(20)));
        }
    }
}

#[tokio::test]
async fn after_a_quiet_night_a_token_verifies_at_once() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    let first = kid(&token(&issuer).await);
    clock.advance(10 * 60 * MINUTE);
    let token = token(&issuer).await;
    assert_ne!(kid(&token), first);
    assert!(is_signed_by(&token, &issuer.public_keys().await.unwrap()));
}

#[tokio::test]
async fn a_quiet_hour_has_the_old_key_sign_until_verifiers_know_the_next() {
    let clock = TestClock::new();
    let issuer = builder(&clock).build().unwrap();
    let first = kid(&token(&issuer).await);
    clock.advance(70 * MINUTE);
    assert_eq!(kid(&token(&issuer).await), first, "its successor is not published yet");
    settle().await;
    clock.advance(second(34));
    assert_eq!(kid(&token(&issuer).await), first, "a verifier may be in its cool-down");
    clock.advance(second(1));
    assert_ne!(kid(&token(&issuer).await), first);
}

#[tokio::test]
async fn a_date_that_is_set_forward_retires_the_key() {
    let clock = TestClock::new();
    let issuer = builder(&clock).build().unwrap();
    let first = kid(&token(&issuer).await);
    clock.set_date(clock.now() + 3 * 60 * MINUTE);
    let token = token(&issuer).await;
    assert_ne!(kid(&token), first);
    assert!(issuer.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_task_in_the_background_publishes_ahead_and_ends_with_the_issuer() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    tokio::time::pause();
    let maintenance = issuer.maintain_keys_in_background();
    tokio::time::sleep(second(2)).await;
    assert_eq!(store.rows().await.len(), 1, "before any token");
    clock.advance(40 * MINUTE);
    tokio::time::sleep(second(2)).await;
    assert_eq!(store.rows().await.len(), 2, "the next one, ahead of time");
    assert!(maintenance.is_running());
    drop(issuer);
    tokio::time::sleep(second(2)).await;
    assert!(!maintenance.is_running(), "the task keeps nothing alive");
}

#[tokio::test]
async fn a_dropped_handle_ends_its_task() {
    let (clock, store) = (TestClock::new(), Store::default());
    let issuer = builder(&clock).user_keys(store.clone()).build().unwrap();
    tokio::time::pause();
    drop(issuer.maintain_keys_in_background());
    tokio::time::sleep(second(5)).await;
    assert_eq!(store.publications(), 0);
}
