//! On to the target, and back.
//!
//! | what | how |
//! |---|---|
//! | bodies | both ways as they come, never held; trailers too |
//! | connections to the target | HTTP/1.1, kept; one that the target closed meanwhile is not noticed by the client where that is safe |
//! | hop-by-hop headers | taken off, those that `Connection` names too, but none of the load balancer's own |
//! | `X-Forwarded-For`, `-Proto`, `-Port` | the client's address is added, the others are set |
//! | `X-Amzn-Trace-Id` | set; one that is there gets a field `Self` |
//! | WebSockets, and no other protocol | bytes both ways, until one end is done or the emulator ends |
//! | `x-amzn-oidc-*` among the trailers of a request | taken off |
//! | a target that does not listen, or says nonsense | 502 |
//! | one that does not answer: to a connection in 10 s, to a request in 60 s | 504 |
//! | no target | 503 |
//! | more than 30 addresses in `X-Forwarded-For` | 463, as a load balancer answers |

mod answer;
mod headers;
mod upgrade;

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, Version, uri::Authority};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{net::TcpStream, sync::watch};

pub(super) use self::answer::answer;
pub(super) use self::headers::{ClientConnection, Scheme};
use super::headers::LoadBalancer;

/// How long a target may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to begin its answer: a load balancer's idle time-out.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a target that does not listen is tried while a request waits for it.
const RETRY: Duration = Duration::from_millis(100);

pub(super) struct Proxy {
    target: Option<Authority>,
    client: Client<HttpConnector, Body>,
    wait_for_target: Duration,
    answer_timeout: Duration,
    /// Says when switched connections are cut.
    cut: watch::Sender<bool>,
}

impl Proxy {
    pub(super) fn new(target: Option<Authority>, wait_for_target: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(tcp);
        Self { target, client, wait_for_target, answer_timeout: ANSWER_TIMEOUT, cut: watch::Sender::new(false) }
    }

    /// Cuts connections that have become web sockets, which have no end of their own.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// The target's answer, or what a load balancer answers in its place.
    pub(super) async fn forward(&self, mut request: Request<Incoming>, client: ClientConnection) -> Response<Body> {
        let Some(target) = &self.target else { return answer(503, "there is no target") };
        if !headers::toward_target(&mut request, client) {
            return answer(463, "X-Forwarded-For has more than 30 addresses");
        }
        let upgrade = upgrade::wanted(&mut request);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let address = Uri::builder().scheme("http").authority(target.clone()).path_and_query(path).build();
        let Ok(address) = address else { return answer(400, "the address is none") };
        *request.uri_mut() = address;
        *request.version_mut() = Version::HTTP_11;

        if !self.wait_for_target.is_zero() {
            // A body is sent once, so this is found out before. What does not listen in time fails below.
            let _ = tokio::time::timeout(self.wait_for_target, listens(target)).await;
        }
        let exchange = self.client.request(request.map(|body| Body::new(body.map_frame(without_forged_trailers))));
        let mut response = match tokio::time::timeout(self.answer_timeout, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return failed(target, &error),
            Err(_) => return answer(504, &format!("the target at {target} did not answer in {ANSWER_TIMEOUT:?}")),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return match upgrade {
                Some(upgrade) => upgrade.splice(response, self.cut.subscribe()),
                None => answer(502, &format!("the target at {target} switched protocols unasked")),
            };
        }
        headers::toward_client(response.headers_mut());
        response.map(Body::new)
    }
}

/// Waits until the target accepts a connection.
async fn listens(target: &Authority) {
    let port = target.port_u16().unwrap_or(80);
    while TcpStream::connect((target.host(), port)).await.is_err() {
        tokio::time::sleep(RETRY).await;
    }
}

/// Headers after the body are headers to some targets.
fn without_forged_trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            LoadBalancer::strip(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

fn failed(target: &Authority, error: &ClientError) -> Response<Body> {
    let reason = crate::tls::chain(error);
    let timed_out = error.is_connect() && reason.contains("timed out");
    match timed_out {
        true => answer(504, &format!("the target at {target} did not accept a connection in {CONNECT_TIMEOUT:?}")),
        false => answer(502, &format!("the target at {target} cannot be asked: {reason}")),
    }
}
