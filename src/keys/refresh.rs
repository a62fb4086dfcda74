//! Refresh without requests.

use std::time::Duration;

use super::KeyStore;
use crate::sync::{Arc, BackgroundTask};

/// How often the task checks whether a key is due. Keys live for at least minutes.
const TICK: Duration = Duration::from_secs(1);

/// Starts the task; `current` returns the keys in use, or `None` once the last layer is gone.
pub(crate) fn refresh_in_background(
    runtime: &tokio::runtime::Handle,
    current: impl Fn() -> Option<Arc<KeyStore>> + Send + 'static,
) -> BackgroundTask {
    BackgroundTask::spawn(runtime, Arc::default(), async move {
        while let Some(keys) = current() {
            keys.refresh_due();
            drop(keys);
            tokio::time::sleep(TICK).await;
        }
    })
}
