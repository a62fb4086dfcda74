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
//!
//! Mode 3 over HTTP: Envoy's `ext_authz` with `http_service`. Its query has the method, path and host of the
//! client's request, and no body. The response also names the client's headers that are to be removed, in
//! `x-envoy-auth-headers-to-remove`, which the client cannot set, because Envoy reads it in the response only.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;

use super::{
    counters::ModeLabel,
    gate::{Gate, Mode},
    other_targets::SentHeaders,
    rules::{Needs, described_path},
    serve::Respond,
};
use crate::internal::{HostName, proxy::named_host};

/// Envoy removes the headers that it names from the client's request.
const ENVOY_REMOVES: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

pub(super) struct ForwardAuth {
    pub(super) gate: Arc<Gate>,
    pub(super) rules_by: RulesBy,
}

/// Where method, path and host are, by which the rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RulesBy {
    /// Not known: every requirement applies.
    Nothing,
    /// In headers that the gateway sets.
    ForwardedHeaders,
    /// Those of the query: Envoy.
    Query,
}

impl Respond for ForwardAuth {
    const MODE: ModeLabel = ModeLabel::ForwardAuth;

    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let needs = self.needs(&request).unwrap_or_else(|| self.gate.rules.strictest());
        let gate = Arc::clone(&self.gate);
        let sent = (self.rules_by == RulesBy::Query).then(|| SentHeaders::of(request.headers()));
        let query = Arc::new(Query { gate: Arc::clone(&gate), sent });
        // The body, which few gateways send, is not read.
        gate.pass(query, needs, request.map(|_| Body::empty())).await
    }
}

impl ForwardAuth {
    /// `None` if the client's request is not known for certain.
    fn needs<B>(&self, request: &Request<B>) -> Option<Needs> {
        match self.rules_by {
            RulesBy::Nothing => None,
            RulesBy::ForwardedHeaders => self.needs_by_headers(request.headers()),
            RulesBy::Query => {
                let host = named_host(request).ok()?.filter(|_| request.uri().path().starts_with('/'))?;
                self.gate.rules.needs(request.method(), Some(&host), request.uri().path()).ok()
            }
        }
    }

    fn needs_by_headers(&self, headers: &HeaderMap) -> Option<Needs> {
        let path = described_path(only(headers, "x-forwarded-uri")?)?;
        let method: Method = only(headers, "x-forwarded-method")?.parse().ok()?;
        let host = HostName::read(only(headers, "x-forwarded-host")?)?;
        self.gate.rules.needs(&method, Some(&host), path).ok()
    }
}

/// The value of a header that is there once, and is no list.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && !value.contains([',', ' '])).then_some(value)
}

/// One query.
struct Query {
    gate: Arc<Gate>,
    /// Of Envoy's query.
    sent: Option<SentHeaders>,
}

impl Mode for Query {
    async fn admitted(
        self: Arc<Self>,
        request: Request<Body>,
        identity: Vec<(HeaderName, HeaderValue)>,
    ) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Empty where there is no value: without the header, some gateways keep the client's, or pass the
        // text of their own placeholder on (Caddy 2.6).
        headers.extend(self.gate.header_names().map(|name| (name.clone(), HeaderValue::from_static(""))));
        for (name, value) in identity {
            headers.insert(name, value);
        }
        if let Some(sent) = &self.sent {
            // Envoy sets headers first, and would remove what it has set.
            let names: Vec<&str> =
                sent.to_remove(request).filter(|name| !headers.contains_key(*name)).map(HeaderName::as_str).collect();
            // Always there: Envoy passes a header of this name in the response only.
            let names = HeaderValue::try_from(names.join(",")).unwrap_or(HeaderValue::from_static(""));
            headers.insert(ENVOY_REMOVES, names);
        }
        response
    }
}
