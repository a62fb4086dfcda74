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

/// An app-config.yaml with which it starts. Settings of `backend` go in front of `auth`.
pub const SOUND: &str = "\
app:
  baseUrl: https://backstage.example.com
backend:
  baseUrl: https://backstage.example.com
auth:
  providers:
    awsalb:
      issuer: https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11]
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
            dangerouslyAllowSignInWithoutUserInCatalog: true
";

/// The same with this connection to a database, in YAML at four blanks.
pub fn sound_with_database(connection: &str) -> String {
    SOUND.replacen("auth:\n", &format!("  database:\n    client: pg\n{connection}auth:\n"), 1)
}

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
