//! Primitives for shared state, in one place so that a model checker can replace them.
//!
//! [`Mutex`] is the standard one without poisoning: if a request panics while it holds the lock,
//! the data stays valid, and the next request may use it.

mod background_task;
mod bounded_cache;
mod clock;
mod last_use;
mod single_flight;
pub(crate) mod timestamp;

use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError, TryLockError};

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
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
pub(crate) use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(StdMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(StdMutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if it is locked.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

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

/// Starts a detached task. `None` if no tokio runtime is running.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Option<()> {
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    drop(runtime.spawn(task));
    Some(())
}
