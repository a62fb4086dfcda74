//! Reloading when settings files change.

use std::{collections::BTreeMap, mem::replace, path::PathBuf, sync::Arc, time::Duration};

use super::AlbAuthHandle;
use crate::{
    config::AlbAuthConfig,
    settings::{
        ConfigError, FilesRead, ProblemKind, Unsettled,
        files::{FilePlace, FileState},
    },
    sync::{BackgroundTask, Problem},
    telemetry::OncePerMinute,
};

/// Shorter intervals cost more than they gain.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of files in a log line.
const MAX_NAMED: usize = 10;

/// Files whose change leads to a reload. See [`AlbAuthHandle::watch`].
#[derive(Debug, Clone)]
pub struct Watch {
    paths: Vec<PathBuf>,
    every: Duration,
    /// What was there when this value was made.
    seen: States,
}

impl Watch {
    /// Watches these files, and the `.pem` files of these folders. They are read now, so that a
    /// later change is noticed: call this before the settings are loaded for the first time.
    ///
    /// Files that `AppConfig` (feature `app-config`) and
    /// [`FixedKeys::from_directory`](crate::keys::FixedKeys::from_directory) read need not be
    /// listed: see [`AlbAuthHandle::watch`].
    pub fn files(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let seen = look(&paths, &[]);
        Self { paths, every: Duration::from_secs(10), seen }
    }

    /// The interval between polls. Default 10 s, minimum 50 ms.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval.max(MIN_INTERVAL);
        self
    }
}

impl AlbAuthHandle {
    /// Reloads when files change: calls `load`, which reads them, and replaces the configuration by
    /// its result.
    ///
    /// Watched are the files of `watch`, and every file that the configuration was read from by
    /// this crate, determined after each load: app-config files with their `$include` and `$file`
    /// targets, and folders of
    /// [`FixedKeys::from_directory`](crate::keys::FixedKeys::from_directory). A file that goes
    /// missing is a change, too.
    ///
    /// The contents count, not the times of change, so it works where files are swapped by links
    /// (Kubernetes). A change takes effect once two consecutive polls read the same content, so
    /// that a half-written file is not read. The log names the files that changed, and what is no
    /// longer trusted. If `load` fails, or if files are different at four polls in a row, the
    /// previous settings stay in use; the reason is in the log and in [`BackgroundTask::problem`].
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
    /// Outside a tokio runtime. A panic of `load` counts as a failure, and does not panic here.
    pub fn watch<L>(&self, watch: Watch, load: L) -> BackgroundTask<ConfigError>
    where
        L: Fn() -> Result<AlbAuthConfig, ConfigError> + Send + Sync + 'static,
    {
        let problem: Problem<ConfigError> = Arc::default();
        let read = self.config().inner.files.clone();
        let mut settled = watch.seen;
        for (place, state, _) in read.iter() {
            settled.insert(place.clone(), state.clone());
        }
        let watcher = Watcher {
            handle: self.downgrade(),
            load: Arc::new(load),
            paths: watch.paths.into(),
            read,
            failed: FilesRead::default(),
            last: settled.clone(),
            settled,
            unsettled: Unsettled::default(),
            warned: OncePerMinute::default(),
            problem: Arc::clone(&problem),
        };
        BackgroundTask::spawn(&tokio::runtime::Handle::current(), problem, watcher.run(watch.every))
    }
}

/// What is at each path that is watched.
type States = BTreeMap<FilePlace, FileState>;

struct Watcher<L> {
    handle: super::handle::WeakHandle,
    load: Arc<L>,
    /// What the application listed.
    paths: Arc<[PathBuf]>,
    /// What the configuration in use was read from.
    read: FilesRead,
    /// What a failed load has read since then.
    failed: FilesRead,
    /// What was loaded last. A state that was not the same before and after is
    /// [`FileState::Changing`], which no poll finds.
    settled: States,
    /// What was seen last.
    last: States,
    unsettled: Unsettled,
    warned: OncePerMinute,
    problem: Problem<ConfigError>,
}

