//! A service behind the proxy that accepts shorter headers than a load balancer sends: the log names the sizes.

use axum::{Router, extract::Request, routing::any};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tracing::Level;

use crate::{
    site::{Log, Site, serve, status},
    traced::Traced,
};

/// The lines that name sizes.
fn sizes(traced: &Traced) -> Vec<String> {
    traced.lines(Level::WARN).into_iter().filter(|line| line.contains("bytes of headers")).collect()
}

/// The status, and the lines about it.
async fn get(site: &Site, traced: &Traced, path: &str, cookies: usize) -> (u16, Vec<String>) {
    let before = sizes(traced).len();
    let lines = format!("x-amzn-oidc-data: {}\r\ncookie: a={}\r\n", site.token(), "x".repeat(cookies - 2));
    let code = status(&site.get(path, &lines).await);
    (code, sizes(traced).split_off(before))
}

#[tokio::test]
async fn f_50_the_proxys_log_names_the_sizes_of_headers_that_the_service_rejects() {
    let (traced, _guard) = Traced::begin();
    let by_path = |request: Request| async move {
        let status = request.uri().path().trim_start_matches('/').parse().expect("a status");
        StatusCode::from_u16(status).expect("a status")
    };
    let upstream = serve(Router::new().fallback(any(by_path))).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), "", Log::default()).await;
    for (path, cookies, named) in [
        ("/200", 15_000, false),
        ("/431", 15_000, true),
        ("/400", 15_000, true),
        ("/400", 7_000, false),
        ("/404", 15_000, false),
        ("/503", 15_000, false),
    ] {
        let (code, lines) = get(&site, &traced, path, cookies).await;
        assert_eq!(code.to_string(), path[1..]);
        assert_eq!(lines.len(), usize::from(named), "{path} {cookies}: {lines:?}");
        for line in lines {
            assert!(line.contains(&format!("cookies {cookies})")) && !line.contains("xxx"), "{line}");
        }
    }
}

#[tokio::test]
async fn f_50_the_proxys_log_names_the_sizes_of_headers_of_a_request_that_the_service_closes() {
    let (traced, _guard) = Traced::begin();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let upstream = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = vec![0; 64 * 1024];
            let _ = connection.read(&mut head).await;
            let _ = connection.shutdown().await;
        }
    });
    let closing = Site::in_front_of(&upstream, "", Log::default()).await;
    let absent = Site::in_front_of("http://127.0.0.1:1", "", Log::default()).await;
    for (site, cookies, named) in [(&closing, 15_000, true), (&closing, 100, false), (&absent, 15_000, false)] {
        let (code, lines) = get(site, &traced, "/", cookies).await;
        assert_eq!((code, lines.len()), (502, usize::from(named)), "{cookies}: {lines:?}");
    }
}
