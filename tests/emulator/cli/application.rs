//! The application that the emulator starts: this test binary, started with a variable.

use std::{env, net::Ipv4Addr};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, BackstageIdentity};

/// The variable that tells it.
pub const TOLD: &str = "TOWER_ALB_AUTH_TEST_APPLICATION";

/// How it is started.
pub fn command() -> Vec<String> {
    let this = env::current_exe().expect("a path of this test");
    let this = this.to_str().expect("UTF-8").to_owned();
    [&this, "--exact", "cli::application::it_is_one_when_the_setting_says_so", "--nocapture"].map(String::from).to_vec()
}

#[test]
fn it_is_one_when_the_setting_says_so() {
    if env::var_os(TOLD).is_none() {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(serve());
}

/// As an application of production has it: settings from the environment, signatures verified.
async fn serve() {
    let layer = AlbAuthLayer::new(AlbAuthConfig::from_env().expect("settings by the emulator"));
    let app = Router::new()
        .route("/", get(async |user: BackstageIdentity| user.user_entity_ref().to_string()))
        .route("/process", get(async || std::process::id().to_string()))
        .route("/variables", get(async || variables()))
        .route("/exit", get(async || -> () { std::process::exit(7) }))
        .layer(layer);
    let port: u16 = env::var("PORT").expect("a port by the emulator").parse().expect("a number");
    // After a restart the port may be in use for a moment.
    let listener = loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => break listener,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    axum::serve(listener, app).await.expect("served");
}

/// The names of the variables that it got.
fn variables() -> String {
    let mut names: Vec<String> = env::vars().map(|(name, _)| name).filter(|name| name.starts_with("ALB_")).collect();
    names.sort();
    names.join(" ")
}
