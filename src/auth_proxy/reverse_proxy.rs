//! Mode 1: the reverse proxy in front of a service.
//!
//! | what | how |
//! |---|---|
//! | identity headers of the client | removed in whatever spelling, from headers and trailers; also from responses |
//! | other spellings of headers that frame a request, such as `Content_Length` | removed |
//! | identity headers of the user | set from the templates |
//! | `X-Forwarded-For`, `-Proto`, `-Port` | as the load balancer set them: the service sees what a target of it sees |
//! | `X-Forwarded-Host` | the host of the request; `Forwarded` is removed |
//! | [headers that replace path, host or method](super::other_targets) | paths, hosts: removed in whatever spelling; methods: removed where there is no user; all of them from trailers |
//! | bodies, trailers, WebSockets, hop-by-hop headers | see [`proxy`](crate::internal::proxy) |
//! | two `Host` headers, or an invalid one; a path with too many readings | 400 |
//! | `CONNECT`, `TRACE` | 405 |
//! | WebSockets, streams and uploads that last | see [`long_streams`](super::long_streams) |
//! | a body over the limit | 413 |
//! | a service that does not listen; that does not respond in time | 502; 504 |
//! | a service that rejects headers which are longer than it accepts | its response; the log names the sizes |
//! | a request that passed this proxy before | 508 |

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::body::Body;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;

use super::{
    counters::ModeLabel,
    error_response::{Described, ErrorResponses},
    gate::{Gate, Mode},
    health::Health,
    long_streams::{Ending, StreamUser},
    other_targets::{strip_client_trailers, strip_other_targets},
    serve::Respond,
};
use crate::{
    AuthError, Claims,
    internal::{
        DATA, HostName,
        proxy::{Failure, Forwarder, HeaderSizes, HopMark, at_server, end_hop_of_client, named_host, set},
    },
};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The service behind the proxy.
pub(super) struct Upstream {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) forwarder: Forwarder<HttpsConnector<HttpConnector>>,
    pub(super) hop: HopMark,
}

pub(super) struct ReverseProxy {
    pub(super) gate: Arc<Gate>,
    pub(super) upstream: Upstream,
    /// `None`: no limit.
    pub(super) max_body: Option<u64>,
    pub(super) health: Health,
    pub(super) errors: ErrorResponses,
    /// Whether a WebSocket or a stream ends with the token of its request.
    pub(super) end_streams_with_token: bool,
}

impl Respond for ReverseProxy {
    const MODE: ModeLabel = ModeLabel::ReverseProxy;

    fn abort(&self) {
        self.upstream.forwarder.abort_upgraded();
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let refused = |status, reason| self.errors.make(status, reason, &Described::of(&request));
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "the method is not passed on");
        }
        let Ok(host) = named_host(&request) else {
            return refused(StatusCode::BAD_REQUEST, "it has two Host headers or an invalid one");
        };
        if let Some(response) = self.health.on_service_port(request.method(), request.uri().path()) {
            return response;
        }
        let Ok(needs) = self.gate.rules.needs(request.method(), host.as_ref(), request.uri().path()) else {
            return refused(StatusCode::BAD_REQUEST, "servers may read the path in too many ways");
        };
        if self.max_body.is_some_and(|max| announced_length(request.headers()).is_some_and(|length| length > max)) {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than max_body_bytes");
        }
        let gate = Arc::clone(&self.gate);
        gate.pass(self, needs, request.map(Body::new)).await
    }
}

