//! What a client could get past the load balancer inside of something that it passes on, and connections that never end.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::Request, routing::any};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::load_balancer::proxy::{in_front_of, serve};

const LONG: Duration = Duration::from_secs(30);

/// A target that switches to whatever protocol it is asked for, and tells what it was asked.
async fn obliging() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let head = head(&mut stream).await.to_ascii_lowercase();
                let upgrade = head.lines().find_map(|line| line.strip_prefix("upgrade: "));
                let answer = match upgrade {
                    Some(to) => {
                        format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {to}\r\n\r\n")
                    }
                    None => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
                };
                let _ = told.send(head);
                let _ = stream.write_all(answer.as_bytes()).await;
                // Whatever comes is answered with itself.
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    (url, heard)
}

/// Up to the empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
    };
    let _ = tokio::time::timeout(LONG, read).await;
    String::from_utf8_lossy(&head).into_owned()
}

async fn ask(address: SocketAddr, head_lines: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(format!("{head_lines}\r\n\r\n").as_bytes()).await.expect("written");
    let answer = head(&mut stream).await;
    (answer, stream)
}

/// Over a connection that has become another one (HTTP/2 by h2c, say), requests would reach the target that no rule has looked
/// at, with headers that no proxy removed.
#[tokio::test]
async fn no_protocol_but_web_sockets_is_switched_to() {
    let (target, mut heard) = obliging().await;
    let emulator = in_front_of(&target).await;
    for (case, lines) in [
        (
            "h2c",
            "GET / HTTP/1.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
        ),
        (
            "h2c, half named",
            "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
        ),
        ("one of several", "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c, websocket"),
        ("several lines", "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nupgrade: h2c"),
        ("TLS", "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: TLS/1.0"),
        ("not named", "GET / HTTP/1.1\r\nupgrade: websocket"),
        ("by another method", "POST / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 0"),
    ] {
        let (answer, _) = ask(emulator.address(), &format!("{lines}\r\nhost: localhost")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{case}: {answer}");
        let seen = heard.recv().await.expect("a request");
        assert!(!seen.contains("upgrade") && !seen.contains("http2-settings"), "{case}: {seen}");
    }
    let web_socket = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket";
    let (answer, mut stream) = ask(emulator.address(), web_socket).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream.write_all(b"hello").await.expect("written");
    let mut echoed = [0; 5];
    tokio::time::timeout(LONG, stream.read_exact(&mut echoed)).await.expect("in time").expect("an echo");
    assert_eq!(&echoed, b"hello");
}

/// Headers after the body are headers to some targets.
#[tokio::test]
async fn s_03_trailers_in_the_load_balancers_name_are_taken_off() {
    let target = any(async |request: Request| {
        let body = request.into_body().collect().await.expect("a body");
        let trailers: Vec<String> =
            body.trailers().into_iter().flat_map(|all| all.keys()).map(ToString::to_string).collect();
        format!("trailers: {trailers:?}")
    });
    let emulator = in_front_of(&serve(Router::new().fallback(target)).await).await;
    let mut stream = TcpStream::connect(emulator.address()).await.expect("a connection");
    let request = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
        te: trailers\r\ntrailer: x-sum, x-amzn-oidc-data, x_amzn_oidc_identity\r\n\r\n\
        4\r\nbody\r\n0\r\nx-sum: 7\r\nx-amzn-oidc-data: forged\r\nx_amzn_oidc_identity: admin\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
    assert!(answer.contains(r#"trailers: ["x-sum"]"#), "{answer}");
}

/// A browser sends cookies in several lines over HTTP/2, whatever an application has put into one of them.
#[tokio::test]
async fn cookies_of_any_bytes_reach_the_target_over_http_2() {
    let target = any(async |request: Request| {
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().map(|line| line.as_bytes().to_vec()).collect();
        format!("{:?}", cookies.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>())
    });
    let emulator = in_front_of(&serve(Router::new().fallback(target)).await).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let line = http::HeaderValue::from_bytes("name=J\u{e4}ne".as_bytes()).expect("a value");
    let request =
        client.get(crate::load_balancer::proxy::at(&emulator, "/")).header("cookie", "a=b").header("cookie", line);
    let answer = request.header("cookie", "c=d").send().await.expect("an answer").text().await.expect("a text");
    assert_eq!(answer, format!("{:?}", ["a=b; name=J\u{e4}ne; c=d"]));
}

/// Time passes only while all tasks wait, so that a minute takes no minute.
#[tokio::test(start_paused = true)]
async fn clients_that_say_nothing_or_never_come_to_an_end_are_hung_up_on() {
    let emulator = in_front_of("http://127.0.0.1:1").await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET", "GET / HTTP/1.1\r\nx: "]
    {
        let mut stream = TcpStream::connect(emulator.address()).await.expect("a connection");
        stream.write_all(said.as_bytes()).await.expect("written");
        let began = tokio::time::Instant::now();
        let end = async {
            let mut buffer = [0; 1024];
            while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {}
        };
        tokio::time::timeout(Duration::from_secs(90), end)
            .await
            .unwrap_or_else(|_| panic!("{said:?} keeps a connection"));
        assert!(began.elapsed() >= Duration::from_secs(20), "{said:?}: {:?}", began.elapsed());
    }
}

/// Streams and web sockets have no end of their own.
#[tokio::test]
async fn at_the_end_connections_that_go_on_are_cut() {
    let (target, _heard) = obliging().await;
    let emulator = in_front_of(&target).await;
    let upgrade = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket";
    let (answer, web_socket) = ask(emulator.address(), upgrade).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    ends_with(emulator, web_socket).await;

    let endless = any(async || {
        let pieces = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::convert::Infallible>(bytes::Bytes::from_static(b"x")), ()))
        });
        axum::body::Body::from_stream(pieces)
    });
    let emulator = in_front_of(&serve(Router::new().fallback(endless)).await).await;
    let (answer, stream) = ask(emulator.address(), "GET / HTTP/1.1\r\nhost: localhost").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    ends_with(emulator, stream).await;
}

async fn ends_with(emulator: tower_alb_auth::emulator::Emulator, mut stream: TcpStream) {
    tokio::time::timeout(LONG, emulator.shutdown()).await.expect("an end");
    let end = async {
        let mut buffer = [0; 1024];
        while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {}
    };
    tokio::time::timeout(LONG, end).await.expect("the connection is cut");
}
