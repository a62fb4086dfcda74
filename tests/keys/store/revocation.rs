//! A key that the endpoint takes back.

use std::sync::{Arc, Mutex};

use http::Request;
use tower_alb_auth::{
    AuthErrorKind::{KeysUnavailable, UnknownKey},
    KeyLimits,
    keys::KeySourceErrorKind as Kind,
    test_util::{KeyServerMode as Mode, User},
};

use crate::store::{
    setup::{JANE, LIFETIME, MAX_AGE, REFRESH_AGE, SECOND, Setup, assert_503, seconds},
    source::{Source, failure, no_such_key},
};

#[tokio::test(start_paused = true)]
async fn s_45_a_withdrawn_key_and_its_tokens_are_dropped_after_the_third_answer() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.withdraw(setup.alb.kid());
    setup.clock.advance(REFRESH_AGE);
    // The answers come every 30 s; the third alone is too early, two minutes are not over.
    for answer in 1..=4 {
        for _ in 0..20 {
            setup.call().await.assert_ok(JANE);
            setup.settle().await;
        }
        assert_eq!(setup.alb.key_fetches(), 1 + answer, "answer {answer}");
        setup.clock.advance(seconds(30) - SECOND);
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        assert_eq!(setup.alb.key_fetches(), 1 + answer, "asked again within 30 s");
        setup.clock.advance(SECOND);
    }
    // This token is verified, and remembered, before the key goes.
    let token = setup.alb.sign(&User::jane());
    let again = || -> Request<String> { setup.alb.request("/").token(&token).into() };
    setup.app.call(again()).await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.handle.stats().keys, 0, "the fifth answer, two minutes after the first");

    setup.app.call(again()).await.assert_401(UnknownKey);
    setup.call().await.assert_401(UnknownKey);
    assert_eq!(setup.alb.key_fetches(), 6, "it is remembered as unknown");
}

#[tokio::test(start_paused = true)]
async fn s_45_three_answers_far_apart_are_enough() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Status(404));
    setup.clock.advance(REFRESH_AGE);
    for _ in 0..2 {
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.clock.advance(seconds(60));
    }
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    setup.call().await.assert_401(UnknownKey);
    assert_eq!(setup.alb.key_fetches(), 4);
}

#[tokio::test(start_paused = true)]
async fn s_45_two_answers_are_not_enough_however_far_apart() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Status(403));
    setup.clock.advance(REFRESH_AGE);
    for _ in 0..2 {
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.clock.advance(seconds(600));
    }
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn s_45_past_its_lifetime_the_request_that_hears_the_third_answer_is_refused() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Status(403));
    setup.clock.advance(LIFETIME);
    for _ in 0..2 {
        setup.call().await.assert_ok(JANE);
        setup.clock.advance(seconds(60));
    }
    setup.call().await.assert_401(UnknownKey);
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn s_45_a_stray_403_costs_nothing() {
    let setup = Setup::new();
    setup.warm().await;
    for _ in 0..5 {
        setup.clock.advance(REFRESH_AGE);
        setup.alb.set_key_server(Mode::Status(403));
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.alb.set_key_server(Mode::Healthy);
        setup.clock.advance(seconds(30));
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
    }
    assert_eq!(setup.alb.key_fetches(), 11, "five rounds of a 403 and a refresh after it");
    assert_eq!(setup.handle.stats().keys, 1);
}

#[tokio::test(start_paused = true)]
async fn s_45_only_answers_in_a_row_count() {
    for (case, between) in [
        ("a failure", (|| failure(Kind::Other)) as fn() -> _),
        ("a time-out", || failure(Kind::Timeout)),
        ("no key", || Ok(b"<html>".to_vec())),
    ] {
        let source = Source::new(|_| async { no_such_key() });
        let setup = Setup::with_source(source.clone());
        let answers = Arc::new(Mutex::new(Vec::from([Ok(setup.alb.public_key_pem().into_bytes())])));
        let given = Arc::clone(&answers);
        source.set(move |_| {
            let answer = given.lock().unwrap().pop().unwrap_or_else(no_such_key);
            async { answer }
        });
        setup.warm().await;

        setup.clock.advance(REFRESH_AGE);
        for step in 0..8 {
            if step % 3 == 2 {
                answers.lock().unwrap().push(between());
            }
            setup.call().await.assert_ok(JANE);
            setup.settle().await;
            assert_eq!(source.fetches(), 2 + step, "{case}");
            setup.clock.advance(seconds(60));
        }
        assert_eq!(setup.handle.stats().keys, 1, "{case}: two 403s, {case}, two 403s are no three in a row");
        assert_eq!(source.fetches(), 9, "{case}");
        // Two in a row by now; the third drops it.
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.call().await.assert_401(UnknownKey);
    }
}

#[tokio::test(start_paused = true)]
async fn s_45_a_valid_response_restarts_the_count() {
    let setup = Setup::new();
    setup.warm().await;
    for _ in 0..3 {
        setup.alb.set_key_server(Mode::Status(403));
        setup.clock.advance(REFRESH_AGE);
        for _ in 0..2 {
            setup.call().await.assert_ok(JANE);
            setup.settle().await;
            setup.clock.advance(seconds(60));
        }
        setup.alb.set_key_server(Mode::Healthy);
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
    }
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn s_45_403_never_makes_an_endpoint_count_as_down() {
    let setup = Setup::with_limits(KeyLimits::new().breaker_failures(1));
    setup.warm().await;
    setup.alb.withdraw(setup.alb.kid());
    setup.clock.advance(REFRESH_AGE);
    for number in 0..10 {
        setup.call_with_kid(&crate::store::setup::kid_number(number)).await.assert_401(UnknownKey);
    }
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 12, "each was asked for");
}

#[tokio::test(start_paused = true)]
async fn s_45_a_key_that_is_too_old_is_not_used_on_the_word_of_a_403() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Status(403));
    setup.clock.advance(MAX_AGE + SECOND);
    let wait = assert_503(&setup.call().await, KeysUnavailable);
    assert_eq!(wait, 30);
    setup.clock.advance(seconds(60));
    assert_503(&setup.call().await, KeysUnavailable);
    setup.clock.advance(seconds(60));
    setup.call().await.assert_401(UnknownKey);
}

#[tokio::test(start_paused = true)]
async fn s_45_a_key_that_comes_back_is_used_again() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Status(403));
    setup.clock.advance(LIFETIME);
    for _ in 0..3 {
        setup.call().await;
        setup.clock.advance(seconds(60));
    }
    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(seconds(12));
    setup.call().await.assert_ok(JANE);
}
