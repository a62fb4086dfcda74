//! Dates that jump, and dates that cannot be.

use std::time::{Duration, SystemTime};

use tower_alb_auth::{
    AuthErrorKind::{ClockUnusable, Expired, LifetimeTooLong},
    Clock,
    test_util::{TestClock, User},
};

use crate::store::setup::{JANE, REFRESH_AGE, SECOND, Setup, seconds};

const HOUR: Duration = seconds(3600);

/// 10000-01-01T00:00:00Z.
const YEAR_10000: u64 = 253_402_300_800;

#[tokio::test(start_paused = true)]
async fn f_27_a_date_that_jumps_changes_no_key_and_every_expiry() {
    let setup = Setup::new();
    setup.warm().await;
    let today = setup.clock.now();
    let token = setup.alb.sign(&User::jane());
    let call = || setup.app.call(setup.alb.request("/").token(&token));
    call().await.assert_ok(JANE);

    setup.clock.set_date(today + HOUR);
    call().await.assert_401(Expired);
    setup.call().await.assert_ok(JANE);
    setup.clock.set_date(today - SECOND * 600);
    // Not refused: exp lies less than max_lifetime ahead.
    call().await.assert_ok(JANE);
    setup.call().await.assert_ok(JANE);
    setup.clock.set_date(today - HOUR);
    call().await.assert_401(LifetimeTooLong);
    // A token that is signed by the same clock is good.
    setup.call().await.assert_ok(JANE);
    setup.clock.set_date(today);
    call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 1, "no jump made the key older or younger");

    // The key's age goes on as if nothing had been.
    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.clock.set_date(today - HOUR * 1000);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 1);
    setup.clock.advance(SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn f_27_waits_are_not_shortened_by_the_date() {
    let setup = Setup::new();
    setup.alb.set_key_server(tower_alb_auth::test_util::KeyServerMode::Status(404));
    setup.call().await;
    let today = setup.clock.now();
    for date in [today + HOUR, today - HOUR] {
        setup.clock.set_date(date);
        setup.call().await;
    }
    assert_eq!(setup.alb.key_fetches(), 1);
}

#[tokio::test]
async fn f_28_a_clock_before_1970_accepts_no_token() {
    let setup = Setup::new();
    setup.warm().await;
    let (today, token) = (setup.clock.now(), setup.alb.sign(&User::jane()));
    for before in [Duration::from_nanos(1), SECOND, HOUR * 24 * 365 * 100] {
        setup.clock.set_date(SystemTime::UNIX_EPOCH - before);
        setup.app.call(setup.alb.request("/").token(&token)).await.assert_401(ClockUnusable);
        setup.call().await.assert_401(ClockUnusable);
    }
    setup.clock.set_date(today);
    setup.app.call(setup.alb.request("/").token(&token)).await.assert_ok(JANE);
}

#[tokio::test]
async fn f_28_a_clock_after_9999_rejects_every_user() {
    let setup = Setup::new();
    setup.warm().await;
    let token = setup.alb.sign(&User::jane());
    let calls = setup.app.calls();
    let last = u64::try_from(i64::MAX).unwrap();
    for now in [YEAR_10000, YEAR_10000 * 1000, last - 200, last] {
        setup.clock.set_date(SystemTime::UNIX_EPOCH + seconds(now));
        setup.app.call(setup.alb.request("/").token(&token)).await.assert_401(Expired);
        for expires_at in [now - 31, now, now + 120, u64::MAX] {
            let token = setup.alb.token(&User::jane()).expires_at(expires_at).sign();
            let answer = setup.app.call(setup.alb.request("/").token(&token)).await;
            assert_eq!(answer.status, 401, "now {now}, exp {expires_at}: {answer:?}");
        }
    }
    assert_eq!(setup.app.calls(), calls);
}

#[tokio::test]
async fn f_28_the_last_and_the_first_seconds_work() {
    for now in [0, 1, YEAR_10000 - 200] {
        let clock = TestClock::at(SystemTime::UNIX_EPOCH + seconds(now));
        let setup = Setup::new();
        setup.clock.set_date(clock.now());
        setup.call().await.assert_ok(JANE);
    }
}
