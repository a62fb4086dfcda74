//! The application that the emulator starts.
//!
//! It leads its own process group, so that everything it starts (`cargo run`, `npm start`, a shell)
//! ends with it:
//!
//! | event | what happens |
//! |---|---|
//! | it ends by itself | processes that it left in its group are ended too |
//! | the emulator gets a signal to stop | the group gets the same signal, and is killed if it does not end in time |
//! | the emulator ends in any way except by `SIGKILL` | the group is killed |
//!
//! Its standard input is empty, because a background process group may not read the terminal. Its
//! output goes where the emulator's output goes. On platforms without process groups only the
//! application itself is ended.

use std::{
    ffi::{OsStr, OsString},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::{Child as Process, Command};

/// Stands for the port in an argument.
const PORT: &str = "{port}";

/// How long an application may take to end after it got the signal.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long processes that it left behind may take to end.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The signal that ends an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// The same as Ctrl-C.
    Interrupt,
    Terminate,
    HangUp,
}

/// A running application. Dropping it kills it and everything that it started.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    group: Group,
}

impl Child {
    /// Starts it with these variables in addition to the emulator's own environment.
    ///
    /// # Errors
    /// The program does not exist, or it cannot be started.
    pub(crate) fn start(
        command: &[OsString],
        port: u16,
        environment: &[(&str, String)],
        without: &[&str],
    ) -> Result<Self, String> {
        let Some((program, arguments)) = command.split_first() else {
            return Err("there is no command to start".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| with_port(argument, port)));
        command.env("PORT", port.to_string()).envs(environment.iter().map(|(name, value)| (name, value)));
        for name in without {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let process = command.spawn().map_err(|error| {
            let program = program.to_string_lossy();
            format!("{program} cannot be started: {error}; write a program and its arguments after --, such as: -- cargo run")
        })?;
        let group = Group::led_by(process.id());
        Ok(Self { process, group })
    }

    /// Waits until it ends by itself, and returns its exit code. As in a shell, the code is 128
    /// plus the signal's number if a signal ended it.
    pub(crate) async fn ended(&mut self) -> u8 {
        match self.process.wait().await {
            Ok(status) => code(status),
            // The status is lost.
            Err(_) => 1,
        }
    }

    /// Ends the processes that it left behind after it ended by itself.
    pub(crate) async fn sweep(&mut self) {
        self.group.signal(StopSignal::Terminate);
        self.group.gone_or_killed(ORPHAN_TIMEOUT).await;
    }

    /// Asks it to end, and kills it if it does not within `timeout`. Returns false if it was
    /// killed.
    pub(crate) async fn stop(&mut self, signal: StopSignal, timeout: Duration) -> bool {
        if !self.group.signal(signal) {
            let _ = self.process.start_kill();
        }
        if tokio::time::timeout(timeout, self.process.wait()).await.is_err() {
            self.kill().await;
            return false;
        }
        self.group.gone_or_killed(ORPHAN_TIMEOUT).await;
        true
    }

    /// Kills it and everything that it started.
    pub(crate) async fn kill(&mut self) {
        self.group.gone_or_killed(Duration::ZERO).await;
        let _ = self.process.kill().await;
    }
}

fn with_port(argument: &OsStr, port: u16) -> OsString {
    // An argument that is not Unicode cannot contain the placeholder.
    argument.to_str().map_or_else(|| argument.to_owned(), |text| text.replace(PORT, &port.to_string()).into())
}

#[cfg(unix)]
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = status.signal().map(|signal| signal.saturating_add(128));
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// A process group. Dropping it kills the processes that are left in it.
#[cfg(unix)]
#[derive(Debug)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn led_by(pid: Option<u32>) -> Self {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        Self(pid.and_then(rustix::process::Pid::from_raw))
    }

    /// Returns false if the signal could not be sent.
    fn signal(&self, signal: StopSignal) -> bool {
        use rustix::process::Signal;
        let signal = match signal {
            StopSignal::Interrupt => Signal::INT,
            StopSignal::Terminate => Signal::TERM,
            StopSignal::HangUp => Signal::HUP,
        };
        self.0.is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
    }

    fn is_gone(&self) -> bool {
        self.0.is_none_or(|group| rustix::process::test_kill_process_group(group).is_err())
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    async fn gone_or_killed(&mut self, timeout: Duration) {
        let gone = async {
            while !self.is_gone() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        if tokio::time::timeout(timeout, gone).await.is_err() {
            self.kill();
        }
        // The system may reuse the number from now on.
        self.0 = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// This platform has no process groups: only the process itself is ended, when it is dropped.
#[cfg(not(unix))]
#[derive(Debug)]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn led_by(_: Option<u32>) -> Self {
        Self
    }

    fn signal(&self, _: StopSignal) -> bool {
        false
    }

    async fn gone_or_killed(&mut self, _: Duration) {}
}
