//! An endpoint that stays away is left alone.

use std::future::ready;

use tower_alb_auth::{
    AuthErrorKind::{KeysUnavailable, UnknownKey},
    KeyLimits,
    keys::KeySourceErrorKind as Kind,
    test_util::{KeyServerMode as Mode, MockAlb, User},
};

use crate::store::{
    setup::{JANE, LIFETIME, REFRESH_AGE, SECOND, Setup, assert_503, kid_number, poll_once, seconds},
    source::{Gate, Source, failure, no_such_key},
};

/// A status that gets no second try, so that fetches can be counted.
const REDIRECT: Mode = Mode::Status(302);

#[tokio::test(start_paused = true)]
async fn f_34_five_failures_then_one_probe_every_5_to_30_seconds() {
    let setup = Setup::new();
    setup.alb.set_key_server(REDIRECT);
    let mut probes = Vec::new();
    let mut seen = 0;
    // A new kid every second, so that no kid's own wait hides the endpoint's.
    for second in 0..600 {
        for n in 0..3 {
            let wait = assert_503(&setup.call_with_kid(&kid_number(second * 10 + n)).await, KeysUnavailable);
            assert!(wait <= 30, "{wait}");
        }
        probes.extend((seen..setup.alb.key_fetches()).map(|_| second));
        seen = setup.alb.key_fetches();
        setup.clock.advance(SECOND);
    }
    let expected: Vec<usize> = [0, 0, 0, 1, 1, 6, 16, 36].into_iter().chain((66..600).step_by(30)).collect();
    assert_eq!(probes, expected, "the seconds in which the endpoint was asked");
}

#[tokio::test(start_paused = true)]
async fn f_34_one_probe_at_a_time_and_an_answer_ends_it() {
    let source = Source::new(|_| async { failure(Kind::Other) });
    let setup = Setup::with_source(source.clone());
    for number in 0..5 {
        assert_503(&setup.call_with_kid(&kid_number(number)).await, KeysUnavailable);
    }
    let (gate, pem) = (Gate::closed(), setup.alb.public_key_pem());
    let passed = gate.clone();
    source.set(move |_| {
        let (passed, pem) = (passed.passed(), pem.clone());
        async move {
            passed.await;
            Ok(pem.into_bytes())
        }
    });
    setup.clock.advance(seconds(5));
    let mut probe = Box::pin(setup.call());
    assert!(poll_once(&mut probe).await.is_none());
    tokio::task::yield_now().await;
    for number in 10..20 {
        let wait = assert_503(&setup.call_with_kid(&kid_number(number)).await, KeysUnavailable);
        assert!(wait <= 6, "{wait}: no longer than the probe may take");
    }
    assert_eq!(source.under_way(), 1, "only one tries");
    gate.open();
    probe.await.assert_ok(JANE);

    source.set(|_| ready(no_such_key()));
    setup.call_with_kid(&kid_number(30)).await.assert_401(UnknownKey);
    assert_eq!(source.fetches(), 7, "five failures, the probe, and one after it");
}

#[tokio::test(start_paused = true)]
async fn f_34_a_probe_that_is_lost_does_not_block_for_good() {
    let source = Source::new(|_| async { failure(Kind::Other) });
    let setup = Setup::with_source(source.clone());
    for number in 0..5 {
        setup.call_with_kid(&kid_number(number)).await;
    }
    source.set(|_| async { panic!("the probe is lost") });
    setup.clock.advance(seconds(5));
    assert_503(&setup.call().await, KeysUnavailable);
    let pem = setup.alb.public_key_pem();
    source.set(move |_| ready(Ok(pem.clone().into_bytes())));
    setup.clock.advance(seconds(6));
    setup.call().await.assert_ok(JANE);
}

#[tokio::test(start_paused = true)]
async fn f_34_a_client_that_is_sent_a_retry_time_gets_one_that_is_late_enough() {
    let setup = Setup::new();
    setup.alb.set_key_server(REDIRECT);
    for number in 0..4 {
        assert_eq!(assert_503(&setup.call_with_kid(&kid_number(number)).await, KeysUnavailable), 1);
    }
    // This one makes the endpoint count as down.
    let wait = assert_503(&setup.call().await, KeysUnavailable);
    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(seconds(wait));
    setup.call().await.assert_ok(JANE);
}

#[tokio::test(start_paused = true)]
async fn f_34_any_complete_answer_resets_the_count() {
    let setup = Setup::new();
    for round in 0..5 {
        setup.alb.set_key_server(REDIRECT);
        for n in 0..4 {
            assert_503(&setup.call_with_kid(&kid_number(round * 10 + n)).await, KeysUnavailable);
        }
        setup.alb.set_key_server(Mode::Status(403));
        setup.call_with_kid(&kid_number(round * 10 + 9)).await.assert_401(UnknownKey);
        setup.clock.advance(SECOND);
    }
    assert_eq!(setup.alb.key_fetches(), 25);
}

