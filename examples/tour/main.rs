//! The tour: sign in at a demo provider, through a load balancer, to an axum application. One process, no AWS, no network.
//!
//! ```text
//! cargo tour               # prints one address: open it
//! cargo tour --check       # runs the same steps unattended
//! PORT=9100 cargo tour     # on other ports: 9100, 9101 and 9102
//!
//! browser --> load balancer (emulator) --> application with AlbAuthLayer
//!    |           |        \-- its public keys, which the application fetches
//!    \--------> demo provider
//! ```
//!
//! `app.rs` is the application, with the same code as in production; `pages.rs` has its pages; `start.rs` connects the parts.
//! Needs the feature `emulator`.

mod app;
mod check;
mod pages;
mod start;

use std::{error::Error, fmt, io::IsTerminal, net::SocketAddr, process::ExitCode};

use start::Tour;
use tower_alb_auth::emulator::{EmulatorConfig, IdentityProvider};
use tracing_subscriber::EnvFilter;

/// The load balancer's port. The provider and the public keys have the next two ports. All are fixed, so that the address
/// stays the same.
const PORT: u16 = 9000;

/// An error whose `Debug` form, which `main` prints, is its message.
struct Failure(String);

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

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let check_only = check_only()?;
    log(if check_only { "warn" } else { "warn,alb_emulator=info,tower_alb_auth=debug" });
    if check_only {
        let tour = Tour::start(EmulatorConfig::on_free_ports()).await?;
        return Ok(if check::walk(&tour).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| format!("PORT is {port:?}; set it to a number, such as {PORT}"))?,
        Err(_) => PORT,
    };
    let tour = Tour::start(on_ports(port)?).await.map_err(|error| taken(&*error, port))?;
    println!("Open {} in a browser.", tour.url());
    println!("Sign in as one of the listed users, sign out, and sign in as another one. Ctrl-C stops the tour.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

/// Whether to run the steps unattended. A misspelt argument would otherwise start a tour that waits for a browser.
fn check_only() -> Result<bool, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().find(|argument| *argument != "--check") {
        Some(unknown) => Err(format!(
            "the argument {unknown:?} is not known; use none for the tour in a browser, or --check, which runs the same steps \
             unattended. The variable PORT sets the port"
        )),
        None => Ok(!arguments.is_empty()),
    }
}

/// The load balancer, the provider and the public keys on ports that follow each other.
fn on_ports(first: u16) -> Result<EmulatorConfig, String> {
    let at = |offset: u16| -> Result<SocketAddr, String> {
        let port = first.checked_add(offset).filter(|_| first > 0);
        let port = port.ok_or_else(|| format!("PORT is {first}; set it to a number from 1 to {}", u16::MAX - 2))?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    Ok(EmulatorConfig::new().listen(at(0)?).provider(IdentityProvider::demo(at(1)?)).keys_listen(at(2)?))
}

fn taken(error: &dyn Error, port: u16) -> String {
    let other = if port == PORT { 9100 } else { PORT };
    format!("{error}\nIf a port is taken: PORT={other} cargo tour takes {other}, {} and {}.", other + 1, other + 2)
}

fn log(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let to = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(to).with_ansi(to().is_terminal()).init();
}
