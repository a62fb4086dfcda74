//! The headers that a load balancer adds.

use std::{net::SocketAddr, time::SystemTime};

use http::{HeaderMap, HeaderName};

use crate::internal::proxy::{add_forwarded_for, set};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The client's end of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct ClientConnection {
    pub(in crate::emulator) address: SocketAddr,
    pub(in crate::emulator) scheme: Scheme,
    /// The port that the client connected to.
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

/// Adds the forwarding headers. Returns false if the request went through too many proxies.
pub(super) fn add(headers: &mut HeaderMap, client: ClientConnection) -> bool {
    if !add_forwarded_for(headers, client.address.ip()) {
        return false;
    }
    set(headers, X_FORWARDED_PROTO, client.scheme.as_str());
    set(headers, X_FORWARDED_PORT, &client.port.to_string());
    let trace = trace_id();
    let trace = match headers.get(TRACE_ID).and_then(|value| value.to_str().ok()) {
        // A load balancer adds its own hop to an existing trace like this.
        Some(before) if before.contains("Root=") => format!("Self={trace};{before}"),
        Some(_) | None => format!("Root={trace}"),
    };
    set(headers, TRACE_ID, &trace);
    true
}

/// `1-<8 hex digits of the time>-<24 hex digits>`.
fn trace_id() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut random = [0; 12];
    // Without random bytes the trace id is not unique, which only makes a trace harder to read.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("1-{seconds:08x}-{digits}")
}
