//! The program `backstage-auth`, and what it printed.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use crate::support::process::{MAX_WAIT, Program};

/// The start line with its address.
const LISTENS: &str = "Listens at";

/// A program that was started and listens.
pub struct Service {
    program: Program,
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
        let program = Program::start(command, LISTENS);
        let url = program.named(LISTENS).to_owned();
        Self { program, url }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Deref for Service {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Service {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
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
    let Ok(output) = receiver.recv_timeout(MAX_WAIT) else {
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
