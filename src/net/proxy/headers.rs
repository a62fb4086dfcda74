//! Hop-by-hop headers: removed or set on the way to the server and back to the client.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

/// The headers of RFC 9110 section 7.6.1, and those that older software treats as hop-by-hop.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Sets the headers for the hop to the server.
pub(crate) fn toward_server<B>(request: &mut Request<B>) {
    keep_host(request);
    let web_socket = wants_web_socket(request);
    let headers = request.headers_mut();
    let wants_trailers =
        headers.get_all(header::TE).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip(headers);
    if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if web_socket {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Whether the request asks for WebSocket (RFC 6455 section 4.1), the only protocol that is
/// switched to. Over another protocol, such as h2c, requests would reach the server without passing
/// the checks and the header stripping of this proxy.
fn wants_web_socket<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let only = matches!((upgrades.next(), upgrades.next()), (Some(to), None) if to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    only && request.method() == Method::GET && names(headers).any(|name| name == header::UPGRADE)
}

/// Removes what `Connection` names, and leaves only its `upgrade`. Headers that are added after this
/// stay: otherwise a client could name them in `Connection`, and have them removed before the server.
#[cfg(feature = "proxy")]
pub(crate) fn end_hop_of_client(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = names(headers).collect();
    for name in named.iter().filter(|name| !HOP_BY_HOP.contains(name)) {
        if !is_ours(name) && *name != header::HOST && *name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
    match named.contains(&header::UPGRADE) {
        true => drop(headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"))),
        false => drop(headers.remove(header::CONNECTION)),
    }
}

/// Sets the headers for the hop to the client.
pub(crate) fn toward_client(headers: &mut HeaderMap) {
    strip(headers);
}

/// Whether the load balancer or a proxy of this crate sets the header. It stays even if `Connection` names it: a client could
/// otherwise have it removed.
fn is_ours(name: &HeaderName) -> bool {
    ["x-amzn-", "x-forwarded-", "x-tower-alb-auth-"].iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// Removes the headers that end at this hop.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = names(headers).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        if !is_ours(name) && *name != header::HOST && *name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

/// The headers that `Connection` names.
fn names(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok())
}

/// HTTP/2 carries the host in the request target. HTTP/1.1 toward the server needs it in `Host`.
fn keep_host<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority().map(|authority| authority.as_str().to_owned()) {
        set(request.headers_mut(), header::HOST, &authority);
    }
    // HTTP/2 may split cookies into several header lines (RFC 9113 section 8.2.3); HTTP/1.1 has
    // one.
    let cookies: Vec<&[u8]> = request.headers().get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        request.headers_mut().insert(header::COOKIE, joined);
    }
}

/// Sets a header, replacing all of its values.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
