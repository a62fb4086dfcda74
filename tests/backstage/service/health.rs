//! Backstage's health paths.

use std::time::{Duration, Instant};

use tower_alb_auth::emulator::{Emulator, EmulatorConfig};

use crate::{
    service::{
        settings::folder_with,
        site::{Browser, Site, settings},
        upstream::{another_backend, serve},
    },
    support::{backstage_auth::Service, port::free_port},
};

async fn asked(service: &Service, path: &str) -> (u16, String) {
    let answer = reqwest::get(service.at(path)).await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/json");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// A key is published beside the start, so a service that listens is not ready at once.
pub async fn once_ready(service: &Service) -> (u16, String) {
    for _ in 0..600 {
        let answer = asked(service, "/.backstage/health/v1/readiness").await;
        if answer.0 == 200 {
            return answer;
        }
        assert!(answer.1.contains("its signing key is not published yet"), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become ready: {}", service.log());
}

#[tokio::test]
async fn a_service_that_runs_is_alive_and_ready_in_the_stock_shape() {
    let site = Site::new().await;
    let alive = asked(&site.service, "/.backstage/health/v1/liveness").await;
    for answer in [alive, once_ready(&site.service).await] {
        assert_eq!(answer, (200, r#"{"status":"ok"}"#.to_owned()));
    }
}

#[tokio::test]
async fn it_answers_for_itself_when_there_is_an_upstream() {
    let site = Site::with(&["--upstream", "http://127.0.0.1:1"]).await;
    assert_eq!(once_ready(&site.service).await.0, 200);
}

/// A user comes, and the key that signed the token cannot be fetched.
#[tokio::test]
async fn without_its_key_endpoint_it_is_alive_and_not_ready_and_says_why() {
    let mirror = serve(another_backend()).await;
    let emulator = Emulator::start(EmulatorConfig::on_free_ports().target(mirror)).await.expect("sound");
    let mirrored = Browser::signed_in(&emulator, "jane").await.get("/").await.1;
    let mirrored: serde_json::Value = serde_json::from_str(&mirrored).expect("JSON");
    let token = mirrored["headers"]["x-amzn-oidc-data"].as_str().expect("the load balancer's header");

    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let folder = folder_with(&settings(&emulator, &nowhere));
    let service = Service::start(folder.path(), &["--without-catalog", "--listen", "127.0.0.1:0"]);
    assert_eq!(once_ready(&service).await.0, 200, "no key was needed yet");

    let request = reqwest::Client::new().get(service.at("/api/auth/awsalb/refresh"));
    let answer = request.header("x-amzn-oidc-data", token).send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    let (status, said) = asked(&service, "/.backstage/health/v1/readiness").await;
    assert_eq!(status, 503, "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["status"], "error");
    assert_eq!(said["message"], "the load balancer's public keys are out of reach");
    let endpoint = nowhere.trim_start_matches("http://");
    service.wait_until_it_logs(endpoint);
    assert_eq!(asked(&service, "/.backstage/health/v1/liveness").await.0, 200);

    // Every node of a load balancer probes every few seconds: the log says it once a minute.
    let lines = || {
        service.log().lines().filter(|line| line.contains("backstage_auth::health") && line.contains(endpoint)).count()
    };
    let (since, before) = (Instant::now(), lines());
    for _ in 0..20 {
        asked(&service, "/.backstage/health/v1/readiness").await;
    }
    // What is logged by requests comes after the probes'.
    assert_eq!(reqwest::get(service.at("/last-line")).await.expect("an answer").status(), 404);
    service.wait_until_it_logs("/last-line");
    let minutes = usize::try_from(since.elapsed().as_secs() / 60).expect("a number");
    assert!(before >= 1 && lines() - before <= minutes, "{}", service.log());
}
