//! What stands between leaves something out, or accepts less than a load balancer sends; the log names it.

use axum::{Router, extract::Request, routing::any};
use http::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tracing::Level;

use crate::{
    load_balancer::{
        attacks::raw,
        proxy::{in_front_of, serve},
        site::Site,
    },
    support::traced::Traced,
};

/// The lines about cookies that were left out.
fn warnings(traced: &Traced) -> Vec<String> {
    traced.lines(Level::WARN).into_iter().filter(|line| line.contains("left cookies out")).collect()
}

/// curl sends the first two cookies of 4 KB, aiohttp the last two, and neither says so.
#[tokio::test]
async fn f_51_a_part_of_a_sessions_cookies_is_no_session_and_the_log_reports_it() {
    let (traced, _guard) = Traced::begin();
    let (site, provider) = Site::scripted().await;
    let session_of = async |bytes: usize| {
        provider.change(|script| script.userinfo["groups"] = json!(vec!["g".repeat(97); bytes / 100]));
        let page = site.browser().callback("/").await;
        let pairs = page.cookies().into_iter().map(|cookie| cookie.split(';').next().expect("a pair").to_owned());
        pairs.filter(|pair| pair.starts_with("AWSELB") && !pair.ends_with('=')).collect::<Vec<_>>()
    };
    let (long, short) = (session_of(10_800).await, session_of(100).await);
    assert_eq!((long.len(), short.len()), (4, 1));
    let changed = format!("{}x", short[0]);
    let status = async |cookies: &[&String]| {
        let cookies: Vec<&str> = cookies.iter().map(|cookie| cookie.as_str()).collect();
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\ncookie: a=b; {}\r\n\r\n", cookies.join("; "));
        raw(site.emulator.address(), request.as_bytes()).await.split(' ').nth(1).expect("a status").to_owned()
    };
    let [first, second, third, fourth] = [&long[0], &long[1], &long[2], &long[3]];
    for (case, cookies, expected, missing) in [
        ("all", vec![first, second, third, fourth], "200", None),
        ("a short session", vec![&short[0]], "200", None),
        ("the first two, of curl", vec![first, second], "302", Some("only 2 of")),
        ("the last two, of aiohttp", vec![third, fourth], "302", Some("only 2 of")),
        ("without the last", vec![first, second, third], "302", Some("only 3 of")),
        ("without one in between", vec![first, third, fourth], "302", Some("only 3 of")),
        ("the first", vec![first], "302", Some("only 1 of")),
        ("none", vec![], "302", None),
        ("a changed one", vec![&changed], "302", None),
        ("of two sessions", vec![first, second, third, &short[0]], "302", None),
    ] {
        let before = warnings(&traced).len();
        assert_eq!(status(&cookies).await, expected, "{case}");
        let lines = warnings(&traced).split_off(before);
        assert_eq!(lines.len(), usize::from(missing.is_some()), "{case}: {lines:?}");
        for (line, missing) in lines.iter().zip(missing) {
            assert!(line.starts_with(missing), "{case}: {line}");
            let sent: usize = cookies.iter().map(|cookie| cookie.len() + 2).sum::<usize>() + 3;
            assert!(line.contains(&format!("; {sent} bytes")), "{case}: {sent} in {line}");
            assert!(!long.iter().any(|cookie| line.contains(&cookie[27..40])), "{case}: {line}");
        }
    }
}

/// The lines that name the sizes of a request's headers.
fn sizes(traced: &Traced) -> Vec<String> {
    traced.lines(Level::WARN).into_iter().filter(|line| line.contains("bytes of headers")).collect()
}

#[tokio::test]
async fn f_50_the_log_names_the_sizes_of_headers_that_a_target_rejects() {
    let (traced, _guard) = Traced::begin();
    let by_path = |request: Request| async move {
        let status = request.uri().path().trim_start_matches('/').parse().expect("a status");
        StatusCode::from_u16(status).expect("a status")
    };
    let emulator = in_front_of(&serve(Router::new().fallback(any(by_path))).await).await;
    for (path, cookies, named) in [
        ("/200", 15_000, false),
        ("/431", 15_000, true),
        ("/431", 100, true),
        ("/494", 15_000, true),
        ("/400", 15_000, true),
        ("/400", 7_000, false),
        ("/401", 15_000, false),
        ("/502", 15_000, false),
    ] {
        let before = sizes(&traced).len();
        let cookie = format!("a={}", "x".repeat(cookies - 2));
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n");
        let status = raw(emulator.address(), request.as_bytes()).await;
        assert!(status.contains(&path[1..]), "{path}: {status}");
        let lines = sizes(&traced).split_off(before);
        assert_eq!(lines.len(), usize::from(named), "{path} {cookies}: {lines:?}");
        assert!(lines.iter().all(|line| line.contains(&format!("cookies {cookies})")) && !line.contains("xxx")));
    }
}

/// As uWSGI does.
#[tokio::test]
async fn f_50_the_log_names_the_sizes_of_headers_of_a_request_that_a_target_closes() {
    let (traced, _guard) = Traced::begin();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = format!("http://{}", listener.local_addr().expect("an address"));
    let closing = async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = vec![0; 64 * 1024];
            let _ = connection.read(&mut head).await;
            let _ = connection.shutdown().await;
        }
    };
    tokio::spawn(closing);
    let emulator = in_front_of(&target).await;
    let closed = in_front_of("http://127.0.0.1:1").await;
    for (emulator, cookies, named) in [(&emulator, 15_000, true), (&emulator, 100, false), (&closed, 15_000, false)] {
        let before = sizes(&traced).len();
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\ncookie: a={}\r\n\r\n", "x".repeat(cookies));
        assert_eq!(raw(emulator.address(), request.as_bytes()).await, "HTTP/1.1 502 Bad Gateway");
        let lines = sizes(&traced).split_off(before);
        assert_eq!(lines.len(), usize::from(named), "{cookies}: {lines:?}");
    }
}
