//! What of the keys outlives a reload.

use tower_alb_auth::{
    AlbAuthConfig,
    AuthErrorKind::UnknownKey,
    KeyLimits,
    keys::FixedKeys,
    test_util::{KeyServerMode as Mode, User},
};

use crate::setup::{JANE, REFRESH_AGE, SECOND, Setup, finish, kid_number, seconds};

/// A configuration like the first, but for where keys are.
fn with_endpoint(setup: &Setup, url: &str) -> AlbAuthConfig {
    let builder = AlbAuthConfig::builder().trust(setup.alb.trusted().key_endpoint(url));
    finish(setup.alb.keys_and_clock(builder))
}

#[tokio::test(start_paused = true)]
async fn held_keys_of_endpoints_that_are_still_trusted_are_kept() {
    let setup = Setup::new();
    setup.warm().await;
    let token = setup.alb.sign(&User::jane());
    for _ in 0..3 {
        setup.handle.reload(setup.alb.config());
        setup.app.call(setup.alb.request("/").token(&token)).await.assert_ok(JANE);
        setup.warm().await;
    }
    assert_eq!(setup.alb.key_fetches(), 1);

    // Their age goes on.
    setup.clock.advance(REFRESH_AGE);
    setup.handle.reload(setup.alb.config());
    setup.warm().await;
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_of_an_endpoint_that_is_no_longer_trusted_are_dropped() {
    let setup = Setup::new();
    setup.warm().await;
    setup.handle.reload(with_endpoint(&setup, "https://keys.example.com"));
    assert_eq!(setup.handle.stats().keys, 0);
    setup.warm().await;
    assert_eq!(setup.alb.key_fetches(), 2, "the same kid at another endpoint is another key");
    setup.handle.reload(setup.alb.config());
    setup.warm().await;
    assert_eq!(setup.alb.key_fetches(), 3, "nor does it come back");
}

#[tokio::test(start_paused = true)]
async fn fetched_keys_do_not_outlive_a_reload_to_fixed_ones() {
    let setup = Setup::new();
    setup.warm().await;
    let builder = setup.alb.config_builder().fixed_keys(FixedKeys::new());
    setup.handle.reload(finish(builder));
    setup.call().await.assert_401(UnknownKey);
    assert_eq!(setup.handle.stats().keys, 0);
}

#[tokio::test(start_paused = true)]
async fn a_held_key_still_says_that_the_endpoint_is_the_right_one() {
    let setup = Setup::new();
    setup.warm().await;
    setup.handle.reload(setup.alb.config());
    setup.call_with_kid(&kid_number(1)).await.assert_401(UnknownKey);
    let readiness = setup.handle.readiness();
    assert!(readiness.problems().is_empty(), "it gave a key before the reload: {readiness:?}");
}

#[tokio::test(start_paused = true)]
async fn a_smaller_max_keys_holds_from_the_next_key_on() {
    let mut setup = Setup::new();
    for _ in 0..5 {
        setup.alb.rotate();
        setup.clock.advance(SECOND);
        setup.warm().await;
    }
    setup.handle.reload(finish(setup.alb.config_builder().key_limits(KeyLimits::new().max_keys(2))));
    setup.alb.rotate();
    setup.warm().await;
    assert_eq!(setup.handle.stats().keys, 2);
    setup.warm().await;
    assert_eq!(setup.alb.key_fetches(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_its_key_ends_on_the_configuration_it_began_with() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Silent);
    let mut waiting = Box::pin(setup.call());
    assert!(crate::setup::poll_once(&mut waiting).await.is_none());
    setup.alb.set_key_server(Mode::Healthy);
    setup.handle.reload(setup.alb.config());
    setup.warm().await;
    assert_eq!(setup.handle.stats().key_fetches_under_way, 0, "the new configuration's own");
    // The old one's fetch was asked when the endpoint was silent already, so it runs into its time-out.
    tokio::time::advance(seconds(6)).await;
    let answer = waiting.await;
    assert!(matches!(answer.status.as_u16(), 200 | 503), "{answer:?}");
    setup.warm().await;
}
