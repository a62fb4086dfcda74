//! The program while it runs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::{Deref, DerefMut},
    process::Command,
};

use crate::{
    cli::{application, program::program},
    support::process::{MAX_WAIT, Program, wait_until},
};

/// A program that was started. It ends with the value, in its own way, so that it takes its application along.
pub struct Running(Program);

/// Free ports for all of it.
pub const FREE_PORTS: [&str; 6] = ["--listen", "0", "--keys-listen", "0", "--provider-listen", "0"];

impl Running {
    /// With this application, on free ports.
    pub fn with_application(arguments: &[&str], command: &[String]) -> Self {
        let mut program = program(&FREE_PORTS);
        program.args(arguments).arg("--").args(command).env(application::TOLD, "1");
        Self::start(program)
    }

    /// Started and past its start lines.
    pub fn start(mut program: Command) -> Self {
        // A shell is found by its path.
        program.env("PATH", std::env::var_os("PATH").expect("a path"));
        // The last of them is an empty one behind the last paragraph, which does not begin with two blanks.
        let has_started =
            |lines: &str| (lines.contains("kill -USR1") || lines.contains("Redirects to")) && lines.ends_with("\n\n");
        Self(Program::start_until(program, has_started, |_| {}))
    }

    pub fn url(&self) -> &str {
        self.named("Open")
    }

    /// A browser that keeps cookies and follows redirects.
    pub fn browser(&self) -> reqwest::Client {
        let here: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let browser = reqwest::Client::builder().cookie_store(true).no_proxy().timeout(MAX_WAIT);
        browser.resolve("app.localhost", here).resolve("idp.localhost", here).build().expect("a browser")
    }

    /// What the browser gets there.
    pub async fn get(&self, browser: &reqwest::Client, path: &str) -> (u16, String) {
        let answer = browser.get(format!("{}{path}", self.url())).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }
}

impl Deref for Running {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.runs() {
            self.signal("TERM");
            wait_until(|| (!self.runs()).then_some(()));
        }
    }
}

/// Whether there is a process of this number that still does something: one that ended stays until its parent waits for it.
pub fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}
