//! Connections that break, and answers that are framed to confuse.

use tower_alb_auth::{keys::HttpsKeys, test_util::MockAlb};

use super::{
    certificates::Authority,
    server::{Script, Server, answer, framed, key},
    site::Site,
};

/// Makes of a good answer one that breaks off.
type Break = fn(Vec<u8>) -> Script;

const BREAKS: [(&str, Break); 7] = [
    ("reset before the answer", |_| Script::Reset(Vec::new())),
    ("closed before the answer", |_| Script::Answer(Vec::new())),
    ("cut before the answer", |_| Script::Cut(Vec::new())),
    ("reset within the head", |answer| Script::Reset(answer[..12].to_vec())),
    ("closed within the head", |answer| Script::Answer(answer[..12].to_vec())),
    ("reset within the body", |answer| Script::Reset(answer[..answer.len() - 9].to_vec())),
    ("closed within the body", |answer| Script::Answer(answer[..answer.len() - 9].to_vec())),
];

#[tokio::test]
async fn f_06_a_connection_that_breaks_is_tried_once_more_on_a_new_one() {
    for (case, broken) in BREAKS {
        let (site, server) = Site::of(move |nth, alb| match nth {
            1 => broken(answer(200, &[], alb.public_key_pem())),
            _ => key(&alb.public_key_pem()),
        })
        .await;
        site.assert_lets_jane_in(case).await;
        assert_eq!((server.connections(), site.handle.stats().keys), (2, 1), "{case}");
    }
}

#[tokio::test]
async fn f_06_a_connection_that_breaks_twice_gives_nothing() {
    for (case, broken) in BREAKS {
        let (site, server) = Site::of(move |nth, alb| match nth {
            1 | 2 => broken(answer(200, &[], alb.public_key_pem())),
            _ => key(&alb.public_key_pem()),
        })
        .await;
        site.assert_keys_unavailable(case).await;
        assert_eq!(server.connections(), 2, "{case}");
        // Nothing is sticky: once the wait is over the next request fetches.
        site.clock.advance(std::time::Duration::from_secs(2));
        site.assert_lets_jane_in(case).await;
        assert_eq!(server.connections(), 3, "{case}");
    }
}

#[tokio::test]
async fn f_06_an_answer_to_the_end_of_the_connection_needs_the_good_bye_of_tls() {
    // Anybody on the way can end a TCP connection; only the server can end TLS.
    let whole = |alb: &MockAlb| framed(200, &["connection: close"], alb.public_key_pem());
    let (site, server) = Site::of(move |_, alb| Script::Cut(whole(alb))).await;
    site.assert_keys_unavailable("cut").await;
    assert_eq!(server.connections(), 2);
    let (site, _server) = Site::of(move |_, alb| Script::Answer(whole(alb))).await;
    site.assert_lets_jane_in("closed").await;
}

#[tokio::test]
async fn f_06_a_connection_that_breaks_within_the_handshake_is_tried_once_more() {
    let alb = MockAlb::new();
    for (case, script) in [("reset", Script::Reset(Vec::new())), ("closed", Script::Answer(Vec::new()))] {
        let server = Server::tcp(move |_| script.clone()).await;
        let site = Site::new(alb.clone(), &server.url(), HttpsKeys::new().pem_roots(Authority::new().pem()));
        site.assert_keys_unavailable(case).await;
        assert_eq!(server.connections(), 2, "{case}");
    }
}

#[tokio::test]
async fn f_42_hostile_framing_gives_no_key() {
    let head = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n");
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let cases = [
        ("no HTTP at all", "SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned()),
        ("HTTP/0.9", "<html>".to_owned()),
        ("an unknown version", "HTTP/3.0 200 OK\r\n\r\n".to_owned()),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("no status", "HTTP/1.1 OK\r\n\r\n".to_owned()),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("a negative status", "HTTP/1.1 -200 OK\r\n\r\n".to_owned()),
        ("control characters in the reason", "HTTP/1.1 200 O\u{1}K\r\n\r\n".to_owned()),
        ("a negative length", head("content-length: -1")),
        ("a length with a plus", head("content-length: +178")),
        ("a length in hex", head("content-length: 0xb2")),
        ("a length past 64 bits", head("content-length: 99999999999999999999999")),
        ("an empty length", head("content-length: ")),
        ("two lengths that differ", head("content-length: 1\r\ncontent-length: 2")),
        ("a list of lengths that differ", head("content-length: 1, 2")),
        ("a header without a colon", head("content-length 178")),
        ("a space before the colon", head("content-length : 178")),
        ("a folded header", head("x-folded: one\r\n two\r\ncontent-length: 178")),
        ("a NUL in a header", head("x-nul: \0")),
        ("a bare CR in a header", head("x-cr: a\rb")),
        ("a header of 64 KiB", head(&format!("x-large: {}", "a".repeat(64 << 10)))),
        ("ten thousand headers", head(&many(10_000))),
        ("a hundred and one headers", head(&many(101))),
        ("a chunk of no size", chunked("\r\n")),
        ("a chunk size that is no number", chunked("zz\r\n")),
        ("a negative chunk size", chunked("-1\r\n")),
        ("a chunk size past 64 bits", chunked("fffffffffffffffff\r\n")),
        ("a chunk longer than its size", chunked("1\r\nab\r\n0\r\n\r\n")),
        ("an endless chunk extension", chunked(&format!("1;{}\r\n", "a".repeat(64 << 10)))),
        ("trailers of 64 KiB", chunked(&format!("1\r\na\r\n0\r\nx-large: {}\r\n\r\n", "a".repeat(64 << 10)))),
        ("an upgrade", "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n".to_owned()),
    ];
    for (case, hostile) in cases {
        let (site, _server) =
            Site::of(move |_, alb| Script::Answer([hostile.as_bytes(), alb.public_key_pem().as_bytes()].concat()))
                .await;
        // Whether it is no answer or no key is all one, as long as it is 503 and nothing is kept.
        let answer = site.call().await;
        assert_eq!(answer.status, 503, "{case}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{case}");
        assert_eq!((site.app.calls(), site.handle.stats().keys), (0, 0), "{case}");
    }
}

#[tokio::test]
async fn f_42_of_length_and_chunks_together_only_a_whole_key_passes() {
    // RFC 9112 section 6.3: the chunks count. A reader that took the length would find another text.
    let both = |length: usize, pem: &str| {
        let chunk = format!("{:x}\r\n{pem}\r\n0\r\n\r\n", pem.len());
        let headers = [format!("content-length: {length}"), "transfer-encoding: chunked".to_owned()];
        framed(200, &[&headers[0], &headers[1]], chunk)
    };
    let (site, _server) = Site::of(move |_, alb| Script::Answer(both(4, &alb.public_key_pem()[..170]))).await;
    site.assert_key_rejected("half a key in chunks").await;
    let other = MockAlb::new();
    let (site, _server) = Site::of(move |_, _| Script::Answer(both(4, &other.public_key_pem()))).await;
    site.call().await.assert_401(tower_alb_auth::AuthErrorKind::InvalidSignature);
}
