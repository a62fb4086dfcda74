//! Shared by the examples, and not needed in an application: a port, the requests to try, and a mock load balancer.
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

/// The result of an example's `main`.
pub type Outcome = Result<ExitCode, Failure>;

/// An error whose `Debug` form, which `main` prints, is its message.
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

/// Logs at debug level, because the layer logs rejections that any client can cause at that level only. `RUST_LOG` overrides
/// it.
pub fn log() {
    let usual = "info,tower_alb_auth=debug,tower_http=debug";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).init();
}

/// Whether to make the requests, and to fail if a response is not as expected. Any other argument is a mistake.
pub fn check_only() -> Result<bool, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().find(|argument| *argument != "--check") {
        Some(unknown) => Err(format!(
            "the argument {unknown:?} is not known; use none to try the example, or --check, which makes its requests"
        )),
        None => Ok(!arguments.is_empty()),
    }
}

/// With `--check`, makes the requests; otherwise prints them and waits for Ctrl-C.
pub async fn try_out(calls: &[Call]) -> Outcome {
    if check_only()? {
        return Ok(calls::check(calls).await);
    }
    println!("Try these commands, each with the status to expect. The log below has the reason of each rejection.\n");
    for call in calls {
        println!("{call}\n");
    }
    until_ctrl_c().await
}

pub async fn until_ctrl_c() -> Outcome {
    println!("Ctrl-C stops the example.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}
