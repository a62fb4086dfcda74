//! Key refresh in the background.

use std::time::Duration;

use super::KeyStore;
use crate::sync::Arc;

/// Interval at which the task checks whether a key is due for a refresh. Key lifetimes are minutes
/// or longer.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Refreshes held keys while no requests arrive. The task stops when this handle is dropped, or
/// when the last layer that shares the keys is dropped.
///
/// The task is optional: requests refresh keys too, before they expire and without waiting. With
/// the task, the first request after a period without traffic does not wait for a fetch.
#[derive(Debug)]
#[must_use = "dropping the handle stops the refresh"]
pub struct RefreshHandle {
    task: tokio::task::JoinHandle<()>,
}

impl RefreshHandle {
    /// Whether the task is still running.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for RefreshHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the task in this tokio runtime. `current` returns the current store, or `None` after the
/// last layer was dropped.
pub(crate) fn refresh_in_background(
    runtime: &tokio::runtime::Handle,
    current: impl Fn() -> Option<Arc<KeyStore>> + Send + 'static,
) -> RefreshHandle {
    let task = runtime.spawn(async move {
        while let Some(keys) = current() {
            keys.refresh_due();
            drop(keys);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    RefreshHandle { task }
}
