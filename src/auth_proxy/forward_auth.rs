//! Mode 2: forward auth, for a gateway that sends a query before it passes a request on.
//!
//! | query | response |
//! |---|---|
//! | a good token of a user who meets every requirement | 200, with the user's headers; those without a value are empty |
//! | anything else, whatever method and headers the gateway copies | the refusal's HTTP status, never 2xx |
//!
//! The path of the query means nothing: gateways set it in different ways. Method, path and
//! host of the client's request are in `X-Forwarded-Method`, `-Uri` and `-Host`. A client can set these
//! headers too, where the gateway only copies headers. So rules that admit requests without a user apply
//! only if the operator declares that the gateway sets the three
//! (`forward_auth_by_original_request`). Otherwise every request needs a user who meets every
//! requirement of every rule.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;

use super::{
    gate::{Gate, Mode},
    rules::Needs,
    server::Respond,
};

pub(super) struct ForwardAuth {
    pub(super) gate: Arc<Gate>,
    pub(super) by_original_request: bool,
}

impl Respond for ForwardAuth {
    const MODE: &'static str = "forward_auth";

    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let needs = self.needs(request.headers()).unwrap_or_else(|| self.gate.rules.strictest());
        let gate = Arc::clone(&self.gate);
        // The body, which few gateways send, is not read.
        gate.pass(self, needs, request.map(|_| Body::empty())).await
    }
}

impl ForwardAuth {
    /// `None` if the client's request is not known for certain.
    fn needs(&self, headers: &HeaderMap) -> Option<Needs> {
        if !self.by_original_request {
            return None;
        }
        let target = only(headers, "x-forwarded-uri")?;
        let path = target.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
        let method: Method = only(headers, "x-forwarded-method")?.parse().ok()?;
        let host = only(headers, "x-forwarded-host")?;
        self.gate.rules.needs(&method, Some(host), path).ok()
    }
}

/// The value of a header that is there once, and is no list.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && !value.contains([',', ' '])).then_some(value)
}

impl Mode for ForwardAuth {
    async fn admitted(self: Arc<Self>, _: Request<Body>, identity: Vec<(HeaderName, HeaderValue)>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Empty where there is no value: without the header, some gateways keep the client's, or pass the
        // text of their own placeholder on (Caddy 2.6).
        headers.extend(self.gate.header_names().map(|name| (name.clone(), HeaderValue::from_static(""))));
        for (name, value) in identity {
            headers.insert(name, value);
        }
        response
    }
}
