//! The tour in a real browser, from the first click to the last.
//!
//! Set `SCREENSHOTS` to a directory to look at the pages yourself.
#![cfg(all(feature = "emulator", feature = "test-util"))]

#[path = "../../examples/tour/app.rs"]
mod app;
mod driver;
#[path = "../../examples/tour/pages.rs"]
mod pages;
#[path = "../../examples/tour/start.rs"]
mod start;

mod keyboard;
mod looks;
mod session_end;
mod tour;

/// The tour on free ports.
async fn start() -> start::Tour {
    let config = tower_alb_auth::emulator::EmulatorConfig::on_free_ports();
    start::Tour::start(config).await.expect("a tour")
}
