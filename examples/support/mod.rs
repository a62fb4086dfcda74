//! What the examples share, none of which an application needs: a port, the calls to try, and a mock load balancer's front
//! door.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each example uses a part of it")]

pub mod calls;
pub mod front_door;

use std::{
    fmt,
    io::{IsTerminal, stderr},
    process::ExitCode,
};

use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

pub use calls::{Call, expect};

/// What an example's `main` gives.
pub type Outcome = Result<ExitCode, Failure>;

/// Any error, shown as its own sentences where `main` gives it back.
pub struct Failure(String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A listener on loopback with a backlog of 4,096, by the function of the features `test-util`, `emulator` and `backstage-auth`;
/// its documentation has the few lines that an application needs. On the port in `PORT`, else on a free one.
pub async fn listen() -> Result<TcpListener, String> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let address = format!("127.0.0.1:{port}");
    let fault =
        |error| format!("cannot listen at {address}: {error}; set PORT to another port, or to 0 for a free one");
    tower_alb_auth::listen(&address).await.map_err(fault)
}

/// A listener on loopback, on a free port.
pub async fn listen_anywhere() -> std::io::Result<TcpListener> {
    tower_alb_auth::listen("127.0.0.1:0").await
}

/// The layer's reasons for its refusals are at level debug where a stranger can cause them, so that strangers do not fill a
/// log. `RUST_LOG` overrides.
pub fn log() {
    let usual = "info,tower_alb_auth=debug,tower_http=debug";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).init();
}

/// Whether the example shall make its calls itself, and fail if an answer is not as promised.
pub fn check_only() -> bool {
    std::env::args().any(|argument| argument == "--check")
}

/// With `--check` makes the calls; else prints them, and waits for Ctrl-C.
pub async fn try_out(calls: &[Call]) -> Outcome {
    if check_only() {
        return Ok(calls::check(calls).await);
    }
    println!("Try these. Why one is refused stands in the log, never in the answer.\n");
    for call in calls {
        println!("{call}\n");
    }
    until_ctrl_c().await
}

pub async fn until_ctrl_c() -> Outcome {
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}
