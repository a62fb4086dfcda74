//! A stranger who knows signer, issuer and client id, and names ever new kids.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use futures::future::join_all;
use tower_alb_auth::{
    AuthErrorKind::{KeysUnavailable, UnknownKey},
    KeyLimits,
    keys::KeySourceErrorKind as Kind,
    test_util::User,
};

use crate::{
    store::{
        setup::{JANE, REFRESH_AGE, SECOND, Setup, assert_503, kid_number, poll_once, seconds},
        source::{Gate, Source, failure, no_such_key},
    },
    support::Answer,
};

/// Tokens that are right but for kid and signature, made without the cost of signing each.
pub struct Stranger {
    header: String,
    rest: String,
}

impl Stranger {
    pub fn new(setup: &Setup) -> Self {
        let token = setup.alb.token(&User::jane());
        let header = token.header_json();
        let token = token.sign();
        let (_, rest) = token.split_once('.').unwrap();
        Self { header: header.replace(setup.alb.kid(), "{kid}"), rest: rest.to_owned() }
    }

    pub async fn call(&self, setup: &Setup, number: usize) -> Answer {
        let header = URL_SAFE.encode(self.header.replace("{kid}", &kid_number(number)));
        setup.app.call(setup.alb.request("/").token(&format!("{header}.{}", self.rest))).await
    }
}

/// A source that knows the load balancer's key, and answers about other kids once the gate is open.
fn gated() -> (Setup, Source, Gate) {
    let source = Source::new(|_| async { no_such_key() });
    let setup = Setup::with_source(source.clone());
    let (gate, pem, kid) = (Gate::closed(), setup.alb.public_key_pem(), setup.kid());
    let passed = gate.clone();
    source.set(move |request| {
        let (passed, pem, known) = (passed.passed(), pem.clone(), request.kid == kid);
        async move {
            if known {
                return Ok(pem.into_bytes());
            }
            passed.await;
            no_such_key()
        }
    });
    (setup, source, gate)
}

#[tokio::test(start_paused = true)]
async fn f_23_ten_thousand_unknown_kids_at_once_are_eight_fetches() {
    let (setup, source, gate) = gated();
    setup.warm().await;
    let stranger = Stranger::new(&setup);
    let mut flood = Box::pin(join_all((0..10_000).map(|number| stranger.call(&setup, number))));
    assert!(poll_once(&mut flood).await.is_none());
    tokio::task::yield_now().await;
    assert_eq!(setup.handle.stats().key_fetches_under_way, 8);

    // While it lasts, users do not notice.
    for _ in 0..200 {
        setup.call().await.assert_ok(JANE);
    }
    assert_eq!(source.under_way(), 8);

    gate.open();
    let answers = flood.await;
    let unknown = answers.iter().filter(|answer| answer.kind() == Some(UnknownKey)).count();
    assert_eq!(unknown, 8);
    for answer in answers.iter().filter(|answer| answer.kind() != Some(UnknownKey)) {
        assert_eq!(assert_503(answer, KeysUnavailable), 1);
    }
    assert_eq!((source.fetches(), source.most_at_once()), (9, 8));
    assert_eq!(setup.handle.stats().key_fetches_under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn f_23_a_lasting_flood_costs_the_burst_and_ten_fetches_a_second() {
    let (setup, source, gate) = gated();
    gate.open();
    setup.warm().await;
    let stranger = Stranger::new(&setup);
    setup.clock.advance(SECOND);
    let before = source.fetches();
    let mut number = 0;
    for tenth in 0..100 {
        for _ in 0..100 {
            number += 1;
            stranger.call(&setup, number).await;
        }
        setup.call().await.assert_ok(JANE);
        setup.clock.advance(SECOND / 10);
        let fetches = source.fetches() - before;
        assert!(fetches <= 20 + tenth, "{fetches} fetches in {tenth} tenths of a second");
    }
    let fetches = source.fetches() - before;
    assert!(fetches >= 100, "{fetches}: the budget is there to be used");
}

#[tokio::test(start_paused = true)]
async fn f_23_second_tries_come_out_of_the_same_budget() {
    let source = Source::new(|_| async { failure(Kind::Connection) });
    let setup = Setup::build(|builder, _| {
        builder.key_source(source.clone()).key_limits(KeyLimits::new().breaker_failures(100))
    });
    let stranger = Stranger::new(&setup);
    for number in 0..100 {
        assert_503(&stranger.call(&setup, number).await, KeysUnavailable);
    }
    assert_eq!(source.fetches(), 20, "the burst, second tries included");
}

#[tokio::test(start_paused = true)]
async fn f_23_what_is_remembered_of_unknown_kids_is_bounded() {
    let limits = KeyLimits::new().max_unknown_kids(64).fetch_burst(1000).fetches_per_second(1000);
    let setup = Setup::with_limits(limits);
    setup.warm().await;
    let stranger = Stranger::new(&setup);
    for number in 0..900 {
        stranger.call(&setup, number).await.assert_401(UnknownKey);
    }
    let stats = setup.handle.stats();
    assert!((32..=64).contains(&stats.unknown_kids), "{stats:?}");
    assert_eq!(stats.keys, 1, "a flood pushes no key out");
    setup.call().await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 901);
}

#[tokio::test(start_paused = true)]
async fn f_23_held_keys_are_refreshed_while_a_flood_holds_every_place() {
    let (setup, source, _closed) = gated();
    setup.warm().await;
    setup.clock.advance(REFRESH_AGE);
    let stranger = Stranger::new(&setup);
    let mut flood = Box::pin(join_all((0..100).map(|number| stranger.call(&setup, number))));
    assert!(poll_once(&mut flood).await.is_none());
    tokio::task::yield_now().await;
    assert_eq!(source.under_way(), 8);
    setup.call().await.assert_ok(JANE);
    tokio::task::yield_now().await;
    assert_eq!(source.fetches_of(setup.alb.kid()), 2, "a refresh has a budget of its own");
    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.call().await.assert_ok(JANE);
    tokio::task::yield_now().await;
    assert_eq!(source.fetches_of(setup.alb.kid()), 2, "and it was published");
}

#[tokio::test(start_paused = true)]
async fn s_47_one_unknown_kid_a_thousand_times_is_one_fetch() {
    let (setup, source, gate) = gated();
    let mut calls = Box::pin(join_all((0..1000).map(|_| setup.call_with_kid("00000000-0000-4000-8000-000000000007"))));
    assert!(poll_once(&mut calls).await.is_none());
    gate.open();
    for answer in calls.await {
        answer.assert_401(UnknownKey);
    }
    setup.clock.advance(seconds(40));
    setup.call_with_kid("00000000-0000-4000-8000-000000000007").await.assert_401(UnknownKey);
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn s_47_after_the_flood_a_new_key_is_fetched_again() {
    let (mut setup, source, gate) = gated();
    setup.warm().await;
    let stranger = Stranger::new(&setup);
    let mut flood = Box::pin(join_all((0..1000).map(|number| stranger.call(&setup, number))));
    assert!(poll_once(&mut flood).await.is_none());
    gate.open();
    flood.as_mut().await;
    drop(flood);
    setup.alb.rotate();
    let pem = setup.alb.public_key_pem();
    source.set(move |_| std::future::ready(Ok(pem.clone().into_bytes())));
    setup.clock.advance(SECOND);
    setup.call().await.assert_ok(JANE);
}
