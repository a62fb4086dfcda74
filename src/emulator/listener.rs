//! A listener: what it rejects before any rule, what the action forwards, and the access log.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;

use super::{
    action::{Action, shown},
    front::{MAX_LINE, Respond},
    proxy::{ClientConnection, Proxy, error_response},
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
        if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_LINE) {
            return error_response(414, "the request line is longer than 16 KiB");
        }
        if too_long(request.headers()) {
            return error_response(400, "a header line is longer than 16 KiB");
        }
        if request.method() == Method::TRACE {
            // Its response would show the user's tokens to the client.
            return error_response(405, "a load balancer does not support TRACE");
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match self.action.apply(request).await {
            Err(response) => response.map(Body::from),
            Ok((request, outcome)) => {
                let mut response = self.proxy.forward(request, client).await;
                put_before_the_targets(response.headers_mut(), outcome.cookies);
                let (status, path) = (response.status().as_u16(), shown(&path));
                tracing::info!(target: "alb_emulator", "{method} {path} {status} {}", outcome.actions);
                response
            }
        }
    }
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
