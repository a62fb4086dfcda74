//! The tour in a real browser, from the first click to the last.
//!
//! Set `SCREENSHOTS` to a directory to look at the pages yourself.

pub(crate) mod driver;

mod keyboard;
mod looks;
#[cfg(feature = "proxy")]
mod proxy;
mod session_end;
mod tour;

/// The tour on free ports.
async fn start() -> crate::start::Tour {
    let config = tower_alb_auth::emulator::EmulatorConfig::on_free_ports();
    crate::start::Tour::start(config).await.expect("a tour")
}
