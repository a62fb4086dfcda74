//! Maintains the keys without requests.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    Inner, TokenIssuer,
    keys::KeyRing,
    signing_keys::{Origin, SigningKeys},
};
use crate::{BackgroundTask, ConfigError, internal::Mutex};

/// How often the task checks whether a key is due. Keys live for minutes at least.
const TICK: Duration = Duration::from_secs(1);
/// Number of ticks between two reads of the key files.
const TICKS_BETWEEN_READS: u32 = 10;

impl TokenIssuer {
    /// Maintains the keys independently of requests: publishes the first key now and each next one
    /// in time, and reads key files every 10 s.
    ///
    /// Keys also rotate without it, because requests do the same. With it, the first key is
    /// published before the first user comes, an idle issuer always has a key that back ends know,
    /// and changes of key files are noticed. [`BackgroundTask::problem`] says why the current key
    /// files cannot be used, if so; the previous keys are in use then. The task ends when its handle
    /// or the last clone of the issuer is dropped.
    ///
    /// # Panics
    /// If called outside a tokio runtime.
    pub fn maintain_keys_in_background(&self) -> BackgroundTask<ConfigError> {
        let problem: Arc<Mutex<Option<ConfigError>>> = Arc::default();
        let task = MaintenanceTask { issuer: Arc::downgrade(&self.0), problem: Arc::clone(&problem) };
        BackgroundTask::spawn(&tokio::runtime::Handle::current(), problem, task.run())
    }

    /// Reads the key files again, if there are any, and returns whether that changed anything. A
    /// new first key is listed at once and signs after verifiers had the time to fetch it; a
    /// removed key stays listed until its tokens have expired.
    ///
    /// # Errors
    /// The problems of the files. The previous keys stay in use.
    pub async fn reload_signing_keys(&self) -> Result<bool, ConfigError> {
        let Inner { user_keys, plugin_keys, user_origin, plugin_origin, .. } = &*self.0;
        let user = reload(user_keys, user_origin.clone()).await?;
        Ok(reload(plugin_keys, plugin_origin.clone()).await? || user)
    }
}

async fn reload(ring: &Arc<KeyRing>, origin: Option<Origin>) -> Result<bool, ConfigError> {
    let Some(origin) = origin else { return Ok(false) };
    let stopped = |_| ConfigError::message("reading the key files was interrupted: the runtime shut down");
    let keys = tokio::task::spawn_blocking(move || SigningKeys::read(origin)).await.map_err(stopped)??;
    let (entries, _) = keys.into_parts();
    let changed = ring.replace(entries).map_err(|text| ConfigError::invalid([text]))?;
    if changed {
        tracing::info!(target: "tower_alb_auth", "the key files changed; their keys are listed");
        ring.maintain_in_background();
    }
    Ok(changed)
}

struct MaintenanceTask {
    /// Weak, so that the task does not keep the issuer alive.
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
                "the key files changed and cannot be used; the previous keys stay in use: {}",
                error.in_one_line()
            );
        }
        *known = problem;
    }
}
