//! Requests that two servers may read differently: what the service gets is what the proxy has checked.

use crate::site::{Site, status};

/// Heads and what follows them: a request for `/hidden` without a token, which a server that reads the length differently would take for
/// a request of its own.
pub fn cases() -> Vec<(&'static str, String, String)> {
    let hidden = "GET /hidden HTTP/1.1\r\nhost: a\r\nx-webauth-user: admin\r\n\r\n";
    let length = hidden.len();
    let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    vec![
        ("CL and TE", format!("content-length: {length}\r\ntransfer-encoding: chunked"), format!("0\r\n\r\n{hidden}")),
        ("TE and CL", "transfer-encoding: chunked\r\ncontent-length: 4".to_owned(), chunk.clone()),
        ("two lengths", format!("content-length: 0\r\ncontent-length: {length}"), hidden.to_owned()),
        ("a list of lengths", format!("content-length: 0, {length}"), hidden.to_owned()),
        ("a length with a sign", format!("content-length: +{length}"), hidden.to_owned()),
        ("a negative length", "content-length: -1".to_owned(), hidden.to_owned()),
        ("a hexadecimal length", "content-length: 0x10".to_owned(), hidden.to_owned()),
        ("TE twice", "transfer-encoding: chunked\r\ntransfer-encoding: identity".to_owned(), chunk.clone()),
        ("TE with another coding", "transfer-encoding: gzip, chunked".to_owned(), chunk.clone()),
        ("chunked is not the last", "transfer-encoding: chunked, gzip".to_owned(), chunk.clone()),
        ("an unknown coding", "transfer-encoding: xchunked".to_owned(), chunk.clone()),
        ("a vertical tab", "transfer-encoding: \x0bchunked".to_owned(), chunk.clone()),
        ("a space before the colon", "transfer-encoding : chunked".to_owned(), chunk.clone()),
        ("a folded line", "transfer-encoding:\r\n chunked".to_owned(), chunk.clone()),
        ("a bare line feed", "x: y\ncontent-length: 0\ntransfer-encoding: chunked".to_owned(), chunk.clone()),
        ("a bare carriage return", "x: y\rtransfer-encoding: chunked".to_owned(), chunk.clone()),
        (
            "an upgrade to h2c",
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__".to_owned(),
            hidden.to_owned(),
        ),
        ("an upgrade to h2c without settings", "connection: upgrade\r\nupgrade: h2c".to_owned(), hidden.to_owned()),
        (
            "an upgrade to h2c or something else",
            "connection: upgrade, http2-settings\r\nupgrade: websocket, h2c\r\nhttp2-settings: AAMAAABkAAQAAP__"
                .to_owned(),
            http2_connection(),
        ),
        (
            "an upgrade to h2c that does not wait",
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__".to_owned(),
            http2_connection(),
        ),
        (
            "an upgrade to h2c without settings that does not wait",
            "connection: upgrade\r\nupgrade: h2c".to_owned(),
            http2_connection(),
        ),
        ("an upgrade to h2c that no header announces", "upgrade: h2c".to_owned(), http2_connection()),
        ("HTTP/2 behind a request", "content-length: 0".to_owned(), http2_connection()),
        ("an upgrade without a body", "connection: upgrade\r\nupgrade: websocket".to_owned(), hidden.to_owned()),
        ("a chunk length with a sign", "transfer-encoding: chunked".to_owned(), format!("+{chunk}")),
        ("a chunk that ends late", "transfer-encoding: chunked".to_owned(), format!("0\n\r\n\r\n{hidden}")),
        (
            "a length that is an underscore twin",
            format!("content_length: {length}\r\ncontent-length: 0"),
            hidden.to_owned(),
        ),
        (
            "Connection names the length",
            format!("connection: content-length\r\ncontent-length: {length}"),
            hidden.to_owned(),
        ),
    ]
}

