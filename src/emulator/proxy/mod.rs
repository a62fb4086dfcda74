//! On to the target, and back.
//!
//! | what | how |
//! |---|---|
//! | bodies, connections, hop-by-hop headers, WebSockets, trailers | as [`proxy`](crate::internal::proxy) has them |
//! | `X-Forwarded-For`, `-Proto`, `-Port` | the client's address is added, the others are set |
//! | `X-Amzn-Trace-Id` | set; one that is there gets a field `Self` |
//! | a target that does not listen, or says nonsense | 502 |
//! | one that does not answer: to a connection in 10 s, to a request in 60 s | 504 |
//! | no target | 503 |
//! | more than 30 addresses in `X-Forwarded-For` | 463, as a load balancer answers |

mod answer;
mod headers;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::{io::AsyncReadExt, net::TcpStream};

pub(super) use self::answer::answer;
pub(super) use self::headers::{ClientConnection, Scheme};
use crate::internal::{
    proxy::{Forwarder, RESPONSE_TIMEOUT, at_server, tcp_connector},
    strip_oidc_headers,
};

/// How often a target that does not listen is tried while a request waits for it.
const RETRY: Duration = Duration::from_millis(100);
/// A process that ends may still take connections for so long, and closes them.
const ENDING: Duration = Duration::from_millis(250);

pub(super) struct Proxy {
    target: Option<uri::Authority>,
    forwarder: Forwarder<HttpConnector>,
    wait_for_target: Duration,
    /// Whether the target failed the last time: then it may be about to end.
    failed: AtomicBool,
}

impl Proxy {
    pub(super) fn new(target: Option<uri::Authority>, wait_for_target: Duration) -> Self {
        let forwarder = Forwarder::new(tcp_connector(), RESPONSE_TIMEOUT, strip_oidc_headers);
        Self { target, forwarder, wait_for_target, failed: AtomicBool::new(false) }
    }

    /// Cuts connections that have become web sockets, which have no end of their own.
    pub(super) fn cut(&self) {
        self.forwarder.abort_upgraded();
    }

    /// The target's answer, or what a load balancer answers in its place.
    pub(super) async fn forward(&self, mut request: Request<Incoming>, client: ClientConnection) -> Response<Body> {
        let Some(target) = &self.target else { return answer(503, "there is no target") };
        if !headers::add(request.headers_mut(), client) {
            return answer(463, "X-Forwarded-For has more than 30 addresses");
        }
        let Some(address) = at_server(uri::Scheme::HTTP, target, request.uri()) else {
            return answer(400, "the address is none");
        };
        if !self.wait_for_target.is_zero() {
            // A body is sent once, so this is found out before. What does not listen in time fails below.
            let stays_for = if self.failed.load(Ordering::Relaxed) { ENDING } else { Duration::ZERO };
            let _ = tokio::time::timeout(self.wait_for_target, listens(target, stays_for)).await;
        }
        let result = self.forwarder.forward(address, request).await;
        self.failed.store(result.is_err(), Ordering::Relaxed);
        match result {
            Ok(response) => response,
            Err(failure) => answer(failure.status(), &format!("the target at {target} {failure}")),
        }
    }
}

/// Waits until the target accepts a connection, and keeps it for so long.
async fn listens(target: &uri::Authority, stays_for: Duration) {
    let address = (target.host(), target.port_u16().unwrap_or(80));
    loop {
        if let Ok(mut connection) = TcpStream::connect(address).await {
            // Nothing was asked, so that it is closed is all there can be to read.
            if stays_for.is_zero() || tokio::time::timeout(stays_for, connection.read_u8()).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}
