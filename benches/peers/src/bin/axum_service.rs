//! `axum_service PORT`: an axum service, with the layer of `AlbAuthConfig::from_env` around `/` and without it at `/free`.

use std::error::Error;

use axum::{Router, routing::get};
use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, BackstageIdentity};
use tower_alb_auth_bench_peers::serve;

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("PORT is missing")?.parse()?;
    let layer = AlbAuthLayer::new(AlbAuthConfig::from_env()?);
    let signed_in = Router::new().route("/", get(|_: BackstageIdentity| async { "ok" })).layer(layer);
    serve(port, signed_in.route("/free", get(|| async { "ok" })))
}
