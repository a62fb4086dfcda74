//! The tables of docs/BETWEEN.md: what stands between the load balancer and the application, and what it does.
//!
//! Tests that run the programs compare what they measure with these tables, and a test of the pages compares the page with
//! them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

/// A program that gets requests: its name and version, and what becomes of a request with a header line of 9 KiB, with one of
/// 16 KiB, and with the longest token beside the longest session. The last one is the setting with which it accepts all three.
pub type Requests = (&'static str, &'static str, [&'static str; 3], &'static str);

/// Servers of applications. Those of Rust come first.
pub const SERVERS: [Requests; 9] = [
    ("hyper, axum and tonic over HTTP/1.1", "1.12, 0.8, 0.14", ["yes", "yes", "yes"], ""),
    (
        "hyper, axum and tonic over HTTP/2",
        "1.12, 0.8, 0.14",
        ["yes", "431", "431"],
        "`http2().max_header_list_size(65536)` of hyper-util; `http2_max_header_list_size(65536)` of tonic",
    ),
    ("Node.js", "20.20.2", ["yes", "431", "431"], "`node --max-http-header-size=65536`"),
    ("gunicorn", "27.0.1", ["431", "431", "431"], "`--limit-request-field_size 65536`"),
    ("uWSGI", "2.0.30", ["closed", "closed", "closed"], "`buffer-size = 65535`"),
    ("waitress", "3.0.2", ["yes", "yes", "yes"], ""),
    ("uvicorn with h11", "0.54.0", ["yes", "400", "400"], "`--h11-max-incomplete-event-size 65536`"),
    ("hypercorn", "0.18.0", ["yes", "431", "431"], "`h11_max_incomplete_size = 65536`"),
    ("aiohttp", "3.14.5", ["400", "400", "400"], "`AppRunner(app, max_line_size=65536, max_field_size=65536)`"),
];

/// Proxies, in front of a server that accepts everything.
pub const PROXIES: [Requests; 9] = [
    ("nginx", "1.22.1", ["400", "400", "400"], "`large_client_header_buffers 8 32k`"),
    ("HAProxy", "2.6.12", ["yes", "400", "400"], "`tune.bufsize 65536`"),
    ("Apache", "2.4", ["400", "400", "400"], "`LimitRequestFieldSize 32768`"),
    ("Caddy", "2.6.2", ["yes", "yes", "yes"], ""),
    ("Envoy", "1.40.0", ["yes", "yes", "yes"], ""),
    ("Envoy, with HTTP/2 to hyper", "1.40.0", ["yes", "431", "431"], "that of hyper, above"),
    ("lighttpd", "1.4.69", ["431", "431", "431"], "`server.max-request-field-size = 65535`"),
    (
        "Varnish",
        "7.1.1",
        ["400", "400", "400"],
        "`-p http_req_hdr_len=32k -p http_req_size=64k -p workspace_client=256k`",
    ),
    ("Squid", "5.7", ["yes", "yes", "yes"], ""),
];

/// A proxy, and what becomes of a response with four cookies of 4 KB. The last one is the setting with which all four arrive.
pub const RESPONSES: [(&str, &str, &str); 8] = [
    ("nginx", "502", "`proxy_buffer_size 32k; proxy_buffers 8 32k`"),
    ("HAProxy", "502", "`tune.bufsize 65536`"),
    ("Apache", "yes", ""),
    ("Caddy", "yes", ""),
    ("Envoy", "yes", ""),
    ("Varnish", "yes", ""),
    ("lighttpd", "yes", ""),
    ("Squid", "yes", ""),
];

/// What a handler may send, which the columns of [`CACHES`] are about.
pub const CACHED: [(&str, &[(&str, &str)]); 7] = [
    ("nothing about caches", &[]),
    ("`Last-Modified`", &[("last-modified", "Thu, 01 Oct 2026 00:00:00 GMT")]),
    ("`max-age=60`", &[("cache-control", "max-age=60")]),
    ("`max-age=60`, `Vary: x-amzn-oidc-data`", &[("cache-control", "max-age=60"), ("vary", "x-amzn-oidc-data")]),
    ("`private=\"x-amzn-oidc-data\"`, `max-age=60`", &[("cache-control", "private=\"x-amzn-oidc-data\", max-age=60")]),
    ("`private`, `Last-Modified`", &[("cache-control", "private"), ("last-modified", "Thu, 01 Oct 2026 00:00:00 GMT")]),
    ("`no-store`", &[("cache-control", "no-store")]),
];

/// A shared cache, and whose page the second of two users gets, for each of [`CACHED`]: `own`, or that of the first user,
/// `other's`.
pub const CACHES: [(&str, [&str; 7]); 5] = [
    ("nginx with `proxy_cache_valid`", ["other's", "other's", "other's", "own", "own", "own", "own"]),
    ("Varnish", ["other's", "other's", "other's", "own", "own", "own", "own"]),
    ("Varnish, requests with cookies", ["own", "own", "own", "own", "own", "own", "own"]),
    ("Squid", ["own", "other's", "other's", "own", "own", "own", "own"]),
    ("Apache with mod_cache", ["own", "other's", "other's", "own", "other's", "own", "own"]),
];

/// The hosts that the columns of [`CLIENTS`] are about.
pub const HOSTS: [&str; 3] = ["app.localhost", "localhost", "127.0.0.1"];

/// A client of the emulator, and whether it signs in: at each of [`HOSTS`] with 200 bytes of claims, and then with 10 KB.
pub const CLIENTS: [(&str, &str, [&str; 3], &str); 8] = [
    ("Chromium", "", ["yes", "yes", "yes"], "yes"),
    ("reqwest", "0.13", ["yes", "yes", "yes"], "yes"),
    ("requests", "2.34.2", ["yes", "yes", "yes"], "yes"),
    ("aiohttp", "3.14.5", ["yes", "yes", "no"], "no"),
    ("aiohttp, `CookieJar(unsafe=True)`", "3.14.5", ["yes", "yes", "yes"], "no"),
    ("undici", "7.30.2", ["yes", "yes", "yes"], "yes"),
    ("undici with tough-cookie", "6.1.0", ["yes", "yes", "yes"], "yes"),
    ("curl", "7.88.1", ["yes", "yes", "yes"], "no"),
];

/// How curl uses a session that is too long for it, as docs/BETWEEN.md shows it.
pub const CURL_WITH_ALL_COOKIES: &str = r#"curl -sL -c jar -b jar http://app.localhost:9000/    # signs in, and leaves all cookies in the jar
cookies=$(awk '$6 ~ /^AWSELBAuthSessionCookie/ { printf "%s%s=%s", between, $6, $7; between = "; " }' jar)
curl -s -H "Cookie: $cookies" http://app.localhost:9000/
"#;

/// The longest header line of a load balancer, with the name and without its end.
pub const MAX_LINE: usize = 16 * 1024;

/// Header lines for the columns of the tables: 9 KiB, 16 KiB, and the longest token beside the longest session.
pub fn requests() -> [Vec<(&'static str, String)>; 3] {
    const TOKEN: &str = "x-amzn-oidc-data";
    let line = |bytes: usize| (TOKEN, "x".repeat(bytes - TOKEN.len() - 2));
    [vec![line(9 * 1024)], vec![line(MAX_LINE)], vec![line(15 * 1024), ("cookie", session())]]
}

/// A session in four cookies of 4 KB, as a request has it.
pub fn session() -> String {
    cookies().join("; ")
}

/// The cookies of a session, each without attributes.
pub fn cookies() -> [String; 4] {
    std::array::from_fn(|number| format!("AWSELBAuthSessionCookie-{number}={}", "x".repeat(3_900)))
}
