//! Runtimes that end, that are many, that are not there.

use std::{
    future::{pending, ready},
    sync::mpsc,
    thread,
    time::Duration,
};

use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};
use tower_alb_auth::{AuthErrorKind::KeysUnavailable, keys::KeySourceErrorKind as Kind, test_util::User};

use crate::{
    store::{
        setup::{JANE, LIFETIME, REFRESH_AGE, SECOND, Setup, assert_503, kid_number, seconds},
        source::{Source, failure},
    },
    support::Answer,
};

/// Longer than anything here takes on a busy machine. What is tested is that it ends at all.
const MAX_WAIT: Duration = seconds(30);

pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs this on a thread of its own, and fails if it hangs or panics.
pub fn in_time<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || drop(sender.send(what())));
    match receiver.recv_timeout(MAX_WAIT) {
        Ok(value) => {
            thread.join().unwrap();
            value
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// A source that never answers.
fn silent() -> (Setup, Source) {
    let source = Source::new(|_| pending());
    (Setup::with_source(source.clone()), source)
}

pub fn healthy(setup: &Setup, source: &Source) {
    let pem = setup.alb.public_key_pem();
    source.set(move |_| ready(Ok(pem.clone().into_bytes())));
}

/// Starts a request on this runtime, and returns once the source was asked.
pub fn start_on(runtime: &Runtime, setup: &Setup, source: &Source) -> tokio::task::JoinHandle<Answer> {
    let (app, asked) = (setup.app.clone(), source.fetches());
    let request = setup.alb.request("/").user(&User::jane()).body(String::new());
    let call = runtime.spawn(async move { app.call(request).await });
    runtime.block_on(async {
        while source.fetches() == asked {
            tokio::task::yield_now().await;
        }
    });
    call
}

#[test]
fn f_21_a_runtime_may_end_while_a_key_is_fetched() {
    for multi_thread in [false, true] {
        in_time(move || {
            let (setup, source) = silent();
            let runtime =
                if multi_thread { Builder::new_multi_thread().enable_all().build().unwrap() } else { current_thread() };
            drop(start_on(&runtime, &setup, &source));
            assert_eq!(setup.handle.stats().key_fetches_under_way, 1);
            runtime.shutdown_timeout(MAX_WAIT);
            assert_eq!((setup.handle.stats().key_fetches_under_way, source.under_way()), (0, 0), "{multi_thread}");

            healthy(&setup, &source);
            current_thread().block_on(setup.call()).assert_ok(JANE);
        });
    }
}

#[test]
fn f_21_a_waiter_on_another_runtime_is_released_at_once() {
    in_time(|| {
        let (setup, source) = silent();
        let (leaders, followers) = (current_thread(), current_thread());
        drop(start_on(&leaders, &setup, &source));
        let app = setup.app.clone();
        let request = setup.alb.request("/").user(&User::jane()).body(String::new());
        let follower = followers.spawn(async move { app.call(request).await });
        followers.block_on(tokio::task::yield_now());
        assert_eq!(source.fetches(), 1, "it joined");
        leaders.shutdown_background();
        assert_503(&followers.block_on(follower).unwrap(), KeysUnavailable);
        healthy(&setup, &source);
        followers.block_on(setup.call()).assert_ok(JANE);
    });
}

#[test]
fn f_21_a_key_that_is_held_is_used_when_its_refresh_ends_with_a_runtime() {
    in_time(|| {
        let (setup, source) = silent();
        healthy(&setup, &source);
        let (leaders, followers) = (current_thread(), current_thread());
        leaders.block_on(setup.warm());
        source.set(|_| pending());
        setup.clock.advance(LIFETIME);
        drop(start_on(&leaders, &setup, &source));
        let app = setup.app.clone();
        let request = setup.alb.request("/").user(&User::jane()).body(String::new());
        let follower = followers.spawn(async move { app.call(request).await });
        followers.block_on(tokio::task::yield_now());
        leaders.shutdown_background();
        followers.block_on(follower).unwrap().assert_ok(JANE);
    });
}

#[test]
fn f_22_three_runtimes_share_a_layer() {
    in_time(|| {
        let source = Source::new(|_| async { failure(Kind::Other) });
        let setup = Setup::with_source(source.clone());
        let pem = setup.alb.public_key_pem();
        source.set(move |_| {
            let pem = pem.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(pem.into_bytes())
            }
        });
        let threads = [0, 1, 2].map(|_| {
            let (app, alb) = (setup.app.clone(), setup.alb.clone());
            thread::spawn(move || {
                current_thread().block_on(async {
                    for number in 0..20 {
                        let token = alb.token(&User::jane()).header("kid", kid_number(number)).sign();
                        app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
                    }
                });
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(source.fetches(), 20, "one fetch a kid, whichever runtime asked");
    });
}

#[test]
fn f_22_a_layer_may_be_made_used_and_dropped_outside_a_runtime() {
    let setup = Setup::new();
    assert_503(&block_on(setup.call()), KeysUnavailable);
    let stats = setup.handle.stats();
    assert_eq!((stats.key_fetches_under_way, setup.alb.key_fetches()), (0, 0), "{stats:?}");

    let runtime = current_thread();
    runtime.block_on(setup.warm());
    drop(runtime);
    block_on(setup.call()).assert_ok(JANE);
    drop(setup);
}

#[test]
fn f_22_outside_a_runtime_a_held_key_is_used_as_long_as_it_may_be() {
    let setup = Setup::new();
    current_thread().block_on(setup.warm());
    for age in [REFRESH_AGE, LIFETIME - REFRESH_AGE, seconds(60)] {
        setup.clock.advance(age);
        for _ in 0..3 {
            block_on(setup.call()).assert_ok(JANE);
        }
    }
    // Once there is a runtime again, the key is refreshed soon.
    setup.clock.advance(seconds(6));
    let runtime = current_thread();
    runtime.block_on(setup.call()).assert_ok(JANE);
    runtime.block_on(setup.settle());
    assert_eq!(setup.alb.key_fetches(), 2);
}

#[test]
fn f_22_calls_outside_a_runtime_use_up_no_place_and_no_probe_for_good() {
    let setup = Setup::new();
    for _ in 0..100 {
        assert_503(&block_on(setup.call()), KeysUnavailable);
    }
    setup.clock.advance(SECOND);
    current_thread().block_on(setup.call()).assert_ok(JANE);
}

#[test]
fn f_22_a_runtime_without_time_gives_503_and_no_panic() {
    let setup = Setup::new();
    let runtime = Builder::new_current_thread().build().unwrap();
    assert_503(&runtime.block_on(setup.call()), KeysUnavailable);
    assert_eq!(setup.handle.stats().key_fetches_under_way, 0);
}
