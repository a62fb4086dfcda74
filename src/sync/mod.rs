//! Primitives for shared state, in one place so that a model checker can replace them: `system` has
//! those of the system, `model` those of the checker, which `.ci/models` runs.

mod background_task;
mod bounded_cache;
mod clock;
mod last_use;
#[cfg(all(test, shuttle))]
pub(crate) mod model;
#[cfg(all(test, shuttle))]
mod models;
mod single_flight;
#[cfg(not(all(test, shuttle)))]
mod system;
pub(crate) mod timestamp;

#[cfg(all(test, shuttle))]
pub(crate) use self::model::{ArcSwap, AtomicU32, Mutex, sleep, spawn, timeout};
#[cfg(not(all(test, shuttle)))]
pub(crate) use self::system::{ArcSwap, AtomicU32, Mutex, sleep, spawn, timeout};
pub use self::{
    background_task::BackgroundTask,
    clock::{Clock, SystemClock},
};
pub(crate) use self::{
    background_task::Problem,
    bounded_cache::{BoundedCache, HeapSize},
    clock::SharedClock,
    last_use::{LastUse, Second},
    single_flight::{SingleFlight, TaskLost, Waiter},
};
pub(crate) use std::sync::{Arc, atomic::Ordering};
pub(crate) use tokio::sync::watch;

/// Runs code of the application, where a panic must fail one request but not its connection. `None`
/// if it panicked. The panic's message is left to the panic hook of the program, since it may name
/// a user.
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> T) -> Option<T> {
    // Everything that `run` borrows is either immutable here or dropped with the request.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}

/// As [`catch_panic`], for a future.
#[cfg(feature = "backstage")]
pub(crate) async fn catch_panics<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    use std::{pin::Pin, task::Poll};
    std::future::poll_fn(|context| match catch_panic(|| Pin::new(&mut future).poll(context)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}
