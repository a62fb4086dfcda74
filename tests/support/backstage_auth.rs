//! The program `backstage-auth`, and what it said.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Longer than anything here takes on a machine that does much else.
pub const LONGEST: Duration = Duration::from_secs(60);

/// A program that was started and listens.
pub struct Service {
    child: Child,
    /// What it printed up to the line that it listens.
    pub start_lines: String,
    stderr: Arc<Mutex<String>>,
    pub url: String,
}

impl Service {
    /// With these arguments, started in this folder.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_in(folder, arguments, &[])
    }

    /// And with these variables.
    pub fn start_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.current_dir(folder).args(arguments).envs(variables.iter().copied());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (child.stderr.take().expect("piped"), Arc::clone(&stderr));
        thread::spawn(move || {
            let mut some = [0; 1024];
            while let Ok(count @ 1..) = from.read(&mut some) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut start_lines = String::new();
        let url = loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("UTF-8");
            assert!(read > 0, "it ended: {start_lines}\n{}", stderr.lock().unwrap());
            start_lines.push_str(&line);
            if let Some(address) = line.trim().strip_prefix("Listens at") {
                break address.trim().to_owned();
            }
        };
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { child, start_lines, stderr, url }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What it said on standard error so far.
    pub fn log(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    #[track_caller]
    pub fn wait_until_it_says(&self, part: &str) -> String {
        let said = wait_until(|| Some(self.log()).filter(|said| said.contains(part)));
        said.unwrap_or_else(|| panic!("{part:?} is not in: {}", self.log()))
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// The code that it ended with.
    #[track_caller]
    pub fn ended(&mut self) -> i32 {
        let status = wait_until(|| self.child.try_wait().expect("a child"));
        status.unwrap_or_else(|| panic!("it does not end: {}", self.log())).code().expect("no signal")
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With nothing of the tests' environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstage-auth"));
    command.env_clear();
    command
}

/// Runs it to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let child = program()
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let id = child.id().to_string();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(LONGEST) else {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("it does not end: {arguments:?}");
    };
    Ended::of(output.expect("an output"))
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        Self { code: output.status.code().expect("no signal"), stdout, stderr }
    }
}

/// A port that is free at the moment.
pub fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + LONGEST;
    loop {
        match look() {
            None if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            found => return found,
        }
    }
}
