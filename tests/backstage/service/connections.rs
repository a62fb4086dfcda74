//! Connections have limits, so that clients that keep one and send little cost little.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{
    backstage_auth::{SOUND, Service},
    process::MAX_WAIT,
};

const LIVE: &str = "GET /.backstage/health/v1/liveness HTTP/1.1\r\nHost: a\r\n";

/// With these additional arguments.
fn started(arguments: &[&str]) -> (TempDir, Service) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app-config.yaml"), SOUND).expect("written");
    let always = ["--listen", "127.0.0.1:0", "--without-catalog"];
    let service = Service::start(folder.path(), &[&always, arguments].concat());
    (folder, service)
}

/// A connection on which this was sent.
fn connected(service: &Service, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&service.url["http://".len()..]).expect("a connection");
    stream.set_read_timeout(Some(MAX_WAIT)).expect("a timeout");
    stream.write_all(sent.as_bytes()).expect("sent");
    stream
}

/// The start of what the service sends.
fn received(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    let length = stream.read(&mut bytes).expect("a response");
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// Waits until the service has closed it.
#[track_caller]
fn assert_closed(mut stream: TcpStream, case: &str) {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        // There were bytes that the service has not read.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{case}: it stays open: {error}"),
    }
}

#[test]
fn f_101_a_head_that_does_not_come_to_its_end_is_closed_and_an_idle_connection_stays() {
    let (_folder, service) = started(&["--header-timeout", "1"]);
    let mut idle = connected(&service, "");
    let mut kept = connected(&service, &format!("{LIVE}\r\n"));
    assert!(received(&mut kept).starts_with("HTTP/1.1 200"));
    let long = format!("{LIVE}X-A: {}", "a".repeat(32 * 1024));
    let slow: Vec<_> = [LIVE, "G", &long].into_iter().cycle().take(30).map(|head| connected(&service, head)).collect();
    // The second one on a connection.
    kept.write_all(LIVE.as_bytes()).expect("sent");
    for stream in slow {
        assert_closed(stream, "a slow head");
    }
    assert_closed(kept, "a slow head after a request");
    idle.write_all(format!("{LIVE}\r\n").as_bytes()).expect("sent");
    assert!(received(&mut idle).starts_with("HTTP/1.1 200"));
}

/// A service whose response waits for the other end of the channel.
fn upstream() -> (String, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let ((asked, is_asked), (release, is_released)) = (mpsc::channel(), mpsc::channel());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        assert!(received(&mut stream).starts_with("GET /slow "));
        asked.send(()).expect("the test runs");
        if is_released.recv().is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone");
        }
    });
    (url, is_asked, release)
}

#[test]
fn f_101_an_idle_connection_is_closed_and_one_with_a_request_stays() {
    let (url, is_asked, release) = upstream();
    let (_folder, service) = started(&["--idle-timeout", "1", "--upstream", &url]);
    let mut under_way = connected(&service, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    is_asked.recv_timeout(MAX_WAIT).expect("a request");
    let mut after_a_response = connected(&service, &format!("{LIVE}\r\n"));
    assert!(received(&mut after_a_response).starts_with("HTTP/1.1 200"));
    for (case, stream) in [("nothing was sent", connected(&service, "")), ("after a response", after_a_response)] {
        assert_closed(stream, case);
    }
    release.send(()).expect("the upstream waits");
    let response = received(&mut under_way);
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[test]
fn f_101_connections_beyond_the_limit_wait_until_one_is_closed() {
    let (_folder, service) = started(&["--max-connections", "2"]);
    let (idle, _slow) = (connected(&service, ""), connected(&service, LIVE));
    service.wait_until_it_logs("2 connections are open, which is max_connections");
    let mut third = connected(&service, &format!("{LIVE}\r\n"));
    third.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let early = third.read(&mut [0; 1]).map_err(|error| error.kind());
    assert!(matches!(early, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{early:?}");
    drop(idle);
    third.set_read_timeout(Some(MAX_WAIT)).expect("a timeout");
    assert!(received(&mut third).starts_with("HTTP/1.1 200"));
}

#[test]
fn f_101_the_headers_of_a_request_have_the_length_of_a_load_balancers() {
    let (_folder, service) = started(&[]);
    for (kib, status) in [(60, "200"), (80, "431")] {
        let headers: String = (0..kib).map(|number| format!("X-{number}: {}\r\n", "a".repeat(1024 - 10))).collect();
        let mut stream = connected(&service, "");
        // What is beyond the limit may meet a closed connection.
        let _ = stream.write_all(format!("{LIVE}{headers}\r\n").as_bytes());
        let response = received(&mut stream);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{kib} KiB: {response}");
    }
}
