//! What the process says about itself, and what a warm-up finds.

use std::future::ready;

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthHandle, AlbAuthLayer,
    AuthErrorKind::{InvalidSignature, KeysUnavailable, UnknownKey},
    KeyLimits, Kid,
    keys::KeySourceErrorKind as Kind,
    test_util::{KeyServerMode as Mode, MockAlb, TestClock, User},
};
use tracing::Level;

use crate::{
    store::{
        setup::{JANE, LIFETIME, MAX_AGE, REFRESH_AGE, SECOND, Setup, assert_503, finish, kid_number, seconds},
        source::{Source, failure, no_such_key},
    },
    support::App,
    support::traced::Traced,
};

const ENDPOINT: &str = "https://public-keys.auth.elb.eu-central-1.amazonaws.com";

#[track_caller]
fn assert_ready(handle: &AlbAuthHandle) {
    let readiness = handle.readiness();
    assert!(readiness.is_ready() && readiness.problems().is_empty(), "{readiness:?}");
}

/// That there is one problem, with these words. Gives whether it is ready all the same.
#[track_caller]
fn problem(handle: &AlbAuthHandle, words: &[&str]) -> bool {
    let readiness = handle.readiness();
    let [problem] = readiness.problems() else { panic!("not one problem: {readiness:?}") };
    for word in words {
        assert!(problem.contains(word), "no {word:?} in {problem:?}");
    }
    readiness.is_ready()
}

#[tokio::test(start_paused = true)]
async fn a_process_that_needed_no_key_yet_is_ready() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Reset);
    assert_ready(&setup.handle);
    setup.app.call(setup.alb.request("/")).await;
    assert_ready(&setup.handle);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_while_no_key_is_held_is_not_ready() {
    for (mode, word) in [
        (Mode::Reset, "connection closed"),
        (Mode::Status(503), "503"),
        (Mode::Silent, "fetch_timeout"),
        (Mode::Answer(b"<html>".to_vec()), "PEM"),
    ] {
        let setup = Setup::new();
        setup.alb.set_key_server(mode);
        setup.call().await;
        assert!(!problem(&setup.handle, &[ENDPOINT, word]), "{word}");
        setup.alb.set_key_server(Mode::Healthy);
        setup.clock.advance(SECOND);
        setup.warm().await;
        assert_ready(&setup.handle);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_not_ready_does_not_stay_so_for_want_of_requests() {
    for mode in [Mode::Reset, Mode::Status(500)] {
        let setup = Setup::new();
        setup.alb.set_key_server(mode.clone());
        setup.call().await;
        assert!(!problem(&setup.handle, &[ENDPOINT]), "{mode:?}");
        // It is taken out for that, so no request will ever find out that the endpoint is up again.
        setup.clock.advance(seconds(36));
        assert!(problem(&setup.handle, &[ENDPOINT]), "{mode:?}: nobody knows any more, so a request may try");
        setup.clock.advance(seconds(60));
        setup.call().await;
        assert!(!problem(&setup.handle, &[ENDPOINT]), "{mode:?}: it tried, and it is down still");
    }
}

#[tokio::test(start_paused = true)]
async fn s_45_403_from_an_endpoint_that_never_gave_a_key_is_shown() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Status(403));
    setup.call().await.assert_401(UnknownKey);
    assert!(problem(
        &setup.handle,
        &[ENDPOINT, "403", "egress proxy", "wrong region", "wrong endpoint", "a client invented the kid"]
    ));

    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(seconds(73));
    setup.warm().await;
    assert_ready(&setup.handle);
    // From now on a 403 is what it says: there is no such key.
    setup.call_with_kid(&kid_number(1)).await.assert_401(UnknownKey);
    assert_ready(&setup.handle);
}

#[tokio::test(start_paused = true)]
async fn s_83_a_kid_that_was_made_up_makes_no_process_not_ready() {
    let setup = Setup::new();
    let (traced, _guard) = Traced::begin();
    for number in 0..600 {
        setup.call_with_kid(&kid_number(number)).await;
        assert!(setup.handle.readiness().is_ready(), "after {number} s");
        setup.clock.advance(SECOND);
    }
    assert!(problem(&setup.handle, &[ENDPOINT, "if all users are refused with unknown_key"]), "it is shown");
    let warnings = traced.lines(Level::WARN);
    assert_eq!(warnings.len(), 10, "one a minute: {warnings:#?}");
    setup.warm().await;
    assert_ready(&setup.handle);
}

