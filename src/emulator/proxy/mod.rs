//! On to the target, and back.
//!
//! | what | how |
//! |---|---|
//! | bodies, connections, hop-by-hop headers, WebSockets, trailers | as [`proxy`](crate::proxy) has them |
//! | `X-Forwarded-For`, `-Proto`, `-Port` | the client's address is added, the others are set |
//! | `X-Amzn-Trace-Id` | set; one that is there gets a field `Self` |
//! | a target that does not listen, or says nonsense | 502 |
//! | one that does not answer: to a connection in 10 s, to a request in 60 s | 504 |
//! | no target | 503 |
//! | more than 30 addresses in `X-Forwarded-For` | 463, as a load balancer answers |

mod answer;
mod headers;

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;

pub(super) use self::answer::answer;
pub(super) use self::headers::{ClientConnection, Scheme};
use crate::proxy::{ANSWER_TIMEOUT, Forwarder, at_server, tcp_connector};

/// How often a target that does not listen is tried while a request waits for it.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Proxy {
    target: Option<uri::Authority>,
    forwarder: Forwarder<HttpConnector>,
    wait_for_target: Duration,
}

impl Proxy {
    pub(super) fn new(target: Option<uri::Authority>, wait_for_target: Duration) -> Self {
        Self { target, forwarder: Forwarder::new(tcp_connector(), ANSWER_TIMEOUT), wait_for_target }
    }

    /// Cuts connections that have become web sockets, which have no end of their own.
    pub(super) fn cut(&self) {
        self.forwarder.cut();
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
            let _ = tokio::time::timeout(self.wait_for_target, listens(target)).await;
        }
        match self.forwarder.forward(address, request).await {
            Ok(response) => response,
            Err(failure) => answer(failure.status(), &format!("the target at {target} {failure}")),
        }
    }
}

/// Waits until the target accepts a connection.
async fn listens(target: &uri::Authority) {
    let port = target.port_u16().unwrap_or(80);
    while TcpStream::connect((target.host(), port)).await.is_err() {
        tokio::time::sleep(RETRY).await;
    }
}
