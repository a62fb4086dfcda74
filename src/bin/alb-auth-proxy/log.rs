//! Where and how it logs: standard error, as text or as one JSON object a line.

use std::io::{IsTerminal, stderr};

use tower_alb_auth::auth_proxy::LogSettings;
use tracing_subscriber::EnvFilter;

const DEFAULT_FILTER: &str = "tower_alb_auth=info,warn";

/// # Errors
/// The filter is not one.
pub fn start(settings: &LogSettings) -> Result<(), String> {
    let filter = settings.filter.as_deref().unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("log_filter {filter:?} is not a filter: {error}; write it as tower_alb_auth=debug,warn")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match settings.json {
        true => log.json().flatten_event(true).init(),
        false => log.with_ansi(stderr().is_terminal()).init(),
    }
    Ok(())
}
