//! Keys beyond their lifetime while the endpoint counts as down, so that no request may fetch.

use tower_alb_auth::{
    AuthErrorKind::KeysUnavailable,
    KeyLimits,
    test_util::{KeyServerMode as Mode, MockAlb, User},
};

use crate::{
    store::setup::{JANE, LIFETIME, MAX_AGE, SECOND, Setup, assert_503},
    support::Answer,
};

/// The first failure of one key makes the endpoint count as down before the other key is due.
#[tokio::test(start_paused = true)]
async fn f_89_a_key_that_may_not_be_fetched_is_used_until_its_maximum_age_and_no_longer() {
    let mut setup = Setup::with_limits(KeyLimits::new().breaker_failures(1));
    let first = setup.alb.clone();
    setup.alb.rotate();
    let second = setup.alb.clone();
    let call = async |alb: &MockAlb| -> Answer {
        let answer = setup.app.call(alb.request("/").user(&User::jane())).await;
        setup.settle().await;
        answer
    };
    call(&first).await.assert_ok(JANE);
    call(&second).await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 2);

    // A status that gets no second try.
    setup.alb.set_key_server(Mode::Status(302));
    setup.clock.advance(LIFETIME);
    call(&first).await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 3, "the endpoint counts as down now");
    call(&second).await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 3, "no request may fetch");

    setup.clock.advance(MAX_AGE - LIFETIME + SECOND);
    assert_503(&call(&first).await, KeysUnavailable);
    assert_eq!(setup.alb.key_fetches(), 4, "the probe");
    assert_503(&call(&second).await, KeysUnavailable);
    assert_eq!(setup.alb.key_fetches(), 4);

    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(LIFETIME);
    call(&first).await.assert_ok(JANE);
    call(&second).await.assert_ok(JANE);
}
