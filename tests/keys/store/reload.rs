//! What of the keys outlives a reload.

use std::{future::ready, sync::Arc};

use tower_alb_auth::{
    AlbAuthConfig,
    AuthErrorKind::{InvalidSignature, KeysUnavailable, UnknownKey},
    KeyLimits,
    keys::{FixedKeys, KeyFetch, KeyRequest, KeySource},
    test_util::{KeyServerMode as Mode, MockAlb, User},
};

use crate::store::{
    setup::{JANE, REFRESH_AGE, SECOND, Setup, finish, kid_number, seconds},
    source::{Source, no_such_key},
};

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
    assert!(crate::store::setup::poll_once(&mut waiting).await.is_none());
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

/// A source that gives this load balancer's key for any kid, and says nothing of what it is.
#[derive(Clone)]
struct Anonymous(String);

impl Anonymous {
    fn of(alb: &MockAlb) -> Self {
        Self(alb.public_key_pem())
    }
}

impl KeySource for Anonymous {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        Box::pin(ready(Ok(self.0.clone().into_bytes())))
    }
}

#[tokio::test(start_paused = true)]
async fn s_81_a_key_of_a_source_that_was_replaced_verifies_nothing() {
    let (forger, setup) = (MockAlb::new(), Setup::new());
    let builder = || setup.alb.config_builder();
    // The key of a source that should never have been there.
    let forged = || forger.token(&User::jane()).header("signer", setup.alb.signer()).header("kid", setup.alb.kid());
    let fixed = || FixedKeys::new().add(setup.alb.kid(), &forger.public_key_pem()).unwrap();
    for (case, replaced) in [
        ("a source of another kind", builder().key_source(Anonymous::of(&forger))),
        ("a shared source", builder().key_source(Arc::new(Anonymous::of(&forger)))),
        ("fixed keys", builder().fixed_keys(fixed())),
    ] {
        setup.handle.reload(finish(replaced));
        let token = forged().expires_at(setup.alb.unix_now() + 120).sign();
        setup.app.call(setup.alb.request("/").token(&token)).await.assert_ok(JANE);
        setup.handle.reload(setup.alb.config());
        assert_eq!((setup.handle.stats().keys, setup.handle.stats().tokens), (0, 0), "{case}");
        // The same token, which was remembered, and one that was never seen.
        setup.app.call(setup.alb.request("/").token(&token)).await.assert_401(InvalidSignature);
        setup.app.call(setup.alb.request("/").token(&forged().sign())).await.assert_401(InvalidSignature);
        setup.warm().await;
    }
}

#[tokio::test(start_paused = true)]
async fn s_81_keys_are_kept_of_the_same_source_alone() {
    let setup = Setup::new();
    let keys_after = async |first: AlbAuthConfig, second: AlbAuthConfig| {
        setup.handle.reload(first);
        setup.warm().await;
        setup.handle.reload(second);
        setup.handle.stats().keys
    };
    let with = |source: &Arc<Anonymous>| finish(setup.alb.config_builder().key_source(Arc::clone(source)));
    let [one, other] = [(); 2].map(|()| Arc::new(Anonymous::of(&setup.alb)));
    let anonymous = || finish(setup.alb.config_builder().key_source(Anonymous::of(&setup.alb)));
    assert_eq!(keys_after(with(&one), with(&one)).await, 1, "the same object");
    assert_eq!(keys_after(with(&one), with(&other)).await, 0, "another object of its kind");
    assert_eq!(keys_after(anonymous(), anonymous()).await, 0, "nothing says that they are the same");
    let built = anonymous();
    assert_eq!(keys_after(built.clone(), built).await, 1, "the same configuration");
    assert_eq!(keys_after(setup.alb.config(), setup.alb.config()).await, 1, "the same text");
    let elsewhere = finish(MockAlb::new().keys_and_clock(setup.alb.config_builder()));
    assert_eq!(keys_after(setup.alb.config(), elsewhere).await, 0, "another text");
    let limits = finish(setup.alb.config_builder().key_limits(KeyLimits::new().fetch_timeout(seconds(9))));
    assert_eq!(keys_after(setup.alb.config(), limits).await, 1, "limits are no source");
}

#[tokio::test(start_paused = true)]
async fn s_82_after_a_change_of_the_source_strangers_do_not_keep_known_kids_from_their_keys() {
    let setup = Setup::new();
    setup.warm().await;
    // Knows the key, and leaves every other question open: a flood holds all places and has spent the burst.
    let (kid, pem) = (setup.kid(), setup.alb.public_key_pem());
    let source = Source::new(move |request| {
        let (known, pem) = (request.kid == kid, pem.clone());
        async move { if known { Ok(pem.into_bytes()) } else { std::future::pending().await } }
    });
    setup.handle.reload(finish(setup.alb.config_builder().key_source(source.clone())));
    assert_eq!(setup.handle.stats().keys, 0);
    let strangers = (0..100).map(|number| {
        let (app, alb) = (setup.app.clone(), setup.alb.clone());
        tokio::spawn(async move {
            let token = alb.token(&User::jane()).header("kid", kid_number(number)).sign();
            app.call(alb.request("/").token(&token)).await;
        })
    });
    let strangers: Vec<_> = strangers.collect();
    while source.under_way() < 8 {
        tokio::task::yield_now().await;
    }
    crate::store::setup::assert_503(&setup.call_with_kid(&kid_number(500)).await, KeysUnavailable);
    setup.warm().await;
    strangers.iter().for_each(|stranger| stranger.abort());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_knows_no_key_leaves_nothing_of_the_old_one() {
    let setup = Setup::new();
    setup.warm().await;
    let source = Source::new(|_| ready(no_such_key()));
    setup.handle.reload(finish(setup.alb.config_builder().key_source(source.clone())));
    setup.call().await.assert_401(UnknownKey);
    assert_eq!(source.fetches_of(setup.alb.kid()), 1);
}