#[tokio::test(start_paused = true)]
async fn s_83_no_key_for_a_kid_that_has_verified_a_token_does() {
    let setup = Setup::new();
    setup.warm().await;
    // The way out is now another one, and answers everything with 403.
    let source = Source::new(|_| ready(no_such_key()));
    setup.handle.reload(finish(setup.alb.config_builder().key_source(source.clone())));
    assert_ready(&setup.handle);
    setup.call_with_kid(&kid_number(1)).await.assert_401(UnknownKey);
    assert!(problem(&setup.handle, &["if all users are refused"]), "anyone may have made that up");
    setup.call().await.assert_401(UnknownKey);
    assert!(!problem(&setup.handle, &[ENDPOINT, "for a kid that has verified tokens before", "egress proxy"]));
    setup.call_with_kid(&kid_number(2)).await.assert_401(UnknownKey);
    assert!(!problem(&setup.handle, &["for a kid that has verified tokens before"]), "a stranger's kid hides it");

    setup.clock.advance(seconds(36));
    assert!(problem(&setup.handle, &[ENDPOINT]), "a request may try again");
    setup.clock.advance(seconds(60));
    let pem = setup.alb.public_key_pem();
    source.set(move |_| ready(Ok(pem.clone().into_bytes())));
    setup.warm().await;
    assert_ready(&setup.handle);
}

#[tokio::test(start_paused = true)]
async fn s_83_a_key_that_a_stranger_named_does_not_stand_in_for_those_in_use() {
    let source = Source::new(|_| async { no_such_key() });
    let setup = Setup::with_source(source.clone());
    let (kid, foreign) = (setup.kid(), MockAlb::new().public_key_pem());
    source.set(move |request| {
        ready(if request.kid == kid { failure(Kind::Other) } else { Ok(foreign.clone().into_bytes()) })
    });
    setup.call_with_kid(&kid_number(1)).await.assert_401(InvalidSignature);
    assert_ready(&setup.handle);
    assert_503(&setup.call().await, KeysUnavailable);
    assert!(!problem(&setup.handle, &[ENDPOINT]), "a key is held, and it has verified nothing");
}

