//! Other spellings of the headers that frame a request, and trailers that a service takes for headers.

use crate::site::{Site, status};

/// uWSGI reads `Content_Length` and `Content-Length` as one length. CGI and WSGI servers fold the others together likewise.
#[tokio::test]
async fn s_220_no_other_spelling_of_a_header_that_frames_a_request_reaches_the_service() {
    let site = Site::with("profile: grafana\nexempt: [POST /open]\n").await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for (path, token) in [("/page", jane.as_str()), ("/open", "")] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{token}content_length: 0\r\ncontent.length: 0\r\n\
             transfer_encoding: chunked\r\ntransfer~encoding: chunked\r\ncontent_type: text/html\r\nkeep_alive: 1\r\n\
             x_forwarded_for: 192.0.2.1\r\nx_forwarded_proto: http\r\nx-forwarded_port: 80\r\n\
             content-length: 4\r\ncontent-type: text/plain\r\nx-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\n\r\nbody"
        );
        let response = site.raw(&request).await;
        assert_eq!(status(&response), 200, "{path}: {response}");
        let seen = site.log.only();
        let folded: Vec<_> = seen.headers.keys().filter(|name| name.as_str().contains(['_', '.', '~'])).collect();
        assert!(folded.is_empty(), "{path}: {folded:?}");
        for (name, value) in [
            ("content-length", "4"),
            ("content-type", "text/plain"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
        ] {
            assert_eq!(seen.headers[name], value, "{path}");
        }
        assert_eq!(seen.body, b"body", "{path}");
    }
}

/// Some servers treat trailers as headers. RFC 9110 section 6.5.1 forbids these in trailers.
#[tokio::test]
async fn s_221_trailers_replace_neither_path_method_and_host_nor_what_the_load_balancer_set() {
    const FORGED: [&str; 16] = [
        "x-original-url",
        "x_rewrite_url",
        "script-name",
        "x-forwarded-host",
        "x_forwarded_host",
        "forwarded",
        "x-http-method-override",
        "x-forwarded-for",
        "x_forwarded_proto",
        "x-forwarded-port",
        "x-amzn-trace-id",
        "connection",
        "upgrade",
        "keep-alive",
        "content_length",
        "transfer_encoding",
    ];
    let trailers: String = FORGED.iter().map(|name| format!("{name}: forged\r\n")).collect();
    let (plain, http2) = ("profile: grafana\nexempt: [POST /open]\n", "upstream_protocol: http2\n");
    for lines in [plain.to_owned(), format!("{plain}{http2}")] {
        let site = Site::with(&lines).await;
        let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
        for (path, token) in [("/page", jane.as_str()), ("/open", "")] {
            let announced = FORGED.join(", ");
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{token}te: trailers\r\n\
                 trailer: x-sum, {announced}\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 7\r\n{trailers}\r\n"
            );
            let response = site.raw(&request).await;
            assert_eq!(status(&response), 200, "{path} {lines}: {response}");
            let seen = site.log.only();
            let names: Vec<_> = seen.trailers.keys().map(|name| name.as_str()).collect();
            assert_eq!(names, ["x-sum"], "{path} {lines}");
        }
    }
}
