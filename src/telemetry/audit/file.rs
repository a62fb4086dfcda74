//! The audit file: one JSON object a line, written by a thread, so that no request waits for a disk.
//!
//! | situation | result |
//! |---|---|
//! | events arrive faster than the disk takes them | [`MAX_QUEUED`] wait; further ones are lost and counted |
//! | the disk is full, or the folder is missing | the events are lost and counted; a warning names the reason, once a minute; the next event tries again |
//! | events were lost | the next line that is written has their number, in the member `lost` |
//! | a line was written in part, also by a process before this one | the next event begins a new line |
//! | the file was renamed or removed | it is made again, within a second, or at once by [`reopen`](AuditFile::reopen) |
//! | the trail is dropped | the thread writes what waits, and ends |

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::event::Event;
use crate::{
    settings::{ConfigError, Problem, ProblemKind},
    telemetry::{audit_loss::AuditLoss, log_limit::OncePerMinute, metrics},
};

/// Maximum number of events that wait for the disk.
const MAX_QUEUED: usize = 10_000;
/// How often the thread looks whether the file is still at its path.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The queue in front of the thread. The thread ends when this value is dropped.
pub(super) struct AuditFile(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    /// Whether the thread writes events that it has taken.
    is_writing: bool,
    reopens: bool,
    closes: bool,
    /// Lost because the queue was full.
    lost: u64,
}

impl AuditFile {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread for it.
    pub(super) fn open(path: PathBuf, service: Arc<str>) -> Result<Self, ConfigError> {
        let failed = |error: io::Error| {
            let text = format!(
                "the audit file {} cannot be opened for appending: {error}; create its folder, let the user of the process write \
                 there, or name another file",
                path.display()
            );
            ConfigError::new([Problem::sentence(ProblemKind::Unreadable, text).caused_by(error)])
        };
        let file = open(&path).map_err(failed)?;
        let queue = Arc::<Queue>::default();
        let writer = Writer {
            service,
            is_torn: is_torn(&file, &path),
            file: Some(file),
            looked_at: Instant::now(),
            lost: 0,
            warned: OncePerMinute::default(),
            path: path.clone(),
        };
        let of_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("alb-auth-audit".to_owned())
            .spawn(move || writer.run(&of_thread))
            .map_err(failed)?;
        Ok(Self(queue))
    }

    /// Hands an event to the thread, unless too many wait.
    pub(super) fn write(&self, event: Event) {
        let mut state = self.0.state();
        if state.events.len() >= MAX_QUEUED {
            state.lost = state.lost.saturating_add(1);
            drop(state);
            metrics::audit_events_lost(AuditLoss::Queue, 1);
            return;
        }
        state.events.push_back(event);
        drop(state);
        self.0.changed.notify_one();
    }

    /// Opens the file again: a tool for rotation has renamed it.
    pub(super) fn reopen(&self) {
        self.0.state().reopens = true;
        self.0.changed.notify_one();
    }

