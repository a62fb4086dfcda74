//! The program `alb-auth-proxy`, and what it logged.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use crate::support::backstage_auth::wait_until;

/// A program that listens. Ends with the value.
pub struct Proxy {
    child: Child,
    start_lines: String,
    stderr: Arc<Mutex<String>>,
}

impl Proxy {
    /// With these settings, which are written into the folder, and with nothing of the tests' environment.
    pub fn start(folder: &Path, settings: &str) -> Self {
        std::fs::write(folder.join("proxy.yaml"), settings).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_alb-auth-proxy"));
        command.env_clear().current_dir(folder).args(["--config", "proxy.yaml"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
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
        while !start_lines.lines().any(|line| line.trim() == "Ready") {
            let read = stdout.read_line(&mut start_lines).expect("UTF-8");
            assert!(read > 0, "it ended: {start_lines}\n{}", stderr.lock().unwrap());
        }
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { child, start_lines, stderr }
    }

    /// The address of the reverse proxy.
    pub fn address(&self) -> SocketAddr {
        self.named("Reverse proxy")
    }

    /// The address of health and metrics.
    pub fn admin(&self) -> SocketAddr {
        self.named("Health, metrics")
    }

    fn named(&self, label: &str) -> SocketAddr {
        let line = self.start_lines.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label}: {}", self.start_lines)).trim().parse().expect("an address")
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    #[track_caller]
    pub fn wait_until_it_logs(&self, part: &str) -> String {
        let log = wait_until(|| Some(self.log()).filter(|log| log.contains(part)));
        log.unwrap_or_else(|| panic!("{part:?} is not in: {}", self.log()))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The entry of `trust` for a load balancer with keys at this address.
pub fn trust(signer: &str, issuer: &str, client_id: &str, keys: &str) -> String {
    format!(
        "  - {{ signers: ['{signer}'], issuer: '{issuer}', client_ids: ['{client_id}'], key_endpoint: '{keys}' }}\n"
    )
}
