//! Models of the single flight. Each property holds under every schedule that the checker tries.

use std::{convert::Infallible, time::Duration};

use shuttle::{
    future::{block_on, spawn as task, yield_now},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::{
    Arc, SharedClock, SingleFlight, TaskLost,
    model::{check, end_runtime, expected_panic, until_none},
};

type SharedFlight = Arc<SingleFlight<u8, usize>>;

fn flights() -> SharedFlight {
    Arc::new(SingleFlight::new(Duration::from_secs(60), SharedClock::default()))
}

/// Joins the task of key 7, whose work is one await.
async fn join(flights: SharedFlight, running: Arc<AtomicUsize>) -> Result<usize, TaskLost> {
    let start = || {
        Ok::<_, Infallible>(async move {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one task at a time");
            yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            7
        })
    };
    let Ok(waiter) = flights.join(7, start);
    waiter.wait().await
}

#[test]
fn a_leader_that_is_cancelled_takes_no_result_from_the_others() {
    check(|| {
        let (flights, running) = (flights(), Arc::new(AtomicUsize::new(0)));
        let leader = task(join(Arc::clone(&flights), Arc::clone(&running)));
        let others: Vec<_> = (0..3).map(|_| task(join(Arc::clone(&flights), Arc::clone(&running)))).collect();
        leader.abort();
        block_on(async {
            for other in others {
                assert_eq!(other.await.unwrap(), Ok(7));
            }
        });
        // The leader may have started one after that.
        block_on(until_none(|| flights.len()));
        assert_eq!(running.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn what_a_task_published_is_not_fetched_again() {
    check(|| {
        let (flights, runs) = (flights(), Arc::new(AtomicUsize::new(0)));
        let published = Arc::new(AtomicBool::new(false));
        let request = |flights: SharedFlight, runs: Arc<AtomicUsize>, published: Arc<AtomicBool>| async move {
            let start = || match published.load(Ordering::SeqCst) {
                true => Err(()),
                false => Ok(async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    yield_now().await;
                    published.store(true, Ordering::SeqCst);
                    1
                }),
            };
            if let Ok(waiter) = flights.join(7, start) {
                assert_eq!(waiter.wait().await, Ok(1));
            }
        };
        let requests: Vec<_> =
            (0..4).map(|_| task(request(Arc::clone(&flights), Arc::clone(&runs), Arc::clone(&published)))).collect();
        block_on(async {
            for request in requests {
                request.await.unwrap();
            }
        });
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_loses_one_task_and_blocks_no_later_one() {
    check(|| {
        let (flights, runs) = (flights(), Arc::new(AtomicUsize::new(0)));
        let request = |flights: SharedFlight, runs: Arc<AtomicUsize>| async move {
            let start = || {
                Ok::<_, Infallible>(async move {
                    let run = runs.fetch_add(1, Ordering::SeqCst);
                    yield_now().await;
                    if run == 0 { expected_panic() } else { run }
                })
            };
            let Ok(waiter) = flights.join(7, start);
            waiter.wait().await
        };
        let requests: Vec<_> = (0..3).map(|_| task(request(Arc::clone(&flights), Arc::clone(&runs)))).collect();
        block_on(async {
            for request in requests {
                let result = request.await.unwrap();
                assert!(result.is_err() || result.is_ok_and(|run| run > 0));
            }
            assert!(request(Arc::clone(&flights), runs).await.is_ok_and(|run| run > 0), "the next request");
        });
    });
}

#[test]
fn the_end_of_the_runtime_leaves_no_request_waiting() {
    check(|| {
        let (flights, running) = (flights(), Arc::new(AtomicUsize::new(0)));
        let request = |flights: SharedFlight, running: Arc<AtomicUsize>| async move {
            let start = || {
                Ok::<_, Infallible>(async move {
                    running.fetch_add(1, Ordering::SeqCst);
                    yield_now().await;
                    yield_now().await;
                    7
                })
            };
            let Ok(waiter) = flights.join(7, start);
            waiter.wait().await
        };
        let requests: Vec<_> = (0..3).map(|_| task(request(Arc::clone(&flights), Arc::clone(&running)))).collect();
        let end = task(async { end_runtime() });
        block_on(async {
            for request in requests {
                assert!(matches!(request.await.unwrap(), Ok(7) | Err(TaskLost)));
            }
            end.await.unwrap();
            until_none(|| flights.len()).await;
            assert_eq!(request(Arc::clone(&flights), running).await, Err(TaskLost), "without a runtime");
        });
    });
}

/// A task that takes too long counts as lost. When it ends after all, it must not remove the entry of the task after it.
#[test]
fn a_task_that_ends_late_does_not_remove_the_one_that_replaced_it() {
    check(|| {
        let clock = crate::test_util::TestClock::new();
        let flights: SharedFlight =
            Arc::new(SingleFlight::new(Duration::from_secs(60), SharedClock::new(clock.clone())));
        let running = Arc::new(AtomicUsize::new(0));
        let work = |held: Arc<AtomicUsize>| async move {
            yield_now().await;
            yield_now().await;
            held.fetch_add(1, Ordering::SeqCst);
            1
        };
        let Ok(first) = flights.join(7, || Ok::<_, Infallible>(work(Arc::new(AtomicUsize::new(0)))));
        clock.advance(Duration::from_secs(60));
        let done = Arc::clone(&running);
        let Ok(second) = flights.join(7, || Ok::<_, Infallible>(work(done)));
        let (held, watched) = (Arc::clone(&flights), Arc::clone(&running));
        let looks = task(async move {
            for _ in 0..4 {
                let found = held.waiter(&7).is_some();
                assert!(found || watched.load(Ordering::SeqCst) == 1, "the second task runs and is not found");
                yield_now().await;
            }
        });
        block_on(async {
            assert_eq!(first.wait().await, Ok(1));
            assert_eq!(second.wait().await, Ok(1));
            looks.await.unwrap();
        });
    });
}
