//! The program while it runs.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::cli::{application, program::program};

/// Longer than anything here takes on a machine that does much else.
const LONGEST: Duration = Duration::from_secs(60);

/// A program that was started, with what it printed at the start.
pub struct Running {
    child: Child,
    pub start_lines: String,
    stderr: Arc<Mutex<String>>,
}

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
        let mut child =
            program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
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
        // The last of them is an empty one behind the last paragraph, which does not begin with two blanks.
        loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("UTF-8");
            assert!(read > 0, "it ended: {start_lines}\n{}", stderr.lock().unwrap());
            start_lines.push_str(&line);
            let last = start_lines.contains("kill -USR1") || start_lines.contains("Redirects to");
            if last && line == "\n" {
                break;
            }
        }
        // What the application prints goes the same way, and must not wait for a reader.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { child, start_lines, stderr }
    }

    /// What stands behind this label in the start lines.
    #[track_caller]
    pub fn told(&self, label: &str) -> &str {
        let line = self.start_lines.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} is not in: {}", self.start_lines)).trim()
    }

    pub fn url(&self) -> &str {
        self.told("Open")
    }

    /// What it said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it says this on standard error.
    #[track_caller]
    pub fn wait_until_it_says(&self, part: &str) -> String {
        wait_until(|| self.stderr().contains(part).then(|| self.stderr()))
            .unwrap_or_else(|| panic!("{part:?} is not in: {}", self.stderr()))
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        kill(name, self.child.id());
    }

    /// Its exit code, once it has ended.
    #[track_caller]
    pub fn ended(&mut self) -> i32 {
        let status = wait_until(|| self.child.try_wait().expect("a child")).expect("it ends");
        status.code().unwrap_or_else(|| panic!("ended by a signal: {status}"))
    }

    /// A browser that keeps cookies and follows redirects.
    pub fn browser(&self) -> reqwest::Client {
        let here: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let browser = reqwest::Client::builder().cookie_store(true).no_proxy().timeout(LONGEST);
        browser.resolve("app.localhost", here).resolve("idp.localhost", here).build().expect("a browser")
    }

    /// What the browser gets there.
    pub async fn get(&self, browser: &reqwest::Client, path: &str) -> (u16, String) {
        let answer = browser.get(format!("{}{path}", self.url())).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }
}

impl Drop for Running {
    /// By its own way to end, so that it takes its application along.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal("TERM");
            if wait_until(|| self.child.try_wait().ok().flatten()).is_none() {
                let _ = self.child.kill();
            }
        }
    }
}

/// Tries until there is something, or for as long as anything may take.
pub fn wait_until<T>(mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < LONGEST {
        if let Some(found) = found() {
            return Some(found);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// Whether there is a process of this number that still does something: one that ended stays until somebody asks how.
pub fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

fn kill(signal: &str, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status().expect("a shell");
    assert!(status.success(), "kill -{signal} {process}");
}
