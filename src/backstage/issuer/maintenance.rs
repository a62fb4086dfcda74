//! MaintenanceTask the keys without requests.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    Inner, TokenIssuer,
    keys::KeyRing,
    signing_keys::{Origin, SigningKeys},
};
use crate::{ConfigError, internal::Mutex};

/// How often the task looks whether a key is due. Keys live for minutes at the least.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks key files are read.
const TICKS_BETWEEN_READS: u32 = 10;

/// Publishes keys when they are due and reads key files when they change, while no request comes. Dropping it stops its task;
/// so does the end of the last clone of the issuer. Made by [`TokenIssuer::maintain_keys_in_background`].
#[derive(Debug)]
#[must_use = "dropping it stops the task"]
pub struct KeyMaintenance {
    task: tokio::task::JoinHandle<()>,
    problem: Arc<Mutex<Option<ConfigError>>>,
}

impl KeyMaintenance {
    /// Whether the task still runs.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// What is wrong with the key files as they stand, if they cannot be used. The keys from before are in use then.
    pub fn problem(&self) -> Option<ConfigError> {
        self.problem.lock().clone()
    }
}

impl Drop for KeyMaintenance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TokenIssuer {
    /// Sees to the keys beside requests: makes the first one now, each next one in time, and reads key files every 10 s.
    ///
    /// Not needed for keys to change: requests do that too. It has the first key published before the first user comes,
    /// keeps an issuer that nobody asks for hours from starting with a key that no back end knows, and is what watches key
    /// files.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn maintain_keys_in_background(&self) -> KeyMaintenance {
        let problem = Arc::default();
        let task = MaintenanceTask { issuer: Arc::downgrade(&self.0), problem: Arc::clone(&problem) };
        KeyMaintenance { task: tokio::runtime::Handle::current().spawn(task.run()), problem }
    }

    /// Reads the key files again, if there are any, and tells whether that changed anything. A new first key is listed at
    /// once and signs when verifiers have had the time to hear of it; one that was taken away stays listed for its time.
    ///
    /// # Errors
    /// What is wrong with the files. The keys from before stay.
    pub async fn reload_signing_keys(&self) -> Result<bool, ConfigError> {
        let Inner { user_keys, plugin_keys, user_origin, plugin_origin, .. } = &*self.0;
        let user = reload(user_keys, user_origin.clone()).await?;
        Ok(reload(plugin_keys, plugin_origin.clone()).await? || user)
    }
}

async fn reload(ring: &Arc<KeyRing>, origin: Option<Origin>) -> Result<bool, ConfigError> {
    let Some(origin) = origin else { return Ok(false) };
    let stopped = |_| ConfigError::message("reading the key files was cut short: the runtime under it ended");
    let keys = tokio::task::spawn_blocking(move || SigningKeys::read(origin)).await.map_err(stopped)??;
    let (entries, _) = keys.into_parts();
    let changed = ring.replace(entries).map_err(ConfigError::message)?;
    if changed {
        tracing::info!(target: "tower_alb_auth", "key files have changed: their keys are listed");
        ring.maintain_in_background();
    }
    Ok(changed)
}

struct MaintenanceTask {
    /// Weak, so that the task keeps nothing alive.
    issuer: Weak<Inner>,
    problem: Arc<Mutex<Option<ConfigError>>>,
}

impl MaintenanceTask {
    async fn run(self) {
        for tick in 1_u32.. {
            let Some(issuer) = self.issuer.upgrade().map(TokenIssuer) else { return };
            issuer.0.user_keys.maintain_in_background();
            issuer.0.plugin_keys.maintain_in_background();
            if tick.is_multiple_of(TICKS_BETWEEN_READS) {
                self.read(&issuer).await;
            }
            drop(issuer);
            tokio::time::sleep(TICK).await;
        }
    }

    async fn read(&self, issuer: &TokenIssuer) {
        let problem = issuer.reload_signing_keys().await.err();
        let mut known = self.problem.lock();
        if let Some(error) = problem.as_ref().filter(|error| known.as_ref() != Some(error)) {
            tracing::error!(
                target: "tower_alb_auth",
                "key files have changed and cannot be used, the keys from before stay: {error}"
            );
        }
        *known = problem;
    }
}
