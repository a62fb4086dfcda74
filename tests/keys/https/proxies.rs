//! The way through an egress proxy.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_alb_auth::{AuthErrorKind, keys::HttpsKeys, test_util::MockAlb};

use super::{
    certificates::Authority,
    server::{Script, Server, key},
    site::{Site, config, patient},
};

/// A proxy that knows `CONNECT`, connects to `target` whatever it is asked for, and writes down what the client sends.
struct Proxy {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    heads: Vec<String>,
    tunnelled: Vec<u8>,
}

impl Proxy {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let proxy = Self { url, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, target, Arc::clone(&seen)));
            }
        });
        proxy
    }
}

async fn tunnel(mut client: TcpStream, target: SocketAddr, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    seen.lock().expect("no panic").heads.push(String::from_utf8_lossy(&head).into_owned());
    let server = TcpStream::connect(target).await?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 egress\r\n\r\n").await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut bytes = [0; 4096];
    loop {
        match from_client.read(&mut bytes).await? {
            0 => return to_server.shutdown().await,
            count => {
                seen.lock().expect("no panic").tunnelled.extend_from_slice(&bytes[..count]);
                to_server.write_all(&bytes[..count]).await?;
            }
        }
    }
}

#[tokio::test]
async fn a_proxy_gets_host_and_port_and_sees_nothing_else() {
    let authority = Authority::new();
    // Names that only the proxy can resolve.
    for (endpoint, destination) in [
        ("https://keys.invalid", "keys.invalid:443"),
        ("https://keys.invalid:8443/prefix", "keys.invalid:8443"),
        ("https://[2001:db8::1]", "[2001:db8::1]:443"),
    ] {
        let alb = MockAlb::new();
        let pem = alb.public_key_pem();
        let server = Server::https(&authority.leaf(&["keys.invalid", "2001:db8::1"]), move |_| key(&pem)).await;
        let proxy = Proxy::to(server.address).await;
        let site = Site::new(alb, endpoint, HttpsKeys::new().pem_roots(authority.pem()).proxy(&proxy.url));
        for _ in 0..3 {
            site.assert_lets_jane_in(endpoint).await;
        }

        let seen = proxy.seen.lock().expect("no panic");
        let head = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n\r\n");
        assert_eq!(seen.heads, [head]);
        assert_eq!(seen.tunnelled[..2], [0x16, 3], "a TLS handshake");
        for secret in [site.alb.kid(), "GET ", "user-agent"] {
            let plain = seen.tunnelled.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!plain, "{endpoint}: {secret} went in the clear");
        }
        assert!(server.requests()[0].starts_with("GET "), "{:?}", server.requests());
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_proxy_that_answers_in_the_endpoints_place_is_found_out() {
    let (own, proxys) = (Authority::new(), Authority::new());
    let alb = MockAlb::new();
    let pem = alb.public_key_pem();
    let server = Server::https(&proxys.leaf(&["keys.invalid"]), move |_| key(&pem)).await;
    let proxy = Proxy::to(server.address).await;
    let keys = HttpsKeys::new().proxy(&proxy.url);
    let site = Site::new(alb.clone(), "https://keys.invalid", keys.clone().pem_roots(own.pem()));
    let said = site.assert_keys_unavailable("re-signed").await;
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert_eq!(server.requests().len(), 0);
    // Unless the operator knows of it.
    let site = Site::new(alb, "https://keys.invalid", keys.pem_roots(proxys.pem()));
    site.assert_lets_jane_in("re-signed, and its authority is trusted").await;
}

#[tokio::test]
async fn a_proxy_that_refuses_is_503_and_no_unknown_key() {
    let key = MockAlb::new().public_key_pem();
    let with_key = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{key}", key.len());
    let large = format!("HTTP/1.1 200 OK\r\nx: {}", "a".repeat(64 << 10));
    for (case, bytes) in [
        ("407", "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n"),
        ("403", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        ("404", "HTTP/1.1 404 Not Found\r\n\r\n"),
        ("502", "HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        ("302", "HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254\r\n\r\n"),
        ("200 and a key instead of a tunnel", with_key.as_str()),
        ("a head of 64 KiB", large.as_str()),
        ("no HTTP", "220 smtp.example.com\r\n\r\n"),
        ("nothing", ""),
    ] {
        let bytes = bytes.as_bytes().to_vec();
        let proxy = Server::http(move |_| Script::Answer(bytes.clone())).await;
        let keys = HttpsKeys::new().pem_roots(Authority::new().pem()).proxy(format!("http://{}", proxy.address));
        let site = Site::new(MockAlb::new(), "https://keys.invalid", keys);
        let said = site.assert_keys_unavailable(case).await;
        assert!(said.contains("through the proxy"), "{case}: {said}");
        assert_eq!(site.handle.stats().unknown_kids, 1, "{case}: the failure is remembered");
        let answer = site.call().await;
        assert_eq!(answer.kind(), Some(AuthErrorKind::KeysUnavailable), "{case}: and not as an unknown key");
        let requests = proxy.requests();
        assert!(
            requests.iter().all(|request| request.starts_with("CONNECT keys.invalid:443 ")),
            "{case}: {requests:?}"
        );
        assert!((1..=2).contains(&requests.len()), "{case}: {requests:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_down_or_silent_is_503_within_connect_timeout() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address");
    let silent = Server::http(|_| Script::Hold(Vec::new())).await;
    let half = Server::http(|_| Script::Hold(b"HTTP/1.1 200 OK\r\n".to_vec())).await;
    for (case, proxy) in [("down", closed), ("silent", silent.address), ("half an answer", half.address)] {
        let keys = HttpsKeys::new().pem_roots(authority.pem()).proxy(format!("http://{proxy}"));
        let limits = patient().connect_timeout(Duration::from_millis(500));
        let site = Site::with_limits(alb.clone(), &server.url(), keys, limits);
        let began = std::time::Instant::now();
        site.assert_keys_unavailable(case).await;
        assert!(began.elapsed() < Duration::from_secs(9), "{case}: took {:?}", began.elapsed());
    }
    assert_eq!(server.connections(), 0, "never past the proxy");
}

#[tokio::test]
async fn an_endpoint_on_plain_http_is_on_this_machine_and_requested_without_the_proxy() {
    let alb = MockAlb::new().serve().await;
    let canary = Server::http(|_| Script::Answer(Vec::new())).await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let site = Site::new(alb, &endpoint, HttpsKeys::new().proxy(format!("http://{}", canary.address)));
    site.assert_lets_jane_in("the emulator").await;
    assert_eq!((canary.connections(), site.alb.key_fetches()), (0, 1));
}

#[test]
fn a_proxy_that_is_not_written_as_it_must_be_is_found_when_the_configuration_is_built() {
    let build = |proxy: &str| config(&MockAlb::new(), "https://keys.invalid", HttpsKeys::new().proxy(proxy)).build();
    for proxy in [
        "",
        "egress",
        "egress:3128",
        "http://egress",
        "http://:3128",
        "https://egress:3128",
        "socks5://egress:1080",
        "http://jane:hunter2@egress:3128",
        "http://jane@egress:3128",
        "http://egress:3128/path",
        "http://egress:3128?query",
        "http://egress:99999",
        "http://egress:3128\r\nx: y",
    ] {
        let said = build(proxy).expect_err(proxy).to_string();
        assert!(said.contains("the proxy must be written as http://host:port"), "{proxy}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    for proxy in ["http://egress:3128", "http://egress:3128/", "http://10.0.0.1:3128", "http://[::1]:3128"] {
        assert!(build(proxy).is_ok(), "{proxy}");
    }
}

#[test]
fn s_61_the_settings_do_not_show_a_password_that_was_tried() {
    let keys = HttpsKeys::new().proxy("http://jane:hunter2@egress:3128");
    let builder = config(&MockAlb::new(), "https://keys.invalid", keys.clone());
    for shown in [format!("{keys:?}"), format!("{keys:#?}"), format!("{builder:?}")] {
        assert!(shown.contains("HttpsKeys") && !shown.contains("hunter2"), "{shown}");
    }
}