#[tokio::test(start_paused = true)]
async fn f_34_bad_keys_count_as_failures() {
    let setup = Setup::new();
    setup.alb.set_key_server(Mode::Answer(b"<html>".to_vec()));
    for number in 0..20 {
        setup.call_with_kid(&kid_number(number)).await;
    }
    assert_eq!(setup.alb.key_fetches(), 5);
}

#[tokio::test(start_paused = true)]
async fn f_34_an_endpoint_that_is_down_takes_no_other_with_it() {
    let source = Source::new(|_| async { failure(Kind::Other) });
    let other = MockAlb::new();
    let endpoint = "https://two.example.com/keys";
    let setup =
        Setup::build(|builder, _| builder.trust(other.trusted().key_endpoint(endpoint)).key_source(source.clone()));
    let pem = other.public_key_pem();
    source.set(move |request| {
        let up = request.endpoint.as_str() == endpoint;
        ready(if up { Ok(pem.clone().into_bytes()) } else { failure(Kind::Other) })
    });
    for number in 0..10 {
        assert_503(&setup.call_with_kid(&kid_number(number)).await, KeysUnavailable);
    }
    setup.app.call(other.request("/").user(&User::jane())).await.assert_ok(JANE);
    assert_eq!(source.fetches(), 6);
}

#[tokio::test(start_paused = true)]
async fn f_34_held_keys_outlive_the_outage_and_are_refreshed_after_it() {
    let limits = KeyLimits::new().max_stale(seconds(24 * 3600));
    let setup = Setup::with_limits(limits);
    setup.warm().await;
    setup.alb.set_key_server(REDIRECT);
    setup.clock.advance(REFRESH_AGE);
    let before = setup.alb.key_fetches();
    for _ in 0..600 {
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.clock.advance(SECOND);
    }
    let asked = setup.alb.key_fetches() - before;
    assert!((18..=26).contains(&asked), "{asked} fetches in ten minutes");

    setup.clock.advance(LIFETIME);
    setup.alb.set_key_server(Mode::Healthy);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    let before = setup.alb.key_fetches();
    setup.clock.advance(REFRESH_AGE - SECOND);
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(setup.alb.key_fetches(), before, "fresh again");
}

#[tokio::test(start_paused = true)]
async fn f_34_many_held_keys_are_no_more_probes_and_are_all_refreshed_after_it() {
    let mut setup = Setup::new();
    let keys: Vec<MockAlb> = (0..10)
        .map(|_| {
            setup.alb.rotate();
            setup.alb.clone()
        })
        .collect();
    let call_all = async || {
        for alb in &keys {
            setup.app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
            setup.settle().await;
        }
    };
    call_all().await;
    assert_eq!(setup.alb.key_fetches(), 10);

    setup.alb.set_key_server(REDIRECT);
    setup.clock.advance(REFRESH_AGE);
    for _ in 0..600 {
        call_all().await;
        setup.clock.advance(SECOND);
    }
    let probes = setup.alb.key_fetches() - 10;
    assert!((18..=26).contains(&probes), "{probes} fetches in ten minutes");

    setup.alb.set_key_server(Mode::Healthy);
    setup.clock.advance(seconds(31));
    call_all().await;
    assert_eq!(setup.alb.key_fetches(), 10 + probes + 10, "the first answer lets all others ask");
}

#[tokio::test(start_paused = true)]
async fn f_34_kids_whose_fetch_fails_do_not_keep_a_held_key_from_its_refresh() {
    // An endpoint, or something before it, that has an odd answer to kids it does not know.
    let source = Source::new(|_| async { failure(Kind::Other) });
    let setup = Setup::with_source(source.clone());
    let (kid, pem) = (setup.kid(), setup.alb.public_key_pem());
    source.set(move |request| {
        ready(if request.kid == kid { Ok(pem.clone().into_bytes()) } else { failure(Kind::Other) })
    });
    setup.warm().await;
    setup.clock.advance(REFRESH_AGE - SECOND);
    for number in 0..600 {
        // The stranger is always a step ahead, and so would always be the one who may try.
        setup.call_with_kid(&kid_number(number)).await;
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.clock.advance(SECOND / 10);
    }
    assert_eq!(source.fetches_of(setup.alb.kid()), 2, "the held key was not refreshed");
    assert!(source.fetches() < 20, "the stranger's kids are left alone: {}", source.fetches());
}
