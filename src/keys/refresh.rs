//! Key refresh in the background.

use std::time::Duration;

use super::KeyStore;
use crate::sync::{Arc, BackgroundTask};

/// Interval at which the task checks whether a key is due for a refresh. Key lifetimes are minutes
/// or longer.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the task; `current` returns the keys in use, or `None` once the last layer is gone.
pub(crate) fn refresh_in_background(
    runtime: &tokio::runtime::Handle,
    current: impl Fn() -> Option<Arc<KeyStore>> + Send + 'static,
) -> BackgroundTask {
    BackgroundTask::spawn(runtime, Arc::default(), async move {
        while let Some(keys) = current() {
            keys.refresh_due();
            drop(keys);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    })
}
