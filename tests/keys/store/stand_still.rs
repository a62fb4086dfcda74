//! A runtime that is no longer driven, with a fetch on it: not even the fetch's timeout ends it.

use futures::executor::block_on;
use tokio::runtime::Runtime;
use tower_alb_auth::{
    keys::{KeySourceError, KeySourceErrorKind as Kind},
    test_util::MockAlb,
};

use crate::{
    store::{
        runtimes::{current_thread, healthy, in_time, start_on},
        setup::{JANE, REFRESH_AGE, SECOND, Setup, poll_once, seconds},
        source::{Gate, Source, failure, no_such_key},
    },
    support::Answer,
};

/// A layer whose fetch stands still with its runtime, which is no longer driven: not even its timeout ends it.
struct StandsStill {
    setup: Setup,
    source: Source,
    gate: Gate,
    runtime: Runtime,
    call: tokio::task::JoinHandle<Answer>,
}

impl StandsStill {
    /// Once the gate is open, the fetch that stands still brings this.
    fn bringing(answer: Result<Vec<u8>, KeySourceError>) -> Self {
        let gate = Gate::closed();
        let passed = gate.clone();
        let source = Source::new(move |_| {
            let (passed, answer) = (passed.passed(), answer.clone());
            async move {
                passed.await;
                answer
            }
        });
        let setup = Setup::with_source(source.clone());
        let runtime = current_thread();
        let call = start_on(&runtime, &setup, &source);
        healthy(&setup, &source);
        Self { setup, source, gate, runtime, call }
    }
}

#[test]
fn f_22_a_runtime_that_stands_still_does_not_hold_the_others_up_for_good() {
    in_time(|| {
        let StandsStill { setup, source, runtime: stands_still, call, .. } = StandsStill::bringing(no_such_key());
        current_thread().block_on(async {
            let mut follower = Box::pin(setup.call());
            assert!(poll_once(&mut follower).await.is_none(), "it joins, for the fetch may still end");
            setup.clock.advance(seconds(6));
            setup.call().await.assert_ok(JANE);
            assert_eq!(source.fetches(), 2);
        });
        assert_eq!(setup.handle.stats().key_fetches_under_way, 0);
        drop((call, stands_still));
        assert_eq!((setup.handle.stats().key_fetches_under_way, source.under_way()), (0, 0));
        block_on(setup.call()).assert_ok(JANE);
    });
}

#[test]
fn f_33_an_older_answer_that_comes_late_changes_nothing() {
    let stranger = MockAlb::new().public_key_pem().into_bytes();
    for (case, late) in [("another key", Ok(stranger)), ("403", no_such_key()), ("a failure", failure(Kind::Other))] {
        in_time(move || {
            let StandsStill { setup, source, gate, runtime, .. } = StandsStill::bringing(late);
            setup.clock.advance(seconds(6));
            let others = current_thread();
            others.block_on(setup.warm());

            gate.open();
            runtime.block_on(async {
                while source.under_way() > 0 {
                    tokio::task::yield_now().await;
                }
                tokio::task::yield_now().await;
            });
            assert_eq!(source.fetches(), 2, "{case}");
            others.block_on(setup.call()).assert_ok(JANE);
            // The age is that of the newer answer, too.
            setup.clock.advance(REFRESH_AGE - SECOND);
            others.block_on(setup.call()).assert_ok(JANE);
            others.block_on(setup.settle());
            assert_eq!((source.fetches(), setup.handle.stats().keys), (2, 1), "{case}");
        });
    }
}

#[test]
fn f_33_an_older_fetch_that_is_dropped_late_leaves_the_newer_one_alone() {
    in_time(|| {
        let StandsStill { setup, source, runtime: stands_still, .. } = StandsStill::bringing(no_such_key());
        let (newer, pem) = (Gate::closed(), setup.alb.public_key_pem());
        let passed = newer.clone();
        source.set(move |_| {
            let (passed, pem) = (passed.passed(), pem.clone());
            async move {
                passed.await;
                Ok(pem.into_bytes())
            }
        });
        setup.clock.advance(seconds(6));
        let others = current_thread();
        let second = start_on(&others, &setup, &source);
        drop(stands_still);
        assert_eq!(setup.handle.stats().key_fetches_under_way, 1, "the newer one");
        others.block_on(async {
            let mut third = Box::pin(setup.call());
            assert!(poll_once(&mut third).await.is_none());
            assert_eq!(source.fetches(), 2, "it joined");
            newer.open();
            third.await.assert_ok(JANE);
            second.await.unwrap().assert_ok(JANE);
        });
    });
}
