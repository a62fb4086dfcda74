//! What `.ci/peers` installed.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;

/// Python reads for a while, and other tests run beside it.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Where `.ci/peers` put them.
pub fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    assert!(folder.join("installed-lock.json").exists(), "the peers are not installed: run .ci/peers");
    folder
}

/// What a program prints.
pub async fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .current_dir(folder())
        .args(arguments)
        // The peers are on loopback: no proxy on the way.
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}
