//! Refresh without requests.

use std::time::Duration;

use super::KeyStore;
use crate::sync::Arc;

/// How often the task looks whether a key is due. Keys live for minutes at the least.
const TICK: Duration = Duration::from_secs(1);

/// Keeps held keys fresh while no request comes. Dropping it stops its task; so does the end of the last layer that shares
/// the keys.
///
/// Not needed for keys to be refreshed: requests do that too, ahead of expiry and without waiting. It spares the first
/// request after a quiet hour a fetch.
#[derive(Debug)]
#[must_use = "dropping it stops the refresh"]
pub struct RefreshHandle {
    task: tokio::task::JoinHandle<()>,
}

impl RefreshHandle {
    /// Whether the task still runs.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for RefreshHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the task in the current tokio runtime; `current` gives the keys in use, or `None` once nobody uses any.
pub(crate) fn refresh_in_background(
    runtime: &tokio::runtime::Handle,
    current: impl Fn() -> Option<Arc<KeyStore>> + Send + 'static,
) -> RefreshHandle {
    let task = runtime.spawn(async move {
        while let Some(keys) = current() {
            keys.refresh_due();
            drop(keys);
            tokio::time::sleep(TICK).await;
        }
    });
    RefreshHandle { task }
}