#[tokio::test(start_paused = true)]
async fn lines_about_fetches_that_fail_are_few() {
    let source = Source::new(|_| ready(failure(Kind::Other)));
    let limits = KeyLimits::new().breaker_failures(100).fetch_burst(1000);
    let setup = Setup::build(|builder, _| builder.key_source(source.clone()).key_limits(limits));
    let (traced, _guard) = Traced::begin();
    let said = || traced.lines(Level::WARN).iter().filter(|line| line.contains("the fetch of a public key")).count();
    for number in 0..50 {
        setup.call_with_kid(&kid_number(number)).await;
    }
    assert_eq!((source.fetches(), said()), (50, 10));
    setup.clock.advance(seconds(10));
    setup.call_with_kid(&kid_number(50)).await;
    assert_eq!(said(), 11);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_while_keys_are_held_is_a_problem_and_ready() {
    let setup = Setup::new();
    setup.warm().await;
    setup.alb.set_key_server(Mode::Reset);
    setup.clock.advance(REFRESH_AGE);
    setup.warm().await;
    setup.settle().await;
    assert!(problem(&setup.handle, &[ENDPOINT, "connection closed"]));
    setup.clock.advance(LIFETIME - REFRESH_AGE + SECOND);
    setup.warm().await;
    assert!(problem(&setup.handle, &[ENDPOINT]), "stale keys are keys");

    setup.clock.advance(MAX_AGE - LIFETIME);
    assert_503(&setup.call().await, KeysUnavailable);
    assert!(!problem(&setup.handle, &[ENDPOINT]), "keys that are too old are none");
}

#[tokio::test(start_paused = true)]
async fn f_31_a_warm_up_that_fails_is_reported_and_nothing_more() {
    for mode in [Mode::Reset, Mode::Silent, Mode::Status(500), Mode::Status(302)] {
        let setup = Setup::new();
        setup.alb.set_key_server(mode.clone());
        let error = setup.handle.warm_up().await.unwrap_err();
        assert!(error.to_string().contains(ENDPOINT), "{mode:?}: {error}");
        assert_eq!(error.problems().len(), 1, "{mode:?}");
        assert_ready(&setup.handle);

        setup.alb.set_key_server(Mode::Healthy);
        setup.warm().await;
        setup.handle.warm_up().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn f_31_a_warm_up_is_content_with_an_endpoint_that_knows_no_key() {
    let setup = Setup::new();
    setup.handle.warm_up().await.unwrap();
    assert_eq!(setup.alb.key_fetches(), 1);
    assert_ready(&setup.handle);
    assert_eq!(setup.handle.stats().unknown_kids, 0);
}

#[tokio::test(start_paused = true)]
async fn f_31_a_warm_up_with_kids_spares_the_first_request_its_fetch() {
    let setup = Setup::new();
    setup.handle.warm_up_kids([setup.kid()]).await.unwrap();
    let fetches = setup.alb.key_fetches();
    setup.warm().await;
    assert_eq!(setup.alb.key_fetches(), fetches);

    let stranger = Kid::parse(&kid_number(1)).unwrap();
    let error = setup.handle.warm_up_kids([setup.kid(), stranger]).await.unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert!(error.to_string().contains(&kid_number(1)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn f_31_a_warm_up_with_kids_that_fails_leaves_the_layer_to_try_again() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Reset);
    setup.handle.warm_up_kids([setup.kid()]).await.unwrap_err();
    assert!(!problem(&setup.handle, &[ENDPOINT]));
    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(SECOND);
    setup.warm().await;
    assert_ready(&setup.handle);
}

#[tokio::test(start_paused = true)]
async fn f_31_of_several_regions_one_needs_to_know_a_kid() {
    let clock = TestClock::new();
    let [one, two] = [MockAlb::new().with_clock(&clock), MockAlb::new().with_clock(&clock)];
    let endpoints = ["https://one.example.com/keys", "https://two.example.com/keys"];
    let keys = [(one.kid().to_owned(), one.public_key_pem()), (two.kid().to_owned(), two.public_key_pem())];
    let source = Source::new(move |request| {
        let here = endpoints.iter().position(|endpoint| *endpoint == request.endpoint.as_str());
        let (kid, pem) = &keys[here.unwrap()];
        ready(if request.kid.to_string() == *kid { Ok(pem.clone().into_bytes()) } else { no_such_key() })
    });
    let builder = AlbAuthConfig::builder()
        .trust(one.trusted().key_endpoint(endpoints[0]))
        .trust(two.trusted().key_endpoint(endpoints[1]))
        .clock(clock)
        .key_source(source.clone());
    let layer = AlbAuthLayer::new(finish(builder));
    let (handle, app) = (layer.handle(), App::new(layer));
    let kids = [&one, &two].map(|alb| Kid::parse(alb.kid()).unwrap());
    handle.warm_up_kids(kids).await.unwrap();
    let fetches = source.fetches();
    for alb in [&one, &two] {
        app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
    }
    assert_eq!(source.fetches(), fetches);

    let stranger = Kid::parse(&kid_number(1)).unwrap();
    let error = handle.warm_up_kids([kids[0], stranger]).await.unwrap_err();
    assert!(error.problems().iter().all(|problem| problem.contains(&kid_number(1))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_a_sentence_of_its_own() {
    let endpoints = ["https://one.example.com/keys", "https://two.example.com/keys"];
    let source = Source::new(|_| ready(failure(Kind::Connection)));
    let [one, two] = [MockAlb::new(), MockAlb::new()];
    let builder = AlbAuthConfig::builder()
        .trust(one.trusted().key_endpoint(endpoints[0]))
        .trust(two.trusted().key_endpoint(endpoints[1]))
        .key_source(source);
    let layer = AlbAuthLayer::new(finish(builder));
    let error = layer.handle().warm_up().await.unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    for (problem, endpoint) in error.problems().iter().zip(endpoints) {
        assert!(problem.contains(endpoint), "{problem}");
    }
}