/// What a client of HTTP/2 sends at once: the preface, settings, and a request for `/hidden` by the forms of HPACK that need no table.
fn http2_connection() -> String {
    let length = |text: &str| char::from(u8::try_from(text.len()).expect("short"));
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/hidden"),
        (":authority", "a"),
        ("x-webauth-user", "admin"),
    ];
    let block: String =
        fields.map(|(name, value)| format!("\0{}{name}{}{value}", length(name), length(value))).concat();
    let settings = "\0\0\0\x04\0\0\0\0\0";
    // The end of the headers and of stream 1.
    let headers = format!("\0\0{}\x01\x05\0\0\0\x01{block}", length(&block));
    format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{settings}{headers}")
}

/// It is what an HTTP/2 server takes for a request.
#[tokio::test]
async fn the_connection_of_http_2_in_the_table_is_one_request() {
    let site = Site::with("profile: grafana\nexempt: [/hidden]\n").await;
    // Of a connection that is ended by a frame GOAWAY.
    let bytes = format!("{}\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0", http2_connection());
    site.raw(&bytes).await;
    let seen = site.log.only();
    assert_eq!(seen.uri.path(), "/hidden");
    assert!(!seen.headers.contains_key("x-webauth-user"), "{seen:?}");
}

/// The whole of such requests, with one more behind them that ends the connection.
pub fn request(version: &str, head: &str, rest: &str) -> String {
    format!(
        "POST /open HTTP/{version}\r\nhost: a\r\n{head}\r\n\r\n{rest}GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn s_99_no_request_hides_behind_another_one() {
    let site = Site::with("profile: grafana\nexempt: [POST /open, /open]\n").await;
    for (case, head, rest) in cases() {
        for version in ["1.1", "1.0"] {
            let response = site.raw(&request(version, &head, &rest)).await;
            let seen = site.log.take();
            let paths: Vec<&str> = seen.iter().map(|seen| seen.uri.path()).collect();
            assert!(paths.iter().all(|path| *path == "/open"), "{case} {version}: {paths:?} {response}");
            assert!(seen.iter().all(|seen| !seen.headers.contains_key("x-webauth-user")), "{case} {version}");
        }
    }
}

#[tokio::test]
async fn s_99_targets_and_hosts_that_can_be_read_twice() {
    let site = Site::with("rules: [{ host: open.example.com, access: optional }]\n").await;
    for (case, head, expected) in [
        ("the open host", "GET / HTTP/1.1\r\nhost: open.example.com", Some(200)),
        ("two hosts", "GET / HTTP/1.1\r\nhost: open.example.com\r\nhost: a", Some(400)),
        ("two hosts, the other way", "GET / HTTP/1.1\r\nhost: a\r\nhost: open.example.com", Some(400)),
        ("a list of hosts", "GET / HTTP/1.1\r\nhost: open.example.com, a", Some(400)),
        ("a user in the host", "GET / HTTP/1.1\r\nhost: open.example.com@a", Some(400)),
        ("no host", "GET / HTTP/1.0", Some(401)),
        ("an empty host", "GET / HTTP/1.1\r\nhost:", Some(401)),
        ("the absolute form wins", "GET http://a/ HTTP/1.1\r\nhost: open.example.com", Some(401)),
        ("the absolute form is open", "GET http://open.example.com/ HTTP/1.1\r\nhost: a", Some(200)),
        ("a tunnel", "CONNECT a:443 HTTP/1.1\r\nhost: open.example.com", Some(405)),
        ("a fragment", "GET /#/ HTTP/1.1\r\nhost: a", None),
        ("a space in the target", "GET /a b HTTP/1.1\r\nhost: open.example.com", Some(400)),
    ] {
        let response = site.raw(&format!("{head}\r\nconnection: close\r\n\r\n")).await;
        let seen = site.log.take();
        match expected {
            Some(expected) => assert_eq!(status(&response), expected, "{case}: {response}"),
            None => assert!(seen.is_empty(), "{case}: {seen:?}"),
        }
        for seen in seen {
            assert_eq!(seen.headers["host"], "open.example.com", "{case}: what the rule saw is what the service sees");
        }
    }
}
