//! A listener: what it rejects before any rule, what the action forwards, and the access log.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::{
    action::{Action, shown},
    counters::OutcomeLabel,
    front::{MAX_LINE, Respond},
    health,
    host::named,
    proxy::{ClientConnection, Proxy, error_response},
    rules::{End, FixedResponse, Redirect, RequestParts},
};

/// One listener of the load balancer. The proxy forwards what the action allows.
pub(super) struct Listener {
    pub(super) action: Arc<Action>,
    pub(super) proxy: Proxy,
}

impl Respond for Listener {
    fn abort(&self) {
        self.proxy.abort();
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>, client: ClientConnection) -> Response<Body> {
        if let Some(response) = unacceptable(&request) {
            self.action.counters.response(OutcomeLabel::Rejected, response.status().as_u16());
            return response;
        }
        if request.uri().path() == health::PATH && matches!(*request.method(), Method::GET | Method::HEAD) {
            return Response::new(Body::empty());
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match self.action.apply(request, client.address.ip()).await {
            Err(response) => response.map(Body::from),
            Ok((request, outcome)) => {
                let (made_by, mut response) = match outcome.end {
                    End::Forward(group) => {
                        (OutcomeLabel::Forward, self.proxy.forward(request, client, group.next()).await)
                    }
                    End::FixedResponse(fixed) => (OutcomeLabel::FixedResponse, fixed_response(fixed)),
                    End::Redirect(to) => (OutcomeLabel::Redirect, redirect(to, &request, client)),
                    End::Respond501 => {
                        let reason = "the rule of this request has the action jwt-validation, and on_jwt_validation \
                                      (--on-jwt-validation) is respond-501";
                        (OutcomeLabel::Respond501, error_response(501, reason))
                    }
                };
                put_before_the_targets(response.headers_mut(), outcome.cookies);
                let (status, path) = (response.status().as_u16(), shown(&path));
                self.action.counters.response(made_by, status);
                tracing::info!(target: "alb_emulator", "{method} {path} {status} {}", outcome.actions);
                response
            }
        }
    }
}

/// The response to a request that no rule gets.
fn unacceptable(request: &Request<Incoming>) -> Option<Response<Body>> {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_LINE) {
        return Some(error_response(414, "the request line is longer than 16 KiB"));
    }
    if too_long(request.headers()) {
        return Some(error_response(400, "a header line is longer than 16 KiB"));
    }
    if request.method() == Method::TRACE {
        // Its response would show the user's tokens to the client.
        return Some(error_response(405, "a load balancer does not support TRACE"));
    }
    None
}

/// The response of the action `fixed-response`.
fn fixed_response(fixed: &FixedResponse) -> Response<Body> {
    let mut response = Response::new(Body::from(fixed.body.clone()));
    *response.status_mut() = StatusCode::from_u16(fixed.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = fixed.content_type.clone().unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The response of the action `redirect`.
fn redirect(to: &Redirect, request: &Request<Incoming>, client: ClientConnection) -> Response<Body> {
    let host = named(request.uri(), request.headers());
    let parts = RequestParts {
        scheme: client.scheme.as_str(),
        host: host.as_ref().map_or("", |host| host.host()),
        port: client.port,
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
    };
    let Some(location) = to.location(&parts) else { return error_response(500, "the redirect is no header value") };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(to.status()).unwrap_or(StatusCode::FOUND);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Of two cookies with the same name the later one wins, so an application that expires the session
/// cookie overrides the renewed one.
fn put_before_the_targets(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    if cookies.is_empty() {
        return;
    }
    let targets: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies.into_iter().chain(targets) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn too_long(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| name.as_str().len().saturating_add(value.len()) > MAX_LINE)
}
