//! Envoy: `ext_authz` over gRPC and HTTP, and `jwt_authn` on the assertion.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower_alb_auth::test_util::User;

use super::{
    Gateway, free_address,
    identity::{has_forged, names},
};
use crate::site::{LONG, Log, Site, raw, serve, service, status};

fn envoy(file: &Path, folder: &Path) -> Command {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/envoy");
    let mut command = Command::new(program);
    command.arg("-c").arg(file).current_dir(folder);
    // Several at once, and a log without a wait.
    command.args(["--use-dynamic-base-id", "--concurrency", "1", "--file-flush-interval-msec", "50"]);
    command
}

/// What a gRPC client sees of a denial.
async fn grpc_denial(gateway: &Gateway, token: Option<String>) -> Code {
    let channel = Channel::from_shared(format!("http://{}", gateway.address)).expect("an address");
    let mut client = HealthClient::new(channel.connect().await.expect("a channel"));
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
    }
    client.check(request).await.expect_err("denied").code()
}

async fn denies_grpc_calls_with_their_status(gateway: &Gateway) {
    assert_eq!(grpc_denial(gateway, None).await, Code::Unauthenticated);
    let unverified = gateway.site.alb.sign(&User::jane().claim("email_verified", false));
    assert_eq!(grpc_denial(gateway, Some(unverified)).await, Code::PermissionDenied);
}

#[tokio::test]
#[ignore = "peer: Envoy, installed by .ci/peers"]
async fn s_107_envoy_by_ext_authz_over_grpc_admits_users_alone() {
    let gateway = Gateway::start("envoy.yaml", envoy).await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
    denies_grpc_calls_with_their_status(&gateway).await;
    let lines =
        format!("x-amzn-oidc-data: {}\r\nRemote-User: admin\r\nX-Original-URL: /admin/x\r\n", gateway.site.token());
    assert_eq!(gateway.get("/page", &lines).await, 200);
    let seen = gateway.site.log.only().headers;
    for name in ["remote-user", "x-original-url", "x-amzn-oidc-data"] {
        assert!(!seen.contains_key(name), "{name}");
    }
    let two = format!("x-amzn-oidc-data: {}\r\n", gateway.site.token()).repeat(2);
    assert_eq!(gateway.get("/page", &two).await, 401, "two tokens");
    let logged = async {
        while !fs::read_to_string(gateway.folder.path().join("output"))
            .expect("a log")
            .contains("user=user:default/jane.doe")
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, logged).await.expect("the dynamic metadata is in the log");
}

#[tokio::test]
#[ignore = "peer: Envoy, installed by .ci/peers"]
async fn s_107_envoy_by_ext_authz_over_http_admits_users_alone() {
    let gateway = Gateway::start("envoy-http.yaml", envoy).await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
    denies_grpc_calls_with_their_status(&gateway).await;
}

#[tokio::test]
#[ignore = "peer: Envoy, installed by .ci/peers"]
async fn s_107_envoy_admits_no_request_without_the_proxy() {
    for file in ["envoy.yaml", "envoy-http.yaml"] {
        let gateway = Gateway::start(file, envoy).await;
        let token = gateway.site.token();
        let Gateway { site, address, _child, folder } = gateway;
        site.proxy.shutdown().await;
        let request =
            format!("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-oidc-data: {token}\r\n\r\n");
        assert_eq!(status(&raw(address, request.as_bytes()).await), 503, "{file}");
        assert!(site.log.take().is_empty());
        drop(folder);
    }
}

#[tokio::test]
#[ignore = "peer: Envoy, installed by .ci/peers"]
async fn s_106_envoy_verifies_assertions_by_jwt_authn() {
    const SETTINGS: &str =
        "assertion_issuer: http://127.0.0.1:8081\nassertion_audience: application\nassertion_listen: 127.0.0.1:0\n";
    let log = Log::default();
    let upstream = serve(service(log.clone())).await;
    let address = free_address();
    let site = Site::in_front_of(&format!("http://{address}"), SETTINGS, log).await;
    // Envoy fetches the keys before it listens.
    let gateway = Gateway::beside(site, upstream, address, "envoy-jwt.yaml", envoy).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", gateway.site.token());
    let forged = "x-forwarded-user: admin\r\nx_forwarded_user: admin\r\nx-jwt-assertion: a.b.c\r\n";
    for lines in [jane.clone(), format!("{jane}{forged}")] {
        assert_eq!(status(&gateway.site.get("/page", &lines).await), 200);
        let seen = gateway.site.log.only();
        let users: Vec<_> = seen.headers.get_all("x-forwarded-user").iter().collect();
        assert_eq!(users, ["jane.doe@example.com"]);
        assert!(!format!("{:?}", seen.headers).contains("admin") && !seen.headers.contains_key("x-jwt-assertion"));
    }
    for name in names() {
        // A client's identity that is not the signed subject refuses the request.
        let expected = if name.eq_ignore_ascii_case("x-amzn-oidc-identity") { 401 } else { 200 };
        let response = gateway.site.get("/page", &format!("{jane}{name}: forged-admin\r\n")).await;
        assert_eq!(status(&response), expected, "{name}: {response}");
        for seen in gateway.site.log.take() {
            assert!(!has_forged(&seen.headers), "{name}: {:?}", seen.headers);
        }
    }
    gateway.hides_no_request_at(gateway.site.address).await;
    gateway.passes_no_forged_trailers_at(gateway.site.address).await;
    // Past the proxy.
    for lines in [String::new(), jane, forged.to_owned()] {
        assert_eq!(gateway.get("/page", &lines).await, 401, "{lines}");
        assert!(gateway.site.log.take().is_empty());
    }
}
