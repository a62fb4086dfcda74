//! Programs that the tests start.

use std::{fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::site::LONG;

/// Starts the program, which ends with the value, and waits until it listens. Its output is in the file `output` of the folder.
pub async fn start(mut command: Command, address: SocketAddr, folder: &Path) -> Child {
    let path = folder.join("output");
    let output = fs::File::create(&path).expect("a file");
    let child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file"))
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .expect("it is installed: run .ci/peers");
    let listening = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(LONG, listening).await.is_err() {
        panic!("{}", fs::read_to_string(path).unwrap_or_default());
    }
    child
}