    /// Waits until all events are written, but not longer than this. Returns whether they are.
    pub(super) fn flush(&self, max_wait: Duration) -> bool {
        let waits = |state: &mut State| state.is_writing || state.reopens || !state.events.is_empty();
        let waited = self.0.idle.wait_timeout_while(self.0.state(), max_wait, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for AuditFile {
    fn drop(&mut self) {
        self.0.state().closes = true;
        self.0.changed.notify_one();
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    path: PathBuf,
    service: Arc<str>,
    file: Option<File>,
    looked_at: Instant,
    /// Whether the last line has no end.
    is_torn: bool,
    /// Lost since the last line.
    lost: u64,
    warned: OncePerMinute,
}

impl Writer {
    fn run(mut self, queue: &Queue) {
        loop {
            let mut state = queue.state();
            while state.events.is_empty() && !state.closes && !state.reopens {
                state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let events = std::mem::take(&mut state.events);
            self.lost = self.lost.saturating_add(std::mem::take(&mut state.lost));
            let reopens = std::mem::take(&mut state.reopens);
            state.is_writing = true;
            let closes = state.closes;
            drop(state);
            if reopens {
                self.file = None;
                if let Err(error) = self.open_if_gone() {
                    self.warn(&error);
                }
            }
            for event in events {
                if let Err(error) = self.write(&event) {
                    self.lost = self.lost.saturating_add(1);
                    metrics::audit_events_lost(AuditLoss::File, 1);
                    self.warn(&error);
                }
            }
            queue.state().is_writing = false;
            queue.idle.notify_all();
            if closes {
                return;
            }
        }
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.open_if_gone()?;
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut line = event.ocsf(&self.service, self.lost).to_string();
        line.push('\n');
        if self.is_torn {
            line.insert(0, '\n');
        }
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let written = match file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            rest = rest.get(written..).unwrap_or_default();
            self.is_torn = !rest.is_empty();
        }
        self.lost = 0;
        Ok(())
    }

    /// Opens the file at the path, unless it is open.
    fn open_if_gone(&mut self) -> io::Result<()> {
        if self.looked_at.elapsed() >= LOOK_INTERVAL {
            self.looked_at = Instant::now();
            self.file.take_if(|file| !is_at(file, &self.path));
        }
        if self.file.is_none() {
            let file = open(&self.path)?;
            // It can be the same file, or one of another process.
            self.is_torn = is_torn(&file, &self.path);
            self.file = Some(file);
        }
        Ok(())
    }

    fn warn(&self, error: &io::Error) {
        if self.warned.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                lost = self.lost,
                "audit events are lost, because the audit file {} cannot be written: {error}; make room, or create its folder",
                self.path.display()
            );
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether the last line of the file has no end. One that cannot be read counts as torn: an empty line costs no event.
fn is_torn(file: &File, path: &Path) -> bool {
    let last_byte = || {
        let (mut file, mut last) = (File::open(path)?, [0]);
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok::<u8, io::Error>(last[0])
    };
    // A pipe or a device has no last line, and reading would wait.
    let has_lines = file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
    has_lines && last_byte().ok() != Some(b'\n')
}

/// Whether this file is the one at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata().map(place), std::fs::metadata(path).map(place)) {
        (Ok(held), Ok(found)) => held == found,
        _ => false,
    }
}

/// Elsewhere a file that is open cannot be renamed or removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::audit::event::{Details, What};

    fn event() -> Event {
        Event::new(What::Refused, Some("missing"), 0, Details { status: Some(401), ..Details::default() })
    }

    /// A disk that hangs: a pipe that is not read.
    #[test]
    fn f_66_the_queue_is_bounded_and_what_it_does_not_take_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("audit.jsonl");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Opened for both, so that neither side waits for the other.
        let mut reader = File::options().read(true).write(true).open(&pipe).unwrap();
        let file = AuditFile::open(pipe, "test".into()).unwrap();
        let total = MAX_QUEUED * 3;
        (0..total).for_each(|_| file.write(event()));
        assert!(!file.flush(Duration::from_millis(20)));

        // The pipe is read: the lines, and how many are missing, make the total.
        let of_thread = thread::spawn(move || {
            let (mut text, mut some, mut found, mut all_lost) = (Vec::new(), [0; 64 * 1024], 0, 0);
            while found < total {
                let count = io::Read::read(&mut reader, &mut some).unwrap();
                text.extend_from_slice(&some[..count]);
                while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                    let line: serde_json::Value = serde_json::from_slice(&text[..end]).unwrap();
                    text.drain(..=end);
                    let lost = usize::try_from(line["unmapped"]["lost"].as_u64().unwrap_or(0)).unwrap();
                    found += 1 + lost;
                    all_lost += lost;
                }
            }
            (found, all_lost)
        });
        assert!(file.flush(Duration::from_secs(120)), "the reader takes all lines");
        // One more, which has the number of those that were lost.
        file.write(event());
        assert!(file.flush(Duration::from_secs(30)));
        drop(file);
        let (found, lost) = of_thread.join().unwrap();
        assert!((total..=total + 1).contains(&found), "{found}");
        // Not lost are one queue, another one that the thread has taken, and what the pipe's 64 KiB hold of the lines before.
        assert!(lost >= total - 2 * MAX_QUEUED - 1_000, "{lost}");
    }
}