impl<L> Watcher<L>
where
    L: Fn() -> Result<AlbAuthConfig, ConfigError> + Send + Sync + 'static,
{
    async fn run(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            // The last layer is gone.
            let Some(handle) = self.handle.upgrade() else { return };
            let Some(now) = self.look().await else { continue };
            let stands = now == self.last;
            let before = replace(&mut self.last, now);
            if let Some(polls) = self.unsettled.poll(stands) {
                self.report_unsettled(&handle, &before, polls);
            }
            if stands && self.settled != self.last {
                let read = self.load(&handle).await;
                self.keep_states(&read).await;
            }
        }
    }

    /// Files that are different at each poll are not loaded before two polls read the same.
    fn report_unsettled(&mut self, handle: &AlbAuthHandle, before: &States, polls: u32) {
        for (place, state) in &self.last {
            if before.get(place) != Some(state) {
                self.settled.insert(place.clone(), FileState::Changing);
            }
        }
        let text = format!(
            "settings files were different at each of the last {polls} polls ({}), those from before stay; write a file only when a \
             setting changes",
            self.changed()
        );
        let error = ConfigError::of(ProblemKind::Changing, text);
        handle.audit_failed_reload(None);
        if self.warned.is_due() {
            tracing::error!(target: "tower_alb_auth", "{}", error.in_one_line());
        }
        *self.problem.lock() = Some(error);
    }

    async fn look(&self) -> Option<States> {
        let paths = Arc::clone(&self.paths);
        let read: Vec<FilePlace> = self.places().map(|(place, ..)| place.clone()).collect();
        tokio::task::spawn_blocking(move || look(&paths, &read)).await.ok()
    }

    fn places(&self) -> impl Iterator<Item = (&FilePlace, &FileState, &str)> {
        self.read.iter().chain(self.failed.iter())
    }

    /// Loads, and returns what was read.
    async fn load(&mut self, handle: &AlbAuthHandle) -> FilesRead {
        let load = Arc::clone(&self.load);
        let loaded = match tokio::task::spawn_blocking(move || load()).await {
            Ok(loaded) => loaded,
            Err(_) => Err(ConfigError::message("the function that loads the settings panicked")),
        };
        let changed = self.changed();
        match loaded {
            Ok(config) => {
                tracing::info!(
                    target: "tower_alb_auth",
                    "settings files have changed ({changed}): the configuration is swapped"
                );
                self.read = config.inner.files.clone();
                self.failed = FilesRead::default();
                handle.reload(config);
                *self.problem.lock() = None;
                self.read.clone()
            }
            Err(error) => {
                tracing::error!(
                    target: "tower_alb_auth",
                    "settings files have changed ({changed}) and cannot be used, those from before stay: {}",
                    error.in_one_line()
                );
                self.failed = error.files().clone();
                handle.audit_failed_reload(Some(&error));
                *self.problem.lock() = Some(error);
                self.failed.clone()
            }
        }
    }

    /// What this load has read counts as it was when it was read; the rest as it was before, if it
    /// is the same after.
    async fn keep_states(&mut self, read: &FilesRead) {
        let Some(after) = self.look().await else { return };
        let mut settled = after.clone();
        for (place, state) in &mut settled {
            if self.last.get(place).is_some_and(|before| before != state) {
                *state = FileState::Changing;
            }
        }
        for (place, state, _) in read.iter() {
            settled.insert(place.clone(), state.clone());
        }
        self.settled = settled;
        self.last = after;
    }

    /// The files that are not as they were, for a log line.
    fn changed(&self) -> String {
        let mut named = Vec::new();
        for (place, state) in &self.last {
            if self.settled.get(place) == Some(state) {
                continue;
            }
            let shown = self.places().find(|(read, ..)| *read == place).map(|(.., shown)| shown.to_owned());
            let shown = shown.unwrap_or_else(|| place.path().display().to_string());
            named.push(match state {
                FileState::Unreadable(kind) => format!("{shown}: {kind}"),
                FileState::Contents(_) | FileState::Changing => shown,
            });
        }
        named.dedup();
        let more = named.len().saturating_sub(MAX_NAMED);
        named.truncate(MAX_NAMED);
        if more > 0 {
            named.push(format!("{more} more"));
        }
        named.join(", ")
    }
}

/// What is at these paths now, whether they are files or folders, and at these places.
fn look(paths: &[PathBuf], places: &[FilePlace]) -> States {
    let listed = paths.iter().map(|path| match path.is_dir() {
        true => FilePlace::Folder(path.clone()),
        false => FilePlace::File(path.clone()),
    });
    listed.chain(places.iter().cloned()).map(|place| (place.clone(), place.state())).collect()
}
