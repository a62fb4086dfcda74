//! Entries about what is behind `alb-auth-proxy`, and about its own connections and files.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use tower_alb_auth::test_util::User;

use crate::{
    runbook::site::Site,
    support::{
        process::MAX_WAIT,
        streaming::{serve, service},
    },
};

#[tokio::test]
async fn r_20_the_service_behind_the_proxy_does_not_listen() {
    let site = Site::before("R-20", "http://127.0.0.1:1", "", |_| {}).await;
    assert_eq!(site.with_token(&site.token()).await, 502);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_21_the_service_rejects_long_headers() {
    let site = Site::for_entry("R-21", "").await;
    let request = site.client.get(site.url("/long")).header("x-amzn-oidc-data", site.token());
    assert_eq!(request.send().await.expect("a response").status(), 431);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_22_all_connections_of_a_listener_are_taken() {
    let site = Site::for_entry("R-22", "max_connections: 1\n").await;
    let _open = tokio::net::TcpStream::connect(site.proxy.address()).await.expect("a connection");
    let _waiting = tokio::net::TcpStream::connect(site.proxy.address()).await.expect("a connection");
    site.assert_seen().await;
}

#[tokio::test]
async fn r_23_a_new_certificate_cannot_be_used() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
        .and_then(|parameters| parameters.self_signed(&key))
        .expect("a certificate");
    let lines = "tls_certificate: certificate.pem\ntls_key: key.pem\n";
    let site = Site::before("R-23", "http://127.0.0.1:1", lines, |folder| {
        fs::write(folder.join("certificate.pem"), certificate.pem()).expect("written");
        fs::write(folder.join("key.pem"), key.serialize_pem()).expect("written");
    })
    .await;
    let other = rcgen::KeyPair::generate().expect("a key");
    fs::write(site.path("key.pem"), other.serialize_pem()).expect("written");
    site.assert_seen().await;
}

#[tokio::test]
async fn r_24_the_stream_of_a_denied_user_is_ended() {
    let upstream = serve(service()).await;
    let site = Site::before("R-24", &upstream, "deny_list: denied.jsonl\n", |folder| {
        fs::write(folder.join("denied.jsonl"), "{\"entries\": 0}\n").expect("written");
    })
    .await;
    let request = site.client.get(site.url("/stream")).header("x-amzn-oidc-data", site.token());
    let response = request.send().await.expect("a response");
    assert_eq!(response.status(), 200);
    fs::write(site.path("denied.jsonl"), "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
    let mut pieces = response.bytes_stream();
    while pieces.next().await.is_some_and(|piece| piece.is_ok()) {}
    site.assert_seen().await;
}

#[tokio::test]
async fn r_25_the_audit_file_cannot_be_written() {
    let upstream = serve(service()).await;
    let site = Site::before("R-25", &upstream, "audit_file: audit/audit.jsonl\n", |folder| {
        fs::create_dir(folder.join("audit")).expect("a folder");
    })
    .await;
    fs::remove_dir_all(site.path("audit")).expect("removed");
    // Each user is an event. An event within a second of the one before goes into the file that was removed.
    let began = Instant::now();
    for number in 0.. {
        let user =
            User::jane().claim("sub", format!("user-{number}")).claim("email", format!("user-{number}@example.com"));
        assert_eq!(site.with_token(&site.alb.sign(&user)).await, 200, "requests go on");
        if site.entry.has_logged(&site.proxy.log()) {
            break;
        }
        assert!(began.elapsed() < MAX_WAIT, "{}", site.proxy.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    site.assert_seen().await;
}
