//! Reads the file again when its contents change.
//!
//! A thread of its own polls it, so that an entry takes effect however busy the application's runtime is, and without one.

use std::{io, path::PathBuf, thread, time::Duration};

use tracing::{dispatcher, subscriber::NoSubscriber};

use super::{
    entry::Entry,
    file,
    list::{DenyList, WeakDenyList},
};
use crate::{
    settings::{ConfigError, ProblemKind, Unsettled},
    telemetry::{OncePerMinute, audit::ReloadFailure},
};

/// A change is in force after two polls that read the same, so after a second at the latest, and the time of the reads.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Maximum number of wrong lines in a warning.
const MAX_SHOWN: usize = 10;

impl DenyList {
    /// The entries of a file, which is read now and watched from now on, until the last clone of the list is gone. Entries from
    /// code can be added; they are kept beside those of the file.
    ///
    /// # Errors
    /// The file cannot be read, a line is not an entry (all such lines, each with file and line), or the file may be cut off: it has no
    /// entry, or other ones than its first line says. Without a list to fall back on,
    /// the application should not start.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let (file, entries) = WatchedFile::open(path.into())?;
        let list = Self::new();
        list.replace_source(entries);
        file.watch(list.downgrade())?;
        Ok(list)
    }
}

struct WatchedFile {
    path: PathBuf,
    /// What is in force, or was found to be wrong. `None` after a report that the file changes all the time.
    settled: Option<Contents>,
    unsettled: Unsettled,
    /// What was read last.
    last: Contents,
    warned: OncePerMinute,
}

/// What was read; a failure by its kind.
type Contents = Result<Vec<u8>, io::ErrorKind>;

impl WatchedFile {
    /// Reads the file for the first time.
    fn open(path: PathBuf) -> Result<(Self, Vec<Entry>), ConfigError> {
        let read = file::read(&path);
        let bytes = read.map_err(|error| ConfigError::of(ProblemKind::Unreadable, unreadable(&path, &error)))?;
        let entries = file::parse(&path, &bytes)?;
        let (last, settled) = (Ok(bytes.clone()), Some(Ok(bytes)));
        Ok((Self { path, settled, unsettled: Unsettled::default(), last, warned: OncePerMinute::default() }, entries))
    }

    /// Watches the file until the list is gone.
    ///
    /// # Errors
    /// The system has no thread for it.
    fn watch(mut self, list: WeakDenyList) -> Result<(), ConfigError> {
        // Logs where the caller does, if its subscriber is not the program's.
        let around = dispatcher::get_default(Clone::clone);
        let run = move || {
            while let Some(list) = list.upgrade() {
                self.poll(&list);
                drop(list);
                thread::sleep(POLL_INTERVAL);
            }
        };
        let thread = thread::Builder::new().name("alb-auth-denied".to_owned());
        let started = match around.is::<NoSubscriber>() {
            true => thread.spawn(run),
            false => thread.spawn(move || dispatcher::with_default(&around, run)),
        };
        let failed = |error| format!("the deny list cannot be watched: {error}");
        started.map(drop).map_err(|error| ConfigError::of(ProblemKind::System, failed(error)))
    }

    fn poll(&mut self, list: &DenyList) {
        let read = file::read(&self.path);
        let shown = read.as_ref().err().map(|error| unreadable(&self.path, error));
        let now = read.map_err(|error| error.kind());
        let stands = now == self.last;
        self.last = now;
        let unsettled = self.unsettled.poll(stands);
        if !stands {
            if let Some(polls) = unsettled {
                self.settled = None;
                let problem = format!(
                    "the deny list {} was different at each of the last {polls} reads; write it only when an entry changes, to another \
                     file that is then renamed",
                    self.path.display()
                );
                list.report_failed_reload(ReloadFailure::Changing, &problem);
                self.warn(Some(&problem));
            }
            return;
        }
        if self.settled.as_ref() == Some(&self.last) {
            // What is wrong with it stays wrong until the file changes.
            self.warn(list.problem().as_deref());
            return;
        }
        self.settled = Some(self.last.clone());
        let parsed = match (&self.last, shown) {
            (Ok(bytes), _) => {
                file::parse(&self.path, bytes).map_err(|error| (ReloadFailure::Invalid, one_line(&error)))
            }
            (Err(_), shown) => Err((ReloadFailure::Unreadable, shown.unwrap_or_default())),
        };
        match parsed {
            Ok(entries) => {
                tracing::info!(
                    target: "tower_alb_auth",
                    entries = entries.len(),
                    before = list.len_of_source(),
                    "the deny list {} has changed: its entries are in force",
                    self.path.display()
                );
                list.replace_source(entries);
            }
            Err((failure, problem)) => {
                list.report_failed_reload(failure, &problem);
                self.warn(Some(&problem));
            }
        }
    }

    fn warn(&self, problem: Option<&str>) {
        let Some(problem) = problem.filter(|_| self.warned.is_due()) else { return };
        tracing::warn!(target: "tower_alb_auth", "the deny list cannot be read, the former entries stay in force: {problem}");
    }
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> String {
    format!("the deny list {} cannot be read: {error}", path.display())
}

/// The first problems, for one line of a log.
fn one_line(error: &ConfigError) -> String {
    let mut shown: Vec<String> = error.problems().iter().take(MAX_SHOWN).map(ToString::to_string).collect();
    let more = error.problems().len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join("; ")
}
