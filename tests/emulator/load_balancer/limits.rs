//! Requests that are too long.

use axum::{Router, routing::any};

use crate::load_balancer::{
    attacks::raw,
    proxy::{in_front_of, serve},
    site::Site,
};

#[tokio::test]
async fn headers_have_a_load_balancers_limits() {
    let emulator = in_front_of(&serve(Router::new().fallback(any(async || "well"))).await).await;
    let status = async |lines: &[(&str, usize)]| {
        let headers: String =
            lines.iter().map(|(name, length)| format!("{name}: {}\r\n", "x".repeat(*length))).collect();
        raw(emulator.address(), format!("GET / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").as_bytes()).await
    };
    assert_eq!(status(&[("x-a", 16_000)]).await, "HTTP/1.1 200 OK");
    assert_eq!(status(&[("x-a", 16_500)]).await, "HTTP/1.1 400 Bad Request");
    assert_eq!(status(&[("x-a", 15_000), ("x-b", 15_000), ("x-c", 15_000), ("x-d", 15_000)]).await, "HTTP/1.1 200 OK");
    let over = status(&[("x-a", 15_000), ("x-b", 15_000), ("x-c", 15_000), ("x-d", 15_000), ("x-e", 15_000)]).await;
    assert_eq!(over, "HTTP/1.1 431 Request Header Fields Too Large");
    let line = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(17_000));
    assert_eq!(raw(emulator.address(), line.as_bytes()).await, "HTTP/1.1 414 URI Too Long");
}

/// What was asked for travels in the state, and a redirect that is too long for a browser is 507.
#[tokio::test]
async fn an_address_that_makes_the_redirect_too_long_is_507() {
    let (site, _provider) = Site::scripted().await;
    let browser = site.browser();
    assert_eq!(browser.get(&format!("/?x={}", "y".repeat(2_000))).await.status, 302);
    assert_eq!(browser.get(&format!("/?x={}", "y".repeat(8_000))).await.status, 507);
}
