//! Reloading when settings files change.

use std::{
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};

use super::AlbAuthHandle;
use crate::{
    config::{AlbAuthConfig, ConfigError},
    keys::pem_files,
    sync::Mutex,
};

/// So much of a file is looked at.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Looking more often than this costs more than it brings.
const SHORTEST: Duration = Duration::from_millis(50);

/// Files whose change leads to a reload. See [`AlbAuthHandle::watch`].
#[derive(Debug, Clone)]
pub struct Watch {
    paths: Vec<PathBuf>,
    every: Duration,
    /// What stood there when this was made.
    seen: Fingerprint,
}

impl Watch {
    /// These files, and of folders the `.pem` files in them. They are read now, so that a change after this is noticed: make
    /// it before the settings are loaded for the first time.
    pub fn files(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let seen = Fingerprint::of(&paths);
        Self { paths, every: Duration::from_secs(10), seen }
    }

    /// How often they are looked at. Default 10 s, at least 50 ms.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval.max(SHORTEST);
        self
    }
}

/// Reloads when files change, until it is dropped. Made by [`AlbAuthHandle::watch`].
#[must_use = "dropping it stops the watch"]
pub struct WatchHandle {
    task: tokio::task::JoinHandle<()>,
    problem: Arc<Mutex<Option<ConfigError>>>,
}

impl WatchHandle {
    /// What is wrong with the files as they stand, if they could not be loaded. The settings from before are in use then.
    pub fn problem(&self) -> Option<ConfigError> {
        self.problem.lock().clone()
    }

    /// Whether the task still runs: until the last layer is gone.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for WatchHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchHandle").field("running", &self.is_running()).finish_non_exhaustive()
    }
}

impl AlbAuthHandle {
    /// Reloads when these files change: calls `load`, which reads them, and swaps its configuration in.
    ///
    /// The contents count, not the times of change, so it works where files are swapped by links (Kubernetes). A change is
    /// acted on when it has stood for one look more, so that a file half written is not read. If `load` fails, the settings
    /// from before stay, the log says why, and so does [`WatchHandle::problem`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, AlbAuthSettings, ConfigError, layer::Watch};
    ///
    /// /// Reads the settings as the application does at its start.
    /// fn load() -> Result<AlbAuthConfig, ConfigError> {
    ///     let text = std::fs::read_to_string("alb-auth.json").map_err(ConfigError::message)?;
    ///     let settings: AlbAuthSettings = serde_json::from_str(&text).map_err(ConfigError::message)?;
    ///     settings.to_builder().build()
    /// }
    ///
    /// # async fn start() -> Result<(), ConfigError> {
    /// let watch = Watch::files(["alb-auth.json"]).every(Duration::from_secs(30));
    /// let layer = AlbAuthLayer::new(load()?);
    /// let watching = layer.handle().watch(watch, load); // Ends when it is dropped.
    /// # drop(watching);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside a tokio runtime. Not by a panic of `load`, which counts as a failure.
    pub fn watch<L>(&self, watch: Watch, load: L) -> WatchHandle
    where
        L: Fn() -> Result<AlbAuthConfig, ConfigError> + Send + Sync + 'static,
    {
        let problem = Arc::default();
        let watcher = Watcher {
            handle: self.downgrade(),
            load: Arc::new(load),
            paths: watch.paths.into(),
            settled: Some(watch.seen.clone()),
            last: watch.seen,
            problem: Arc::clone(&problem),
        };
        let task = tokio::runtime::Handle::current().spawn(watcher.run(watch.every));
        WatchHandle { task, problem }
    }
}

struct Watcher<L> {
    handle: super::handle::WeakHandle,
    load: Arc<L>,
    paths: Arc<[PathBuf]>,
    /// What was acted on last; `None` where it changed meanwhile, so that nobody knows what was read.
    settled: Option<Fingerprint>,
    /// What was seen last.
    last: Fingerprint,
    problem: Arc<Mutex<Option<ConfigError>>>,
}

impl<L> Watcher<L>
where
    L: Fn() -> Result<AlbAuthConfig, ConfigError> + Send + Sync + 'static,
{
    async fn run(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            // Gone with the last layer.
            let Some(handle) = self.handle.upgrade() else { return };
            let Some(now) = self.look().await else { continue };
            let stands = now == self.last;
            self.last = now;
            if stands && self.settled.as_ref() != Some(&self.last) {
                self.load(&handle).await;
                self.settled = self.look().await.filter(|after| *after == self.last);
            }
        }
    }

    async fn look(&self) -> Option<Fingerprint> {
        let paths = Arc::clone(&self.paths);
        tokio::task::spawn_blocking(move || Fingerprint::of(&paths)).await.ok()
    }

    async fn load(&self, handle: &AlbAuthHandle) {
        let load = Arc::clone(&self.load);
        let loaded = match tokio::task::spawn_blocking(move || load()).await {
            Ok(loaded) => loaded,
            Err(_) => Err(ConfigError::message("the function that loads the settings panicked")),
        };
        match loaded {
            Ok(config) => {
                tracing::info!(target: "tower_alb_auth", "settings files have changed: the configuration is swapped");
                handle.reload(config);
                *self.problem.lock() = None;
            }
            Err(error) => {
                tracing::error!(
                    target: "tower_alb_auth",
                    "settings files have changed and cannot be used, those from before stay: {error}"
                );
                *self.problem.lock() = Some(error);
            }
        }
    }
}

/// What stands in some files, as a hash.
#[derive(Clone, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(paths: &[PathBuf]) -> Self {
        let mut context = Context::new(&SHA256);
        let mut add = |text: &[u8]| {
            // With its length, so that no two lists of texts read alike.
            context.update(&text.len().to_le_bytes());
            context.update(text);
        };
        for path in paths {
            add(path.as_os_str().as_encoded_bytes());
            if !path.is_dir() {
                add(&contents(path));
                continue;
            }
            for file in pem_files(path).unwrap_or_default() {
                add(file.as_os_str().as_encoded_bytes());
                add(&contents(&file));
            }
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

/// What a file says, or that it cannot be read, which is a state too.
fn contents(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => [b"read", bytes.as_slice()].concat(),
        Err(error) => error.kind().to_string().into_bytes(),
    }
}
