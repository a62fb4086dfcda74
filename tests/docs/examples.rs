//! Each example keeps its promises: run with `--check` it makes its calls itself, and fails if an answer is another one.
//!
//! `cargo test` builds the examples beside the tests, so they are not built again here.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// None takes a second; a machine that does much else may take longer.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// Runs it, and gives what it printed.
async fn check(program: &Path) -> String {
    let output = Command::new(program)
        .arg("--check")
        .env_remove("PORT")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it starts");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} --check: {}\n{printed}\n{log}", program.display(), output.status);
    printed
}

/// `target/debug/examples/<name>`, seen from this test at `target/debug/deps/<test>`.
pub fn binary(example: &str) -> PathBuf {
    let test = env::current_exe().expect("a path of this test");
    let target = test.parent().and_then(|deps| deps.parent()).expect("a target directory");
    let path = target.join("examples").join(example).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is not built: run cargo build --all-features --examples", path.display());
    path
}

/// An example that checks nothing would pass: each says how many calls it made.
async fn keeps_its_promises(example: &str, calls: usize) {
    kept(&check(&binary(example)).await, calls);
}

fn kept(printed: &str, calls: usize) {
    assert_eq!(printed.lines().filter(|line| line.starts_with("ok ")).count(), calls, "{printed}");
}

#[tokio::test]
async fn quickstart_keeps_its_promises() {
    keeps_its_promises("quickstart", 8).await;
}

#[tokio::test]
async fn axum_keeps_its_promises() {
    keeps_its_promises("axum", 8).await;
}

#[tokio::test]
async fn tonic_keeps_its_promises() {
    keeps_its_promises("tonic", 4).await;
}

#[tokio::test]
async fn hyper_keeps_its_promises() {
    keeps_its_promises("hyper", 6).await;
}

#[tokio::test]
async fn both_keeps_its_promises() {
    keeps_its_promises("both", 6).await;
}

#[tokio::test]
async fn edge_to_tonic_keeps_its_promises() {
    keeps_its_promises("edge_to_tonic", 4).await;
}

#[tokio::test]
async fn users_and_machines_keeps_its_promises() {
    keeps_its_promises("users_and_machines", 9).await;
}

#[tokio::test]
async fn long_connections_keeps_its_promises() {
    keeps_its_promises("long_connections", 5).await;
}

#[tokio::test]
async fn axum07_keeps_its_promises() {
    keeps_its_promises("axum07", 4).await;
}

#[cfg(feature = "emulator")]
#[tokio::test]
async fn tour_keeps_its_promises() {
    keeps_its_promises("tour", 15).await;
}

/// The program checks itself as examples do.
#[cfg(all(feature = "backstage-auth", feature = "emulator"))]
#[tokio::test]
async fn backstage_auth_keeps_its_promises() {
    kept(&check(env!("CARGO_BIN_EXE_backstage-auth").as_ref()).await, 10);
}

/// `--help`, or a misspelt `--check`, must not start a server that waits for Ctrl-C.
async fn names_an_unknown_argument(example: &str) {
    for argument in ["--help", "--chek"] {
        let output = Command::new(binary(example))
            .arg(argument)
            .env_remove("PORT")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it starts");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{example} {argument}: {printed}");
        let expected = format!("the argument {argument:?} is not known");
        assert!(printed.contains(&expected) && printed.contains("--check, which"), "{example} {argument}: {printed}");
    }
}

#[tokio::test]
async fn an_example_names_an_argument_that_it_does_not_know() {
    let examples = [
        "quickstart",
        "axum",
        "tonic",
        "hyper",
        "both",
        "edge_to_tonic",
        "users_and_machines",
        "long_connections",
        "axum07",
        "otlp",
    ];
    for example in examples {
        names_an_unknown_argument(example).await;
    }
}

#[cfg(feature = "emulator")]
#[tokio::test]
async fn tour_names_an_argument_that_it_does_not_know() {
    names_an_unknown_argument("tour").await;
}

/// Whoever has something else on the tour's ports reads how to choose others.
#[cfg(feature = "emulator")]
#[tokio::test]
async fn tour_on_a_taken_port_says_what_to_set() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(binary("tour")).env("PORT", &port).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it starts");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{printed}");
    for part in [&format!("127.0.0.1:{port}"), "PORT=9000 cargo tour"] {
        assert!(printed.contains(part), "{part:?} is not in: {printed}");
    }
}

/// Whoever starts the service without settings reads which ones there are, and where to find their values.
#[tokio::test]
async fn axum_without_settings_says_what_to_set() {
    let mut command = Command::new(binary("axum"));
    for name in ["ALB_AUTH_SIGNERS", "ALB_AUTH_ISSUER", "ALB_AUTH_CLIENT_IDS", "ALB_AUTH_EMAIL_DOMAINS"] {
        command.env_remove(name);
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it starts");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{printed}");
    for part in ["ALB_AUTH_SIGNERS is not set", "describe-rules", "the example quickstart"] {
        assert!(printed.contains(part), "{part:?} is not in: {printed}");
    }
}
