//! Serving, and an end without losing a request.

use std::time::Duration;

use tower_alb_auth::auth_proxy::{AuthProxy, Settings};

use crate::{
    audit_file::{self, Hangups},
    cli::Invocation,
    log,
    signals::Signals,
};

/// Serves until a stop signal, for the shutdown delay after it, and then until requests in progress have
/// their responses. A second signal ends it at once.
pub async fn run(invocation: &Invocation) -> Result<(), String> {
    let settings = Settings::read(invocation.file.as_deref(), &invocation.overrides, &invocation.variables)
        .map_err(|error| error.to_string())?;
    log::start(settings.log())?;
    let delay = settings.shutdown_delay();
    let uninstalled = |error| format!("signal handlers cannot be installed: {error}");
    let mut signals = Signals::listen().map_err(uninstalled)?;
    // Before there is a file that a tool can rotate.
    let hangups = settings.has_audit_trail().then(Hangups::listen).transpose().map_err(uninstalled)?;
    let proxy = AuthProxy::start(settings).await.map_err(|error| error.to_string())?;
    let trail = proxy.audit_trail().cloned();
    if let (Some(hangups), Some(trail)) = (hangups, &trail) {
        hangups.reopen(trail);
    }
    print_start_lines(&proxy);

    let name = signals.next().await;
    tracing::info!(target: "tower_alb_auth", "{name}: the proxy ends");
    proxy.report_not_ready();
    if passes(delay, &mut signals).await {
        tokio::select! {
            () = proxy.shutdown() => {}
            name = signals.next() => tracing::warn!(target: "tower_alb_auth", "{name} again: requests in progress are aborted"),
        }
    }
    audit_file::flush(trail.as_ref());
    Ok(())
}

/// Whether the time passes without another signal.
async fn passes(delay: Duration, signals: &mut Signals) -> bool {
    tokio::select! {
        () = tokio::time::sleep(delay) => true,
        name = signals.next() => {
            tracing::warn!(target: "tower_alb_auth", "{name} again: requests in progress are aborted");
            false
        }
    }
}

fn print_start_lines(proxy: &AuthProxy) {
    let addresses = proxy.addresses();
    println!("alb-auth-proxy {}", env!("CARGO_PKG_VERSION"));
    let lines = [
        ("Reverse proxy", addresses.reverse_proxy),
        ("Forward auth", addresses.forward_auth),
        ("ext_authz, gRPC", addresses.ext_authz),
        ("ext_authz, HTTP", addresses.ext_authz_http),
        ("Assertion keys", addresses.assertion),
        ("Health, metrics", addresses.admin),
    ];
    for (label, address) in lines {
        if let Some(address) = address {
            println!("  {label:16} {address}");
        }
    }
    println!("  Ready");
}