impl Mode for ReverseProxy {
    async fn admitted(
        self: Arc<Self>,
        mut request: Request<Body>,
        identity: Vec<(HeaderName, HeaderValue)>,
    ) -> Response<Body> {
        let described = Described::of(&request);
        let has_user = Claims::of(request.extensions()).is_some();
        let host = named_host(&request).ok().flatten();
        if let Err(status) = self.edit(request.headers_mut(), host.as_ref(), has_user, identity) {
            return self.errors.make(
                status,
                "its headers cannot be passed on: does the proxy lead back to itself?",
                &described,
            );
        }
        let Some(address) = at_server(self.upstream.scheme.clone(), &self.upstream.authority, request.uri()) else {
            return self.errors.make(StatusCode::BAD_REQUEST, "the request target is not a path", &described);
        };
        let sizes = HeaderSizes::of(request.headers(), DATA);
        let user = StreamUser::of(&request, &described.trace_id, self.gate.handle(), self.end_streams_with_token);
        let of_upgrade = user.clone();
        let end = async {
            match of_upgrade {
                Some(user) => drop(user.may_not_go_on().await),
                None => std::future::pending().await,
            }
        };
        let too_long = Arc::new(AtomicBool::new(false));
        // It may go on after the response.
        let request = request.map(|body| Ending::of(self.bounded(body, &too_long), user.clone()));
        let may_not_wait = StreamUser::may_not_wait(user.clone());
        let refused = |error: AuthError| {
            if let Some(user) = &user {
                self.gate.record_refusal(&error, user.named(), described.trace_id.get());
            }
            described.refused_for(&error)
        };
        let forwarded = tokio::select! {
            forwarded = self.upstream.forwarder.forward_until(end, address, request) => forwarded,
            error = may_not_wait => return refused(error),
        };
        match forwarded {
            Ok(mut response) => {
                if let Some(hint) = sizes.hint_for(response.status()) {
                    self.errors.explain(response.status(), &format!("the service rejected it: {hint}"), &described);
                }
                self.gate.identity.strip_all(response.headers_mut());
                let identity = self.gate.identity.clone();
                response.map(|body| {
                    Ending::of(Body::new(body.map_frame(move |frame| identity.strip_trailers(frame))), user)
                })
            }
            Err(_) if too_long.load(Ordering::Relaxed) => {
                self.errors.make(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than max_body_bytes", &described)
            }
            Err(failure) => {
                // The body may have broken off a moment before the request is refused.
                if let Some(error) = user.as_ref().and_then(StreamUser::is_over) {
                    return refused(error);
                }
                let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::BAD_GATEWAY);
                let Upstream { scheme, authority, .. } = &self.upstream;
                let closed = matches!(failure, Failure::InvalidResponse(_));
                let hint = closed.then(|| sizes.hint_for_no_response()).flatten();
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                self.errors.make(status, &format!("the upstream {scheme}://{authority} {failure}{hint}"), &described)
            }
        }
    }
}

impl ReverseProxy {
    /// # Errors
    /// The status of the response.
    fn edit(
        &self,
        headers: &mut HeaderMap,
        host: Option<&HostName>,
        has_user: bool,
        identity: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<(), StatusCode> {
        // Before anything is added, which a client could otherwise have removed.
        end_hop_of_client(headers);
        strip_other_targets(headers, has_user);
        if !self.upstream.hop.mark(headers) {
            return Err(StatusCode::LOOP_DETECTED);
        }
        if let Some(host) = host {
            set(headers, X_FORWARDED_HOST, host.as_written());
        }
        for (name, value) in identity {
            headers.try_insert(name, value).map_err(|_| StatusCode::BAD_REQUEST)?;
        }
        Ok(())
    }

    fn bounded(&self, body: Body, too_long: &Arc<AtomicBool>) -> Body {
        let identity = self.gate.identity.clone();
        let body = body.map_frame(move |frame| strip_client_trailers(&identity, frame));
        let Some(max) = self.max_body else { return Body::new(body) };
        let too_long = Arc::clone(too_long);
        let limited = Limited::new(body, usize::try_from(max).unwrap_or(usize::MAX));
        Body::new(limited.map_err(move |error| {
            too_long.store(error.is::<http_body_util::LengthLimitError>(), Ordering::Relaxed);
            error
        }))
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
