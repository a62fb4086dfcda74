//! A program that runs until the test ends, and raw requests to it.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::port::free_port;

const START: Duration = Duration::from_secs(60);
const RESPONSE: Duration = Duration::from_secs(20);
const END: Duration = Duration::from_secs(10);
/// Between the two parts of a request: a network delivers it in several packets, and some servers count what came so far.
const BETWEEN_PACKETS: Duration = Duration::from_millis(150);

/// What a program's command and configuration need to know.
pub struct Place {
    pub port: u16,
    /// The server behind a proxy.
    pub upstream: SocketAddr,
    folder: TempDir,
}

impl Place {
    pub fn new(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Programs that are started by root write as a user of their own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        Self { port: free_port(), upstream, folder }
    }

    /// The folder of this run.
    pub fn folder(&self) -> String {
        self.folder.path().to_str().expect("UTF-8").to_owned()
    }

    /// Writes a configuration, and gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// A program that listens. It ends with the value.
pub struct Running {
    child: Child,
    place: Place,
}

impl Running {
    pub async fn start(place: Place, mut command: Command) -> Self {
        let output = File::create(place.folder.path().join("output")).expect("a file");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; run .ci/peers"));
        let mut running = Self { child, place };
        let listening = async {
            while TcpStream::connect(running.address()).await.is_err() {
                if let Some(status) = running.child.try_wait().expect("our child") {
                    panic!("{command:?} ended with {status}: {}", running.output());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(START, listening).await.is_err() {
            panic!("{command:?} does not listen: {}", running.output());
        }
        running
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.place.port).into()
    }

    pub fn output(&self) -> String {
        fs::read_to_string(self.place.folder.path().join("output")).unwrap_or_default()
    }

    /// The whole response to a request of HTTP/1.1, as far as one came.
    pub async fn get(&self, path: &str, lines: &[(&str, String)]) -> Response {
        let lines: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("GET {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{lines}");
        let exchange = async {
            let mut stream = TcpStream::connect(self.address()).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            // A server may respond and close before it has read all.
            let _ = stream.write_all(head.as_bytes()).await;
            tokio::time::sleep(BETWEEN_PACKETS).await;
            let _ = stream.write_all(b"\r\n").await;
            let mut response = Vec::new();
            let _ = stream.read_to_end(&mut response).await;
            Response(String::from_utf8_lossy(&response).into_owned())
        };
        let response = tokio::time::timeout(RESPONSE, exchange).await;
        response.unwrap_or_else(|_| panic!("no response: {}", self.output()))
    }
}

/// Head and body as they came.
#[derive(Debug)]
pub struct Response(String);

impl Response {
    /// The cell of a table: `yes` for 200, another status, or `closed`.
    pub fn cell(&self) -> String {
        match self.0.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
            Some("200") => "yes".to_owned(),
            Some(status) => status.to_owned(),
            None if self.0.is_empty() => "closed".to_owned(),
            None => panic!("{:?} is not HTTP", self.0),
        }
    }

    /// How many lines of the head begin so, in any letter case.
    pub fn lines(&self, start: &str) -> usize {
        self.0.lines().filter(|line| line.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase())).count()
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Programs with workers end these on SIGTERM, and remove what they share.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let started = Instant::now();
        while started.elapsed() < END {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
