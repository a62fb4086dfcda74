//! Many requests, one fetch; requests that are cancelled.

use std::{future::ready, pin::Pin, sync::Arc};

use futures::future::join_all;
use tokio::{sync::Barrier, time::Instant};
use tower_alb_auth::{AuthErrorKind::KeysUnavailable, keys::KeySourceErrorKind as Kind, test_util::User};

use crate::{
    store::{
        setup::{JANE, REFRESH_AGE, SECOND, Setup, assert_503, poll_once, seconds},
        source::{Gate, Source, failure},
    },
    support::Answer,
};

type Call<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

/// A source that gives the load balancer's key once the gate is open.
fn gated() -> (Setup, Source, Gate) {
    let source = Source::new(|_| async { failure(Kind::Other) });
    let setup = Setup::with_source(source.clone());
    let (gate, pem) = (Gate::closed(), setup.alb.public_key_pem());
    let passed = gate.clone();
    source.set(move |_| {
        let (passed, pem) = (passed.passed(), pem.clone());
        async move {
            passed.await;
            Ok(pem.into_bytes())
        }
    });
    (setup, source, gate)
}

#[tokio::test]
async fn f_17_ten_thousand_requests_for_one_cold_kid_cost_one_fetch() {
    let (setup, source, gate) = gated();
    let token = setup.alb.sign(&User::jane());
    let mut calls = Box::pin(join_all((0..10_000).map(|_| setup.app.call(setup.alb.request("/").token(&token)))));
    assert!(poll_once(&mut calls).await.is_none(), "all of them wait");
    assert_eq!(setup.app.calls(), 0);
    gate.open();
    for answer in calls.await {
        answer.assert_ok(JANE);
    }
    assert_eq!((source.fetches(), setup.app.calls()), (1, 10_000));
    assert_eq!(setup.handle.stats().key_fetches_under_way, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_17_threads_that_arrive_together_share_a_fetch() {
    // Whoever comes just as the fetch ends must find its key: this is where a second fetch would slip in.
    for round in 0..100 {
        let source = Source::new(|_| async { failure(Kind::Other) });
        let setup = Setup::with_source(source.clone());
        let pem = setup.alb.public_key_pem();
        source.set(move |_| ready(Ok(pem.clone().into_bytes())));
        let (app, alb, barrier) = (setup.app.clone(), setup.alb.clone(), Arc::new(Barrier::new(8)));
        let calls = (0..8).map(|_| {
            let (app, barrier) = (app.clone(), Arc::clone(&barrier));
            let request = alb.request("/").user(&User::jane()).body(String::new());
            tokio::spawn(async move {
                barrier.wait().await;
                app.call(request).await
            })
        });
        for answer in join_all(calls).await {
            answer.unwrap().assert_ok(JANE);
        }
        assert_eq!(source.fetches(), 1, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn f_18_the_leader_may_go_at_any_point() {
    for (case, gate_opens_before_it_goes) in [("while its fetch runs", false), ("as its fetch ends", true)] {
        let (setup, source, gate) = gated();
        let mut leader: Call<'_> = Box::pin(setup.call());
        assert!(poll_once(&mut leader).await.is_none());
        let mut followers: Vec<Call<'_>> = (0..10).map(|_| Box::pin(setup.call()) as _).collect();
        for follower in &mut followers {
            assert!(poll_once(follower).await.is_none(), "{case}: a follower waits");
        }
        if gate_opens_before_it_goes {
            gate.open();
            setup.settle().await;
        }
        drop(leader);
        gate.open();
        for answer in join_all(followers).await {
            answer.assert_ok(JANE);
        }
        assert_eq!(source.fetches(), 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn f_18_a_leader_that_was_never_polled_starts_nothing() {
    let (setup, source, gate) = gated();
    let leader = setup.call();
    let mut follower: Call<'_> = Box::pin(setup.call());
    assert!(poll_once(&mut follower).await.is_none());
    drop(leader);
    gate.open();
    follower.await.assert_ok(JANE);
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn f_18_the_leader_may_go_between_the_two_tries() {
    let source = Source::new(|_| async { failure(Kind::Connection) });
    let setup = Setup::with_source(source.clone());
    let (pem, counter) = (setup.alb.public_key_pem(), source.clone());
    let mut leader: Call<'_> = Box::pin(setup.call());
    let mut follower: Call<'_> = Box::pin(setup.call());
    assert!(poll_once(&mut leader).await.is_none());
    assert!(poll_once(&mut follower).await.is_none());
    while source.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    counter.set(move |_| ready(Ok(pem.clone().into_bytes())));
    drop(leader);
    follower.await.assert_ok(JANE);
    assert_eq!(source.fetches(), 2, "the second try is the flight's, not the leader's");
}

#[tokio::test(start_paused = true)]
async fn f_19_a_fetch_without_a_waiter_is_kept() {
    let (setup, source, gate) = gated();
    let mut calls: Vec<Call<'_>> = (0..10).map(|_| Box::pin(setup.call()) as _).collect();
    for call in &mut calls {
        assert!(poll_once(call).await.is_none());
    }
    assert_eq!(setup.handle.stats().key_fetches_under_way, 1);
    drop(calls);
    gate.open();
    setup.settle().await;
    let stats = setup.handle.stats();
    assert_eq!((stats.keys, stats.key_fetches_under_way), (1, 0));
    setup.call().await.assert_ok(JANE);
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn f_19_a_fetch_without_a_waiter_ends_even_if_the_source_never_responds() {
    let (setup, source, _closed) = gated();
    let mut call: Call<'_> = Box::pin(setup.call());
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    tokio::time::sleep(seconds(5) + SECOND).await;
    assert_eq!((setup.handle.stats().key_fetches_under_way, source.under_way()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn f_20_a_source_that_panics_is_503_for_all_who_wait_and_over_at_once() {
    for (case, later) in [("when asked", false), ("while it works", true)] {
        let source = Source::new(move |_| {
            assert!(later, "the source panics when asked");
            async { panic!("the source panics while it works") }
        });
        let setup = Setup::with_source(source.clone());
        let start = Instant::now();
        for answer in join_all((0..10).map(|_| setup.call())).await {
            assert_eq!(assert_503(&answer, KeysUnavailable), 1, "{case}");
        }
        assert_eq!(start.elapsed(), std::time::Duration::ZERO, "{case}: somebody waited for a time-out");
        assert_eq!((source.fetches(), source.under_way()), (1, 0), "{case}");
        assert_eq!(setup.handle.stats().key_fetches_under_way, 0, "{case}");

        let pem = setup.alb.public_key_pem();
        source.set(move |_| ready(Ok(pem.clone().into_bytes())));
        setup.call().await.assert_ok(JANE);
    }
}

#[tokio::test(start_paused = true)]
async fn f_20_panics_use_up_no_place_of_the_budget() {
    let source = Source::new(|_| async { panic!("the source panics") });
    let setup = Setup::with_source(source.clone());
    for round in 0..30 {
        assert_503(&setup.call().await, KeysUnavailable);
        assert_eq!(source.fetches(), round + 1, "a place of the eight was lost");
        setup.clock.advance(SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn f_20_a_refresh_that_panics_costs_the_key_nothing() {
    let (setup, source, gate) = gated();
    gate.open();
    setup.warm().await;
    source.set(|_| async { panic!("the source panics") });
    for age in [REFRESH_AGE, seconds(720), seconds(60)] {
        setup.clock.advance(age);
        setup.call().await.assert_ok(JANE);
        setup.settle().await;
        setup.call().await.assert_ok(JANE);
    }
    let pem = setup.alb.public_key_pem();
    source.set(move |_| ready(Ok(pem.clone().into_bytes())));
    let fetches = source.fetches();
    setup.clock.advance(seconds(60));
    setup.call().await.assert_ok(JANE);
    setup.settle().await;
    assert_eq!(source.fetches(), fetches + 1, "it is tried again");
    setup.call().await.assert_ok(JANE);
    assert_eq!(source.fetches(), fetches + 1, "and fresh");
}
