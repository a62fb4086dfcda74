//! The real program, and what it printed.

use std::{
    io::Write,
    process::{Command, Stdio},
};

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
    // Whoever complains of its arguments reads no input, and a pipe that nobody reads is closed.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    /// What it printed, with every run of white space as one blank: what a sentence says does not depend on where it is broken.
    pub fn said(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
