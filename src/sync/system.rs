//! The primitives of the system: those of std, arc-swap and tokio.
//!
//! [`Mutex`] is the standard one without poisoning: if a request panics while it holds the lock,
//! the data stays valid, and the next request may use it.

use std::sync::{MutexGuard, PoisonError, TryLockError};

pub(crate) use arc_swap::ArcSwap;
pub(crate) use std::sync::atomic::AtomicU32;
pub(crate) use tokio::time::{sleep, timeout};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
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

/// Starts a detached task. `None` if no tokio runtime is running.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Option<()> {
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    drop(runtime.spawn(task));
    Some(())
}
