//! Forwards requests to the target, and responses back.
//!
//! | what | how |
//! |---|---|
//! | bodies, connections, hop-by-hop headers, WebSockets, trailers | see [`proxy`](crate::internal::proxy) |
//! | `X-Forwarded-For`, `-Proto`, `-Port` | the client's address is added, the others are set |
//! | `X-Amzn-Trace-Id` | set; an existing one gets a field `Self` |
//! | a target that does not listen, or whose response is invalid | 502 |
//! | a target that closes the connection without a response | 502; the request is not sent again |
//! | a target that rejects headers which are longer than it accepts | its response; the log names the sizes |
//! | a target that does not accept a connection in 10 s, or does not respond in 60 s | 504 |
//! | no target | 503 |
//! | more than 30 addresses in `X-Forwarded-For` | 463, as at a load balancer |

mod error_response;
mod headers;

use std::{
    mem::replace,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::{io::AsyncReadExt, net::TcpStream};

pub(super) use self::error_response::error_response;
pub(super) use self::headers::{ClientConnection, Scheme};
use crate::internal::{
    DATA,
    proxy::{Failure, Forwarder, HeaderSizes, RESPONSE_TIMEOUT, at_server, tcp_connector},
    strip_oidc_headers,
};

/// How often a request that waits for its target tries to connect.
const RETRY: Duration = Duration::from_millis(100);
/// For how long an ending process may still accept connections, which it then closes.
const ENDING: Duration = Duration::from_millis(250);

pub(super) struct Proxy {
    forwarder: Forwarder<HttpConnector>,
    wait_for_target: Duration,
    /// Whether the last request failed: the target may be about to end.
    failed: AtomicBool,
}

impl Proxy {
    pub(super) fn new(wait_for_target: Duration) -> Self {
        let forwarder = Forwarder::new(tcp_connector(), RESPONSE_TIMEOUT, strip_oidc_headers);
        Self { forwarder, wait_for_target, failed: AtomicBool::new(false) }
    }

    /// Aborts upgraded connections (WebSockets), which have no end by themselves.
    pub(super) fn abort(&self) {
        self.forwarder.abort_upgraded();
    }

    /// The target's response, or the response of a load balancer in its place.
    pub(super) async fn forward(
        &self,
        mut request: Request<Incoming>,
        client: ClientConnection,
        target: Option<&uri::Authority>,
    ) -> Response<Body> {
        let Some(target) = target else { return error_response(503, "no target is configured") };
        if !headers::add(request.headers_mut(), client) {
            return error_response(463, "X-Forwarded-For has more than 30 addresses");
        }
        let Some(address) = at_server(uri::Scheme::HTTP, target, request.uri()) else {
            return error_response(400, "invalid request target");
        };
        if !self.wait_for_target.is_zero() {
            // A body is sent only once, so this is checked before. A target that does not listen in
            // time fails below.
            let stays_for = if self.failed.load(Ordering::Relaxed) { ENDING } else { Duration::ZERO };
            let _ = tokio::time::timeout(self.wait_for_target, listens(target, stays_for)).await;
        }
        let sizes = HeaderSizes::of(request.headers(), DATA);
        let result = self.forwarder.forward(address, request).await;
        self.failed.store(result.is_err(), Ordering::Relaxed);
        match result {
            Ok(response) => {
                if let Some(hint) = sizes.hint_for(response.status()) {
                    let status = response.status().as_u16();
                    tracing::warn!(target: "alb_emulator", "the target at {target} responded with {status}: {hint}");
                }
                response
            }
            Err(failure) => {
                let closed = matches!(failure, Failure::InvalidResponse(_));
                let hint = closed.then(|| sizes.hint_for_no_response()).flatten();
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                error_response(failure.status(), &format!("the target at {target} {failure}{hint}"))
            }
        }
    }
}

/// Waits until the target accepts a connection that stays open for a moment.
async fn listens(target: &uri::Authority, stays_for: Duration) {
    let address = (target.host(), target.port_u16().unwrap_or(80));
    let mut is_logged = false;
    loop {
        if let Ok(mut connection) = TcpStream::connect(address).await {
            // Nothing was sent, so the only thing to read is that the connection was closed.
            if stays_for.is_zero() || tokio::time::timeout(stays_for, connection.read_u8()).await.is_err() {
                return;
            }
        }
        if !replace(&mut is_logged, true) {
            tracing::info!(target: "alb_emulator", "waiting for the target at {target}, which does not accept connections");
        }
        tokio::time::sleep(RETRY).await;
    }
}
