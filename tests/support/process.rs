//! A program as a process: started as an operator starts it, with what it printed.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    io::Read,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Longer than anything takes on a machine that does much else.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// A program that has printed its start lines. It ends with the value.
pub struct Program {
    child: Child,
    pub start_lines: String,
    stderr: Arc<Mutex<String>>,
}

impl Program {
    /// Waits until a line of its standard output begins with this text, after white space.
    #[track_caller]
    pub fn start(command: Command, last_line: &str) -> Self {
        Self::start_and(command, last_line, |_| {})
    }

    /// The same. `meanwhile` gets its id, and runs while the program starts.
    #[track_caller]
    pub fn start_and(command: Command, last_line: &str, meanwhile: impl FnOnce(u32)) -> Self {
        Self::start_until(
            command,
            |lines| lines.lines().any(|line| line.trim_start().starts_with(last_line)),
            meanwhile,
        )
    }

    /// Waits until this is true of its standard output, which is read line by line.
    #[track_caller]
    pub fn start_until(mut command: Command, has_started: impl Fn(&str) -> bool, meanwhile: impl FnOnce(u32)) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // Both are read to their end: a pipe that is full would make it wait.
        let stdout = collected(child.stdout.take().expect("piped"));
        let stderr = collected(child.stderr.take().expect("piped"));
        meanwhile(child.id());
        let mut program = Self { child, start_lines: String::new(), stderr };
        let started = wait_until(|| {
            let runs = program.runs();
            // Line by line: an application that it has started may print behind its start lines.
            let lines = stdout.lock().unwrap();
            let mut ends = lines.match_indices('\n').map(|(at, _)| &lines[..=at]);
            let found = ends.find(|lines| has_started(lines));
            program.start_lines = found.unwrap_or(&lines).to_owned();
            match found {
                Some(_) => Some(true),
                None => (!runs && Arc::strong_count(&stdout) == 1).then_some(false),
            }
        });
        match started {
            Some(true) => program,
            Some(false) => panic!("it ended: {}\n{}", program.start_lines, program.log()),
            None => panic!("it does not start: {}\n{}", program.start_lines, program.log()),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What stands behind this label in the start lines.
    #[track_caller]
    pub fn named(&self, label: &str) -> &str {
        let line = self.start_lines.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} is not in: {}", self.start_lines)).trim()
    }

    /// The address behind this label, as it is or of a URL.
    #[track_caller]
    pub fn address(&self, label: &str) -> SocketAddr {
        let text = self.named(label);
        let address = text.trim_start_matches("http://").split(['/', ',', ' ']).next().expect("a word");
        address.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What it printed on standard error so far.
    pub fn log(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it prints this on standard error, and returns all of it.
    #[track_caller]
    pub fn wait_until_it_logs(&self, part: &str) -> String {
        let log = wait_until(|| Some(self.log()).filter(|log| log.contains(part)));
        log.unwrap_or_else(|| panic!("{part:?} is not in: {}", self.log()))
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.expect("kill").success(), "kill -{name}");
    }

    /// As the system does it: it cannot print or send anything more.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// The code that it ended with.
    #[track_caller]
    pub fn ended(&mut self) -> i32 {
        let status = wait_until(|| self.child.try_wait().expect("a child"));
        status.unwrap_or_else(|| panic!("it does not end: {}", self.log())).code().expect("no signal")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes from there. It has one owner once all is there.
fn collected(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&text);
    thread::spawn(move || {
        let mut some = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut some) {
            to.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
        }
    });
    text
}

/// Looks again and again, at most for [`MAX_WAIT`].
pub fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + MAX_WAIT;
    loop {
        match look() {
            None if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            found => return found,
        }
    }
}
