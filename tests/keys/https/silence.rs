//! Endpoints that are not there, or that take their time. Every wait has an end.

use std::time::{Duration, Instant};

use tower_alb_auth::{KeyLimits, keys::HttpsKeys, test_util::MockAlb};

use super::{
    certificates::Authority,
    server::{Script, Server, framed},
    site::{Site, patient},
};

const SHORT: Duration = Duration::from_millis(400);

/// Far below what the limits that are not under test would allow, far above what a busy machine needs.
const SOON: Duration = Duration::from_secs(8);

/// A site whose server plays this script over TLS.
async fn site(limits: KeyLimits, script: Script) -> (Site, Server) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| script.clone()).await;
    let keys = HttpsKeys::new().pem_roots(authority.pem());
    (Site::with_limits(MockAlb::new(), &server.url(), keys, limits), server)
}

async fn assert_gives_up_soon(site: &Site, case: &str, limit: &str) {
    let began = Instant::now();
    let said = site.assert_keys_unavailable(case).await;
    assert!(said.contains(limit), "{case}: {said}");
    assert!(began.elapsed() < SOON, "{case}: took {:?}", began.elapsed());
}

#[tokio::test]
async fn f_01_a_closed_port_is_503() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    for host in ["localhost", "127.0.0.1"] {
        let site = Site::new(MockAlb::new(), &format!("https://{host}:{port}"), HttpsKeys::new());
        let said = site.assert_keys_unavailable(host).await;
        assert!(said.contains("connecting to the key endpoint failed"), "{said}");
        assert!(!site.handle.readiness().is_ready(), "{host}: no key is held and none can be got");
    }
}

#[tokio::test]
async fn f_01_a_name_that_does_not_resolve_is_503_within_the_limits() {
    // What the resolver of this machine does with the name is its own affair: an error, or silence.
    let site = Site::with_limits(MockAlb::new(), "https://nothing.invalid", HttpsKeys::new(), KeyLimits::new());
    assert_gives_up_soon(&site, "nothing.invalid", "connecting to the key endpoint").await;
}

#[tokio::test]
async fn f_04_a_server_that_never_shakes_hands_is_left_after_connect_timeout() {
    let server = Server::tcp(|_| Script::Hold(Vec::new())).await;
    let limits = patient().connect_timeout(SHORT);
    let site = Site::with_limits(MockAlb::new(), &server.url(), HttpsKeys::new(), limits);
    assert_gives_up_soon(&site, "no TLS", "connect_timeout").await;
    server.all_gone().await;
    assert_eq!(server.connections(), 1, "what took too long is not tried again");
}

#[tokio::test]
async fn f_04_a_server_that_never_answers_is_left_after_first_byte_timeout() {
    let going_on = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    for (case, script) in [
        ("nothing", Script::Hold(Vec::new())),
        ("half a status line", Script::Hold(b"HTTP/1.1 20".to_vec())),
        ("half a head", Script::Hold(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())),
        ("100 Continue for ever", Script::Repeat(Vec::new(), going_on, Duration::from_millis(10))),
        ("a head for ever", Script::Repeat(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'], Duration::from_millis(10))),
    ] {
        let (site, server) = site(patient().first_byte_timeout(SHORT), script).await;
        assert_gives_up_soon(&site, case, "first_byte_timeout").await;
        server.all_gone().await;
    }
}

#[tokio::test]
async fn f_04_connecting_counts_for_the_first_byte() {
    let server = Server::tcp(|_| Script::Hold(Vec::new())).await;
    let limits = patient().first_byte_timeout(SHORT);
    let site = Site::with_limits(MockAlb::new(), &server.url(), HttpsKeys::new(), limits);
    assert_gives_up_soon(&site, "no TLS", "first_byte_timeout").await;
}

#[tokio::test]
async fn f_05_an_answer_that_drips_is_left_after_fetch_timeout() {
    let drip = |first| Script::Repeat(first, vec![b'-'], Duration::from_millis(100));
    let total = Duration::from_secs(1);
    for (case, script) in [
        ("a body of known length", drip(framed(200, &["content-length: 8000"], ""))),
        ("a body without a length", drip(framed(200, &[], ""))),
        ("a refusal", drip(framed(403, &["content-length: 8000"], ""))),
        ("a body that stops", Script::Hold(framed(200, &["content-length: 8000"], "-----BEGIN"))),
    ] {
        let limits = patient().connect_timeout(total).first_byte_timeout(total).fetch_timeout(total);
        let (site, server) = site(limits, script).await;
        assert_gives_up_soon(&site, case, "_timeout").await;
        server.all_gone().await;
    }
}

#[tokio::test]
async fn f_05_the_retry_counts_for_the_same_deadline() {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf(&["localhost"]), |nth| match nth {
        1 => Script::Reset(Vec::new()),
        _ => Script::Hold(framed(200, &["content-length: 8000"], "")),
    })
    .await;
    let total = Duration::from_secs(2);
    let limits = patient().connect_timeout(total).first_byte_timeout(total).fetch_timeout(total);
    let site = Site::with_limits(MockAlb::new(), &server.url(), HttpsKeys::new().pem_roots(authority.pem()), limits);
    assert_gives_up_soon(&site, "reset, then silence", "fetch_timeout").await;
    assert_eq!(server.connections(), 2);
}
