//! Refresh without requests.

use tower_alb_auth::{AlbAuthLayer, test_util::KeyServerMode as Mode};

use crate::store::setup::{JANE, LIFETIME, MAX_AGE, REFRESH_AGE, SECOND, Setup, seconds};

/// Lets the background task look at the keys.
async fn a_while() {
    tokio::time::sleep(SECOND * 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_refreshed_without_a_request() {
    let setup = Setup::new();
    setup.warm().await;
    let refresh = setup.handle.refresh_in_background();
    for round in 0..10 {
        setup.clock.advance(REFRESH_AGE - SECOND);
        a_while().await;
        assert_eq!(setup.alb.key_fetches(), 1 + round, "early");
        setup.clock.advance(SECOND);
        a_while().await;
        assert_eq!(setup.alb.key_fetches(), 2 + round, "late, or twice");
    }
    assert!(refresh.is_running());
    setup.alb.set_key_server(Mode::Reset);
    setup.call().await.assert_ok(JANE);
}

#[tokio::test(start_paused = true)]
async fn without_it_a_quiet_process_queries_no_source() {
    let setup = Setup::new();
    setup.warm().await;
    setup.clock.advance(LIFETIME);
    a_while().await;
    assert_eq!(setup.alb.key_fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_its_handle_is_dropped() {
    let setup = Setup::new();
    setup.warm().await;
    let refresh = setup.handle.refresh_in_background();
    a_while().await;
    drop(refresh);
    setup.clock.advance(LIFETIME);
    a_while().await;
    assert_eq!(setup.alb.key_fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_of_the_layer() {
    let setup = Setup::new();
    let layer = AlbAuthLayer::new(setup.alb.config());
    let refresh = layer.handle().refresh_in_background();
    let service = tower::Layer::layer(&layer, ());
    drop(layer);
    a_while().await;
    assert!(refresh.is_running(), "a service is left");
    drop(service);
    a_while().await;
    assert!(!refresh.is_running());
}

#[tokio::test(start_paused = true)]
async fn it_follows_a_reload() {
    let setup = Setup::new();
    setup.warm().await;
    let refresh = setup.handle.refresh_in_background();
    setup.handle.reload(setup.alb.config());
    setup.clock.advance(REFRESH_AGE);
    a_while().await;
    assert_eq!(setup.alb.key_fetches(), 2);
    assert!(refresh.is_running());
}

#[tokio::test(start_paused = true)]
async fn f_32_its_failures_back_off_too() {
    let setup = Setup::new();
    setup.warm().await;
    let _refresh = setup.handle.refresh_in_background();
    setup.alb.set_key_server(Mode::Status(302));
    setup.clock.advance(REFRESH_AGE);
    for _ in 0..600 {
        tokio::time::sleep(SECOND).await;
        setup.clock.advance(SECOND);
    }
    let fetches = setup.alb.key_fetches() - 1;
    assert!((18..=26).contains(&fetches), "{fetches} fetches in ten minutes");
    setup.call().await.assert_ok(JANE);
}

#[tokio::test(start_paused = true)]
async fn it_brings_back_a_key_that_grew_too_old() {
    let setup = Setup::new();
    setup.warm().await;
    let _refresh = setup.handle.refresh_in_background();
    setup.alb.set_key_server(Mode::Reset);
    setup.clock.advance(MAX_AGE + seconds(60));
    a_while().await;
    assert!(!setup.handle.readiness().is_ready());
    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(seconds(60));
    a_while().await;
    assert!(setup.handle.readiness().is_ready());
    let fetches = setup.alb.key_fetches();
    setup.call().await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), fetches);
}

#[tokio::test(start_paused = true)]
async fn it_drops_a_withdrawn_key() {
    let setup = Setup::new();
    setup.warm().await;
    let _refresh = setup.handle.refresh_in_background();
    setup.alb.withdraw(setup.alb.kid());
    setup.clock.advance(REFRESH_AGE);
    for _ in 0..121 {
        a_while().await;
        setup.clock.advance(SECOND);
    }
    assert_eq!(setup.handle.stats().keys, 0);
}
