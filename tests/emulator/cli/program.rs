//! The real program, and what it printed.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use crate::support::process::wait_until;

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program with these arguments, and nothing of the tests' environment.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alb-emulator"));
    command.args(arguments).env_clear();
    command
}

/// Runs it to its end with this on standard input.
pub fn run(mut command: Command, stdin: &str) -> Ended {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // A program that rejects its arguments reads no input, and a pipe without a reader is closed.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let status = wait_until(|| child.try_wait().expect("a child"));
    if status.is_none() {
        let _ = child.kill();
    }
    let [stdout, stderr] = [stdout, stderr].map(|text| text.join().expect("UTF-8"));
    let status = status.unwrap_or_else(|| panic!("it does not end: {stdout}\n{stderr}"));
    Ended { code: status.code().expect("no signal"), stdout, stderr }
}

/// All of it, in a thread of its own: a pipe that is full makes who writes wait.
fn read(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.expect("piped").read_to_string(&mut text).expect("UTF-8");
        text
    })
}

impl Ended {
    /// What it printed, with every run of white space as one blank: what a sentence says does not depend on where it is broken.
    pub fn said(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
