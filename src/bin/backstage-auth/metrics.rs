//! Metrics for Prometheus, at an address of their own.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, http::header, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tower_alb_auth::{ConnectionLimits, listen};

/// The media type of Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Interval at which the exporter drops samples that it has aggregated.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Upper bounds of a sign-in's duration in seconds: a catalog answers in tens of milliseconds, and its timeout is 5 s.
const SIGN_IN_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of this process. To be made before anything is counted.
pub fn install() -> Result<PrometheusHandle, String> {
    let failed = |error| format!("the metrics cannot be collected: {error}");
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("alb_auth_sign_in_seconds".to_owned()), &SIGN_IN_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(failed)
}

/// Listens at this address. Returns the address, with the port if any was free to choose. Ends with the runtime.
pub async fn serve(address: SocketAddr, metrics: PrometheusHandle) -> Result<SocketAddr, String> {
    let failed = |error| format!("metrics cannot be served at {address}: {error}; set another address by --metrics");
    let listener = listen(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            upkeep.run_upkeep();
        }
    });
    let render = get(async move || ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render()));
    let router = Router::new().route("/metrics", render);
    tokio::spawn(tower_alb_auth::serve(listener, router, ConnectionLimits::new(), std::future::pending()));
    Ok(bound)
}
