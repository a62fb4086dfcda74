//! A kid that is not held yet: what the first request gets when the endpoint does not do what it should.

use std::time::Duration;

use tokio::time::Instant;
use tower_alb_auth::{
    AuthErrorKind::{KeysUnavailable, UnknownKey},
    KeyLimits,
    keys::{KeySourceError, KeySourceErrorKind as Kind},
    test_util::KeyServerMode as Mode,
};

use crate::store::{
    setup::{JANE, SECOND, Setup, assert_503, kid_number, seconds},
    source::{Source, failure},
};

#[tokio::test(start_paused = true)]
async fn f_01_an_endpoint_that_is_down_gives_503_with_a_time_to_come_back() {
    for (case, mode) in [("connection closed", Mode::Reset), ("500", Mode::Status(500)), ("silent", Mode::Silent)] {
        let setup = Setup::new();
        setup.alb.set_key_server(mode);
        let wait = assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(wait, 1, "{case}: the first wait");
        assert_eq!(setup.app.calls(), 0, "{case}: the handler ran");
        assert_eq!(setup.handle.stats().keys, 0, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn f_01_until_that_time_the_endpoint_is_left_alone_for_that_kid() {
    let setup = Setup::with_limits(KeyLimits::new().breaker_failures(100));
    setup.alb.set_key_server(Mode::Status(500));
    let mut fetches = 0;
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(assert_503(&setup.call().await, KeysUnavailable), wait);
        fetches += 2;
        for passed in [0, wait * 1000 - 1] {
            setup.clock.advance(Duration::from_millis(passed));
            assert!(assert_503(&setup.call().await, KeysUnavailable) <= wait);
            assert_eq!(setup.alb.key_fetches(), fetches, "asked again after {passed} of {wait} s");
        }
        setup.clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test(start_paused = true)]
async fn f_04_a_silent_source_is_given_up_at_fetch_timeout() {
    for timeout in [seconds(5), Duration::from_millis(2500)] {
        let setup = Setup::with_limits(KeyLimits::new().fetch_timeout(timeout));
        setup.alb.set_key_server(Mode::Silent);
        let start = Instant::now();
        assert_503(&setup.call().await, KeysUnavailable);
        let took = start.elapsed();
        assert!((timeout..timeout + SECOND).contains(&took), "{took:?} of {timeout:?}");
        assert_eq!(setup.alb.key_fetches(), 1, "no second try: there is no time left for one");
        assert_eq!(setup.handle.stats().key_fetches_under_way, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn f_13_a_slow_source_is_waited_for_up_to_fetch_timeout() {
    for (case, takes, good) in [("in time", 4900, true), ("too late", 5100, false)] {
        let source = Source::new(|_| async { failure(Kind::Other) });
        let setup = Setup::with_source(source.clone());
        let pem = setup.alb.public_key_pem();
        source.set(move |_| {
            let pem = pem.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(takes)).await;
                Ok(pem.into_bytes())
            }
        });
        let start = Instant::now();
        let answer = setup.call().await;
        assert!(start.elapsed() < Duration::from_millis(5100), "{case}: {:?}", start.elapsed());
        if good {
            answer.assert_ok(JANE);
        } else {
            assert_503(&answer, KeysUnavailable);
        }
        assert_eq!(source.under_way(), 0, "{case}: the source is still at it");
    }
}

#[tokio::test(start_paused = true)]
async fn f_13_the_second_try_has_no_time_of_its_own() {
    let source = Source::new(|_| async {
        tokio::time::sleep(seconds(3)).await;
        failure(Kind::Connection)
    });
    let setup = Setup::with_source(source.clone());
    let start = Instant::now();
    assert_503(&setup.call().await, KeysUnavailable);
    assert_eq!(source.fetches(), 2);
    assert!(start.elapsed() < seconds(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn f_08_a_kid_that_the_endpoint_does_not_know_is_requested_once_a_minute() {
    for status in [403, 404] {
        let setup = Setup::new();
        setup.alb.set_key_server(Mode::Status(status));
        for _ in 0..100 {
            setup.call().await.assert_401(UnknownKey);
        }
        assert_eq!(setup.alb.key_fetches(), 1, "{status}: fetches of 100 requests");
        assert_eq!((setup.app.calls(), setup.handle.stats().unknown_kids), (0, 1), "{status}");

        // A minute, give or take a fifth.
        setup.clock.advance(seconds(47));
        setup.call().await.assert_401(UnknownKey);
        assert_eq!(setup.alb.key_fetches(), 1, "{status}: after 47 s");
        setup.clock.advance(seconds(26));
        for _ in 0..100 {
            setup.call().await.assert_401(UnknownKey);
        }
        assert_eq!(setup.alb.key_fetches(), 2, "{status}: after 73 s");

        // AWS has published it meanwhile.
        setup.alb.set_key_server(Mode::Healthy);
        setup.clock.advance(seconds(73));
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.handle.stats().unknown_kids, 0, "{status}: a kid is held and unknown");
    }
}

#[tokio::test(start_paused = true)]
async fn f_08_a_failure_after_an_unknown_kid_is_the_first_of_its_row() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Status(403));
    setup.call().await.assert_401(UnknownKey);
    setup.clock.advance(seconds(73));
    setup.alb.set_key_server(Mode::Reset);
    assert_eq!(assert_503(&setup.call().await, KeysUnavailable), 1);
}

#[tokio::test(start_paused = true)]
async fn f_08_replicas_do_not_forget_an_unknown_kid_all_at_once() {
    let setup = Setup::with_limits(KeyLimits::new().fetch_burst(1000).fetches_per_second(1000));
    for number in 0..200 {
        setup.call_with_kid(&kid_number(number)).await.assert_401(UnknownKey);
    }
    setup.clock.advance(seconds(60));
    for number in 0..200 {
        setup.call_with_kid(&kid_number(number)).await.assert_401(UnknownKey);
    }
    let again = setup.alb.key_fetches() - 200;
    assert!((40..160).contains(&again), "after the middle of the time {again} of 200 kids are asked for again");
}

#[tokio::test(start_paused = true)]
async fn f_09_a_busy_endpoint_gets_two_requests_and_its_kid_is_not_taken_for_unknown() {
    for status in [500, 502, 503, 504, 429] {
        let setup = Setup::new();
        setup.alb.set_key_server(Mode::Status(status));
        let start = Instant::now();
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(setup.alb.key_fetches(), 2, "{status}");
        let between = start.elapsed();
        let jitter = Duration::from_millis(50)..=Duration::from_millis(102);
        assert!(jitter.contains(&between), "{status}: {between:?} between the tries");

        setup.alb.set_key_server(Mode::Healthy);
        assert_503(&setup.call().await, KeysUnavailable);
        setup.clock.advance(SECOND);
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.alb.key_fetches(), 3, "{status}: the first request after the wait gets the key");
    }
}

#[tokio::test(start_paused = true)]
async fn f_09_the_second_try_may_bring_the_key() {
    for kind in [Kind::Connection, Kind::Busy] {
        let source = Source::new(|_| async { failure(Kind::Other) });
        let setup = Setup::with_source(source.clone());
        let (pem, counter) = (setup.alb.public_key_pem(), source.clone());
        source.set(move |_| {
            let answer = if counter.fetches() == 1 { failure(kind) } else { Ok(pem.clone().into_bytes()) };
            async { answer }
        });
        setup.call().await.assert_ok(JANE);
        assert_eq!(source.fetches(), 2, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn f_09_other_failures_get_no_second_try() {
    for kind in [Kind::Other, Kind::Timeout] {
        let source = Source::new(move |_| async move { failure(kind) });
        let setup = Setup::with_source(source.clone());
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(source.fetches(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn f_09_retry_after_of_the_endpoint_is_honoured_up_to_30_seconds() {
    for (named, waits) in [(0, 1), (1, 1), (20, 20), (30, 30), (31, 30), (86_400, 30)] {
        let source =
            Source::new(
                move |_| async move { Err(KeySourceError::new(Kind::Busy, "busy").retry_after(seconds(named))) },
            );
        let setup = Setup::with_source(source.clone());
        assert_eq!(assert_503(&setup.call().await, KeysUnavailable), waits, "the wait is {named}");
        assert_eq!(source.fetches(), 1, "the wait is {named}: its response had a time to wait");
        setup.clock.advance(seconds(waits) - Duration::from_millis(1));
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(source.fetches(), 1, "the wait is {named}: came early");
        setup.clock.advance(Duration::from_millis(1));
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(source.fetches(), 2, "the wait is {named}: did not come again");
    }
}

#[tokio::test(start_paused = true)]
async fn f_16_the_first_request_after_the_wait_finds_the_endpoint_up_again() {
    for (case, failures) in [("a wait of the kid", 1), ("the endpoint counted as down", 8)] {
        let setup = Setup::new();
        setup.alb.set_key_server(Mode::Reset);
        let mut wait = 0;
        for _ in 0..failures {
            setup.clock.advance(seconds(wait));
            wait = assert_503(&setup.call().await, KeysUnavailable);
        }
        setup.alb.set_key_server(Mode::Healthy);
        let fetches = setup.alb.key_fetches();
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(setup.alb.key_fetches(), fetches, "{case}: queried before the time to wait was over");
        setup.clock.advance(seconds(wait));
        setup.call().await.assert_ok(JANE);
        assert_eq!(setup.alb.key_fetches(), fetches + 1, "{case}");
        assert_eq!(setup.handle.stats().unknown_kids, 0, "{case}: the failure is forgotten");
    }
}
