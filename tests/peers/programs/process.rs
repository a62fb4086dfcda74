//! Another program as a process, which ends with the test.

use std::{net::Ipv4Addr, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

/// How long a program may take to start: Python reads for a while.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Ends with the value.
pub struct Peer {
    _child: Child,
}

/// Where `.ci/peers` put them.
pub fn peers() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    assert!(folder.join("installed-lock.json").exists(), "the peers are not installed: run .ci/peers");
    folder
}

pub use crate::support::port::free_port;

impl Peer {
    /// Starts a program that is to listen at this port, and waits until it does.
    pub async fn start(mut command: Command, port: u16) -> Self {
        let child = command
            .current_dir(peers())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it is installed");
        let listening = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(MAX_WAIT, listening).await.expect("it listens");
        Self { _child: child }
    }
}
