//! Headers on their way: which end at this hop, and which a load balancer adds.

use std::{net::SocketAddr, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// A load balancer answers 463 to more.
const MAX_FORWARDED: usize = 30;

/// RFC 9110 section 7.6.1, and those that older software takes for hop-by-hop.
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

/// The client's end.
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct ClientConnection {
    pub(in crate::emulator) address: SocketAddr,
    pub(in crate::emulator) scheme: Scheme,
    /// The port that it connected to.
    pub(in crate::emulator) port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(in crate::emulator) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Makes the headers those of the hop to the target. Whether they may go on.
pub(super) fn toward_target<B>(request: &mut Request<B>, client: ClientConnection) -> bool {
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
    let before: Vec<String> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|address| address.trim().to_owned()))
        .filter(|address| !address.is_empty())
        .collect();
    if before.len() > MAX_FORWARDED {
        return false;
    }
    let addresses: Vec<String> = before.into_iter().chain([client.address.ip().to_string()]).collect();
    set(headers, X_FORWARDED_FOR, &addresses.join(", "));
    set(headers, X_FORWARDED_PROTO, client.scheme.as_str());
    set(headers, X_FORWARDED_PORT, &client.port.to_string());
    let trace = trace_id();
    let trace = match headers.get(TRACE_ID).and_then(|value| value.to_str().ok()) {
        // As a load balancer marks its own hop in a trace that began before it.
        Some(before) if before.contains("Root=") => format!("Self={trace};{before}"),
        Some(_) | None => format!("Root={trace}"),
    };
    set(headers, TRACE_ID, &trace);
    true
}

/// The one protocol that is switched to (RFC 6455 section 4.1). Over any other, HTTP/2 by h2c say, requests would reach the
/// target that no rule has looked at, with headers that nobody took off.
fn wants_web_socket<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let mut upgrades = headers.get_all(header::UPGRADE).iter();
    let only = matches!((upgrades.next(), upgrades.next()), (Some(to), None) if to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    only && request.method() == Method::GET && names(headers).any(|name| name == header::UPGRADE)
}

pub(super) fn toward_client(headers: &mut HeaderMap) {
    strip(headers);
}

/// Takes off what ends at this hop. A client may name headers of the load balancer in `Connection`, to have them lost on the
/// way; those stay.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = names(headers).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        let ours = name.as_str().starts_with("x-amzn-") || name.as_str().starts_with("x-forwarded-");
        if !ours && *name != header::HOST && *name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

/// The headers that `Connection` names.
fn names(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok())
}

/// HTTP/2 names the host in the address; HTTP/1.1 to the target wants it in the header.
fn keep_host<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority().map(|authority| authority.as_str().to_owned()) {
        set(request.headers_mut(), header::HOST, &authority);
    }
    // Cookies may come in several lines over HTTP/2 (RFC 9113 section 8.2.3), and in one over HTTP/1.1.
    let cookies: Vec<&[u8]> = request.headers().get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        request.headers_mut().insert(header::COOKIE, joined);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// `1-<8 hex digits of the time>-<24 hex digits>`.
fn trace_id() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut random = [0; 12];
    // Without random bytes it is a trace id that others have too, which only makes a trace harder to read.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("1-{seconds:08x}-{digits}")
}
