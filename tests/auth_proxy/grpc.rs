//! gRPC through the proxy: tonic on both ends, over h2c.

use tonic::{Code, Request, transport::Channel};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

use crate::site::{LONG, Log, Site};

const SERVICE: &str = "a.Service";

#[tokio::test]
async fn grpc_calls_and_streams_pass_and_a_stranger_gets_a_grpc_status() {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
    let router = tonic::service::Routes::new(service).into_axum_router();
    let upstream = crate::site::serve(router).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), "upstream_protocol: http2\n", Log::default()).await;
    let channel = Channel::from_shared(site.url("")).expect("an address").connect().await.expect("a channel");
    let mut client = HealthClient::new(channel);
    let request = |token: Option<String>, service: &str| {
        let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
        if let Some(token) = token {
            request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
        }
        request
    };

    let stranger = client.check(request(None, SERVICE)).await.expect_err("refused");
    assert_eq!(stranger.code(), Code::Unauthenticated);
    let checked = client.check(request(Some(site.token()), SERVICE)).await.expect("a response").into_inner();
    assert_eq!(checked.status, ServingStatus::Serving as i32);
    let unknown = client.check(request(Some(site.token()), "no.Such")).await.expect_err("the service's own status");
    assert_eq!(unknown.code(), Code::NotFound, "trailers pass");

    let mut stream = client.watch(request(Some(site.token()), SERVICE)).await.expect("a stream").into_inner();
    let mut next = async || {
        let message = tokio::time::timeout(LONG, stream.message()).await.expect("in time").expect("a stream");
        message.expect("a message").status
    };
    assert_eq!(next().await, ServingStatus::Serving as i32);
    reporter.set_service_status(SERVICE, ServingStatus::NotServing).await;
    assert_eq!(next().await, ServingStatus::NotServing as i32);
}

/// A client of gRPC reads `grpc-status`, in the form of the layer's refusals.
#[tokio::test]
async fn f_47_grpc_clients_get_a_grpc_status_if_the_service_is_down() {
    let free = crate::port::free_port();
    let lines = "upstream_protocol: http2\nmax_body_bytes: 10\n";
    let site = Site::in_front_of(&format!("http://127.0.0.1:{free}"), lines, Log::default()).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    for (content_type, body, status, code) in [
        ("application/grpc", "12345", 200, Some("14")),
        ("application/grpc+proto", "12345", 200, Some("14")),
        ("application/grpc", "12345678901", 200, Some("8")),
        ("application/grpc-web", "12345", 502, Some("14")),
        ("application/json", "12345", 502, None),
    ] {
        let request = client.post(site.url("/a.Service/Call")).header("content-type", content_type);
        let response = request.header("x-amzn-oidc-data", site.token()).body(body).send().await.expect("a response");
        assert_eq!(response.status(), status, "{content_type}");
        let headers = response.headers();
        assert_eq!(headers.get("grpc-status").map(|value| value.to_str().expect("ASCII")), code, "{content_type}");
        if code.is_some() {
            let family = content_type.split('+').next();
            assert_eq!(headers["content-type"].to_str().ok(), family);
            assert!(response.text().await.expect("a body").is_empty());
        }
    }
}

#[tokio::test]
#[ignore = "peer: grpcio, installed by .ci/peers"]
async fn grpcio_calls_pass_with_a_token_alone() {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status("", ServingStatus::Serving).await;
    let upstream = crate::site::serve(tonic::service::Routes::new(service).into_axum_router()).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), "upstream_protocol: http2\n", Log::default()).await;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (token, expected) in
        [(Some(site.token()), "OK"), (None, "UNAUTHENTICATED"), (Some("x".to_owned()), "UNAUTHENTICATED")]
    {
        let mut command = tokio::process::Command::new(root.join("target/peers/venv/bin/python"));
        command.arg(root.join("tests/peers/grpc_python.py")).arg(site.address.to_string()).env_remove("TOKEN");
        command
            .envs(token.as_ref().map(|token| ("TOKEN", token)))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(LONG, command.output()).await.expect("in time").expect("run .ci/peers");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let parsed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(parsed[1][0][0], expected, "{token:?}: {parsed}");
    }
}
