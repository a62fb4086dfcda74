//! How many keys are held.

use tower_alb_auth::{
    AuthErrorKind::UnknownKey,
    KeyLimits,
    test_util::{KeyServerMode as Mode, MockAlb, User},
};

use crate::store::setup::{JANE, REFRESH_AGE, SECOND, Setup, kid_number};

async fn call(setup: &Setup, alb: &MockAlb) {
    setup.app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
}

/// The load balancer with three keys, one after the other.
fn rotations(setup: &mut Setup) -> [MockAlb; 3] {
    [(); 3].map(|()| {
        setup.alb.rotate();
        setup.alb.clone()
    })
}

#[tokio::test(start_paused = true)]
async fn over_max_keys_the_one_used_longest_ago_goes() {
    let mut setup = Setup::with_limits(KeyLimits::new().max_keys(2));
    let albs = rotations(&mut setup);
    for alb in &albs {
        call(&setup, alb).await;
        setup.clock.advance(SECOND);
    }
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (3, 2));
    call(&setup, &albs[1]).await;
    setup.clock.advance(SECOND);
    call(&setup, &albs[2]).await;
    assert_eq!(setup.alb.key_fetches(), 3, "the newer two are held");
    call(&setup, &albs[0]).await;
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (4, 2), "the oldest was not");

    // The first was fetched last, and the third is used last.
    setup.clock.advance(SECOND);
    call(&setup, &albs[2]).await;
    setup.clock.advance(SECOND);
    call(&setup, &albs[1]).await;
    assert_eq!(setup.alb.key_fetches(), 5);
    call(&setup, &albs[2]).await;
    assert_eq!(setup.alb.key_fetches(), 5, "use counts, not the fetch");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_makes_a_key_new() {
    let mut setup = Setup::with_limits(KeyLimits::new().max_keys(2));
    let albs = rotations(&mut setup);
    call(&setup, &albs[0]).await;
    setup.clock.advance(SECOND);
    call(&setup, &albs[1]).await;
    setup.clock.advance(REFRESH_AGE - SECOND);
    call(&setup, &albs[0]).await;
    setup.settle().await;
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (3, 2), "a refresh is no second key");
    call(&setup, &albs[2]).await;
    call(&setup, &albs[0]).await;
    assert_eq!(setup.alb.key_fetches(), 4, "the one in use stayed");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_pushes_none_out() {
    let limits = KeyLimits::new().max_keys(2).fetch_burst(1000).breaker_failures(100);
    let mut setup = Setup::with_limits(limits);
    let [one, two, _] = rotations(&mut setup);
    call(&setup, &one).await;
    call(&setup, &two).await;
    for number in 0..100 {
        setup.call_with_kid(&kid_number(number)).await.assert_401(UnknownKey);
    }
    setup.alb.set_key_server(Mode::Answer(b"junk".to_vec()));
    for number in 100..150 {
        assert_eq!(setup.call_with_kid(&kid_number(number)).await.status, 503);
    }
    call(&setup, &one).await;
    call(&setup, &two).await;
    assert_eq!((setup.alb.key_fetches(), setup.handle.stats().keys), (152, 2));
}
