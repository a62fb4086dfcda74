//! A key that is held: how it ages, how it is refreshed, and what becomes of it while that fails.

use std::time::Duration;

use tokio::time::Instant;
use tower_alb_auth::{AuthErrorKind::KeysUnavailable, KeyLimits, test_util::KeyServerMode as Mode};

use crate::store::setup::{JANE, LIFETIME, MAX_AGE, REFRESH_AGE, SECOND, Setup, assert_503, seconds};

#[tokio::test(start_paused = true)]
async fn f_02_a_fresh_key_needs_no_endpoint() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Silent);
    let start = Instant::now();
    for _ in 0..47 {
        setup.clock.advance(seconds(60));
        setup.call().await.assert_ok(JANE);
    }
    assert_eq!(setup.alb.key_fetches(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO, "a request waited");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_refreshed_ahead_beside_the_request_once() {
    let setup = Setup::new();
    setup.warm().await;
    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 1, "early");

    setup.clock.advance(SECOND);
    for _ in 0..100 {
        setup.call().await.assert_ok(JANE);
    }
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 2, "one refresh for all who asked meanwhile");

    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 2, "the key's age begins again");
}

#[tokio::test(start_paused = true)]
async fn after_a_quiet_time_a_request_waits_for_the_fresh_key() {
    let setup = Setup::new();
    setup.warm().await;
    for quiet in [LIFETIME, MAX_AGE, MAX_AGE * 10] {
        let fetches = setup.alb.key_fetches();
        setup.clock.advance(quiet);
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.alb.key_fetches(), fetches + 1, "after {quiet:?}");
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.alb.key_fetches(), fetches + 1, "after {quiet:?}: the age begins again");
    }
}

#[tokio::test(start_paused = true)]
async fn f_03_an_old_key_is_used_up_to_max_stale_and_never_lost_by_a_failure() {
    for (case, mode) in [
        ("connection closed", Mode::Reset),
        ("500", Mode::Status(500)),
        ("silent", Mode::Silent),
        ("a page", Mode::Answer(b"<html>".to_vec())),
        ("a redirect", Mode::Status(302)),
    ] {
        let setup = Setup::new();
        setup.warm().await;
        setup.alb.set_key_server(mode);
        setup.clock.advance(LIFETIME);
        for minute in 0..60 {
            let answer = setup.call().await;
            assert_eq!(answer.status, 200, "{case}: {minute} minutes past its lifetime: {answer:?}");
            setup.clock.advance(seconds(60));
        }
        setup.call().await.assert_ok(JANE); // at max_stale, to the second
        setup.settle().await;

        setup.clock.advance(seconds(60));
        let wait = assert_503(&setup.call().await, KeysUnavailable);
        assert!(wait <= 30, "{case}: `Retry-After` is {wait} s");
        assert_eq!(setup.handle.stats().keys, 1, "{case}: a failure took the key away");

        setup.alb.set_key_server(Mode::Healthy);
        setup.clock.advance(seconds(wait));
        setup.call().await.assert_ok(JANE);
        let fetches = setup.alb.key_fetches();
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.alb.key_fetches(), fetches, "{case}: fresh again");
    }
}

#[tokio::test(start_paused = true)]
async fn f_03_no_stale_key_where_max_stale_is_zero() {
    let setup = Setup::with_limits(KeyLimits::new().max_stale(Duration::ZERO));
    setup.warm().await;
    setup.alb.set_key_server(Mode::Reset);
    setup.clock.advance(LIFETIME - SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    setup.clock.advance(SECOND * 2);
    assert_503(&setup.call().await, KeysUnavailable);
}

#[tokio::test(start_paused = true)]
async fn f_03_while_refreshes_fail_no_request_waits_for_them_repeatedly() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Silent);
    setup.clock.advance(LIFETIME);
    let mut waited = 0;
    for _ in 0..600 {
        let start = Instant::now();
        setup.call().await.assert_ok(JANE);
        waited += u32::from(start.elapsed() > Duration::ZERO);
        setup.settle().await;
        setup.clock.advance(SECOND);
    }
    assert!(waited <= 1, "{waited} of 600 requests waited for an endpoint that is known not to answer");
    assert!(setup.alb.key_fetches() > 10, "and it is still tried: {}", setup.alb.key_fetches());
}

#[tokio::test(start_paused = true)]
async fn f_32_a_refresh_that_fails_keeps_the_key_and_backs_off() {
    let setup = Setup::with_limits(KeyLimits::new().breaker_failures(100));
    setup.warm().await;
    // An answer that gets no second try, so that fetches can be counted.
    setup.alb.set_key_server(Mode::Status(302));
    setup.clock.advance(REFRESH_AGE);
    let mut fetches = 1;
    for wait in [1, 2, 4, 8, 16, 30, 30, 30] {
        for _ in 0..20 {
            setup.call().await.assert_ok(JANE);
            setup.settle().await;
        }
        fetches += 1;
        assert_eq!(setup.alb.key_fetches(), fetches, "one refresh, then a wait of {wait} s");
        setup.clock.advance(seconds(wait) - SECOND / 1000);
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        assert_eq!(setup.alb.key_fetches(), fetches, "came again within {wait} s");
        setup.clock.advance(SECOND / 1000);
    }

    setup.alb.set_key_server(Mode::Healthy);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), fetches + 1);
    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), fetches + 1, "fresh again");
}

#[tokio::test(start_paused = true)]
async fn f_32_an_answer_ends_the_row_of_failures() {
    let setup = Setup::with_limits(KeyLimits::new().breaker_failures(100));
    setup.warm().await;
    setup.clock.advance(REFRESH_AGE);
    let mut fetches = 1;
    let (failing, answering) = (Mode::Status(302), Mode::Status(403));
    for (mode, wait) in [(&failing, 1), (&failing, 2), (&failing, 4), (&answering, 30), (&failing, 1), (&failing, 2)] {
        setup.alb.set_key_server(mode.clone());
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        fetches += 1;
        assert_eq!(setup.alb.key_fetches(), fetches, "the wait was longer than thought");
        setup.clock.advance(seconds(wait));
    }
}
