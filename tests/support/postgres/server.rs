//! A PostgreSQL server of one test: in a throwaway folder, by a user that is not root, on a free port of loopback.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::port::free_port;

pub const USER: &str = "backstage";
/// With characters that an address has to encode.
pub const PASSWORD: &str = "canary p@ss/word";
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Ends with the value, and its folder with it.
pub struct Server {
    postmaster: Option<Child>,
    port: u16,
    // The last one to go.
    folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        give_away(folder.path());
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).expect("written");
        give_away(&password);
        let initialised = program("initdb")
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"])
            .args(["--username", USER, "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .output()
            .expect("initdb runs");
        assert!(initialised.status.success(), "{}", String::from_utf8_lossy(&initialised.stderr));
        let mut server = Self { postmaster: None, port: free_port(), folder };
        server.start_again();
        server
    }

    /// Starts it where it was stopped.
    pub fn start_again(&mut self) {
        assert!(self.postmaster.is_none(), "it runs");
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        // A server's time zone is its operator's: nothing here may depend on it.
        let settings = ["listen_addresses=127.0.0.1", "fsync=off", "timezone=Pacific/Kiritimati", "max_connections=30"];
        let mut postmaster = program("postgres");
        postmaster.arg("-D").arg(self.data()).arg("-k").arg(self.socket_folder()).args(["-p", &self.port.to_string()]);
        for setting in settings {
            postmaster.args(["-c", setting]);
        }
        self.postmaster = Some(postmaster.stderr(log).spawn().expect("postgres runs"));
        let started = Instant::now();
        let status = self.data().join("postmaster.pid");
        // Its last line says whether it takes connections.
        while !fs::read_to_string(&status)
            .is_ok_and(|text| text.lines().last().is_some_and(|line| line.trim() == "ready"))
        {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < MAX_WAIT, "it takes no connection: {}", log());
            thread::sleep(Duration::from_millis(20));
        }
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
    }

    /// As a restart does: connections are cut off.
    pub fn stop(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        kill("INT", &postmaster.id().to_string());
        let asked = Instant::now();
        while postmaster.try_wait().is_ok_and(|status| status.is_none()) {
            if asked.elapsed() > MAX_WAIT {
                let _ = postmaster.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// It hears nothing and says nothing, until [`wake`](Self::wake).
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    pub fn wake(&self) {
        self.signal_all("CONT");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the server's, which it reads at its next start.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        give_away(&path);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// To the postmaster and the processes of connections.
    fn signal_all(&self, name: &str) {
        let Some(postmaster) = &self.postmaster else { return };
        let id = postmaster.id();
        kill(name, &id.to_string());
        for child in fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default().split_whitespace()
        {
            kill(name, child);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is frozen hears nothing else.
        self.wake();
        self.stop();
    }
}

fn kill(name: &str, process: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), process]).stderr(Stdio::null()).status();
}

/// A program of PostgreSQL's, by a user that is not root: it refuses to run as root.
fn program(name: &str) -> Command {
    let path = installed(name);
    let mut command = match owner() {
        Some(_) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        }
        None => Command::new(path),
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Debian keeps it off the PATH.
fn installed(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.sort();
    found.extend(env::split_paths(&on_path).map(|folder| folder.join(name)));
    found.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{name} is not installed: run .ci/peers"))
}

/// To the user who runs the server.
fn give_away(path: &Path) {
    if let Some(owner) = owner() {
        chown(path, Some(owner), None).expect("it is ours");
    }
}

/// Who runs it where we are root.
fn owner() -> Option<u32> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| id(&["-u", "postgres"]).expect("Debian's package made the user postgres"))
}
