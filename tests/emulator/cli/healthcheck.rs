//! The subcommand `healthcheck`, which an image without a shell runs.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::any};
use http::StatusCode;
use tower_alb_auth::emulator::Emulator;

use crate::{
    cli::{
        program::{Ended, program, run},
        running::{FREE_PORTS, Running},
    },
    support::port::free_port,
};

async fn check(address: String) -> Ended {
    tokio::task::spawn_blocking(move || run(program(&["healthcheck", "--address", &address]), ""))
        .await
        .expect("a result")
}

/// `127.0.0.1` with the port of this address.
fn here(url: &str) -> String {
    format!("127.0.0.1:{}", url.rsplit(':').next().expect("a port"))
}

/// The check is not a request of a client: it gets no redirect, and neither rules nor the application see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_of_an_image_tells_an_emulator_that_runs_from_everything_else() {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let application = Router::new().fallback(any(move || async move {
        seen.fetch_add(1, Ordering::SeqCst);
        StatusCode::NOT_FOUND
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let application_address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, application).await });

    let mut command = program(&FREE_PORTS);
    command.args(["--target", &format!("http://{application_address}"), "--rule", "/*=forward"]);
    let running = Running::start(command);
    let ended = check(here(running.url())).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{ended:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    // Under the rule that forwards everything, the application gets the neighbours of this path and other methods.
    let browser = running.browser();
    for (method, path) in [("GET", "/.alb-emulator/healthy"), ("POST", Emulator::HEALTH_PATH)] {
        let request = browser.request(method.parse().unwrap(), format!("{}{path}", running.url()));
        assert_eq!(request.send().await.unwrap().status(), 404, "{method} {path}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 2);

    let nothing = format!("127.0.0.1:{}", free_port());
    for (address, expected) in [(&nothing, "--address"), (&application_address, Emulator::HEALTH_PATH)] {
        let ended = check(address.clone()).await;
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains(address) && ended.stderr.contains(expected), "{ended:?}");
    }
    // A program that accepts the connection and stays silent.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let ended = check(silent.local_addr().expect("an address").to_string()).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("nothing within"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_of_the_provider_alone_names_its_address() {
    let redirect = "http://app.localhost:3000/callback";
    let running = Running::start(program(&["--provider-only", "--provider-listen", "0", "--redirect-uri", redirect]));
    let ended = check(here(running.named("Issuer"))).await;
    assert_eq!((ended.code, &*ended.stderr), (0, ""), "{ended:?}");
}
