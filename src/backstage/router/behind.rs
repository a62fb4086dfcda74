//! What the auth backend behind this one publishes: its discovery document and its key set.
//!
//! Only with [`router_with_fallback`](super::router_with_fallback). Stock Backstage signs in its own
//! command line and MCP clients there, and signs tokens for them with its own keys.
//!
//! | response of the service behind | discovery | key set |
//! |---|---|---|
//! | 200 with a JSON object | its members, with this issuer, key set and userinfo | its keys after the own ones; an own kid wins |
//! | another status below 500, or no JSON object | the own document alone | the own keys alone |
//! | 5xx, none in [`TIMEOUT`], or more than [`MAX_BODY`] | 503 | the own keys, and for [`KEPT_FOR`] the last ones of the service behind |
//!
//! Requests to the service behind contain nothing of the client's request except for the marks that
//! reveal loops, so no client can change what others get. If the service behind leads back here, then
//! its request gets the own document and the own keys alone. The key set is requested at most every
//! [`FRESH_FOR`], and again only that long after a failure, so that a service that hangs delays one request
//! and not each.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{OriginalUri, Request},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
};
use serde_json::{Map, Value};
use tower_service::Service as _;

use crate::{
    backstage::{PublicJwk, upstream::OwnQuestion},
    internal::{
        Arc, Mutex, SharedClock, SingleFlight,
        proxy::{HopMark, copy_marks},
        telemetry::{LogLimit, LogRate},
    },
};

/// Longer than a stock auth backend takes for a key set, shorter than its clients wait.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A key set of a thousand keys.
const MAX_BODY: usize = 256 * 1024;
/// As caches may keep the own key set.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// As long as stock back ends keep a key set.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);
const WARNING_RATE: LogRate = LogRate { max_lines: 1, window: Duration::from_secs(60) };

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const KEY_SET: &str = "/.well-known/jwks.json";

/// The service behind this auth backend. Clones share their cache.
#[derive(Clone)]
pub(super) struct Behind(Arc<Inner>);

struct Inner {
    service: Mutex<Router>,
    held: Mutex<Option<Held>>,
    in_flight: SingleFlight<(), Vec<PublicJwk>>,
    warnings: Mutex<LogLimit>,
    /// `None` if the operating system provides no random bytes: then nothing is requested.
    mark: Option<HopMark>,
}

struct Held {
    keys: Vec<PublicJwk>,
    /// They are not requested again for [`FRESH_FOR`] after this: when they were requested, or when a request failed.
    fresh_from: Instant,
    received_at: Instant,
}

impl Held {
    /// What is held when a request that began at this time has failed.
    fn after_failure(last: Option<Self>, requested_at: Instant) -> Self {
        let none = Self { keys: Vec::new(), fresh_from: requested_at, received_at: requested_at };
        last.filter(|last| requested_at.saturating_duration_since(last.received_at) < KEPT_FOR).unwrap_or(none)
    }
}

/// The service behind did not respond.
pub(super) struct Unavailable;

impl Behind {
    pub(super) fn new(service: Router) -> Self {
        Self(Arc::new(Inner {
            service: Mutex::new(service),
            held: Mutex::default(),
            in_flight: SingleFlight::new(TIMEOUT.saturating_mul(2), SharedClock::default()),
            warnings: Mutex::default(),
            mark: HopMark::new(),
        }))
    }

    /// The service behind the route of this request, if there is one and it did not cause the request.
    pub(super) fn of(parts: &Parts) -> Option<&Self> {
        let behind: &Self = parts.extensions.get()?;
        let is_back = behind.0.mark.as_ref().is_none_or(|mark| mark.is_on(&parts.headers));
        (!is_back).then_some(behind)
    }

    /// Its discovery document, if it has one.
    pub(super) async fn discovery(&self, parts: &Parts) -> Result<Option<Map<String, Value>>, Unavailable> {
        let found = self.object_at(&Address::of(parts, DISCOVERY)).await;
        found.map_err(|why| {
            self.warn(&format!("the discovery document of the auth backend behind this one is unavailable: {why}"));
            Unavailable
        })
    }

    /// Its public keys.
    pub(super) async fn keys(&self, parts: &Parts) -> Vec<PublicJwk> {
        let now = Instant::now();
        let fresh = |held: &&Held| now.saturating_duration_since(held.fresh_from) < FRESH_FOR;
        if let Some(held) = self.0.held.lock().as_ref().filter(fresh) {
            return held.keys.clone();
        }
        let (behind, address) = (self.clone(), Address::of(parts, KEY_SET));
        let start = || Ok::<_, std::convert::Infallible>(async move { behind.request_keys(&address).await });
        match self.0.in_flight.join((), start) {
            Ok(waiter) => waiter.wait().await.unwrap_or_default(),
            Err(never) => match never {},
        }
    }

    async fn request_keys(self, address: &Address) -> Vec<PublicJwk> {
        let requested_at = Instant::now();
        let found = self.object_at(address).await.map(|set| set.map(|set| self.parsed(&set)).unwrap_or_default());
        let mut held = self.0.held.lock();
        let held = match (found, held.take()) {
            (Ok(keys), _) => held.insert(Held { keys, fresh_from: requested_at, received_at: requested_at }),
            (Err(why), last) => {
                self.warn(&format!("the key set of the auth backend behind this one is unavailable: {why}"));
                held.insert(Held { fresh_from: Instant::now(), ..Held::after_failure(last, requested_at) })
            }
        };
        held.keys.clone()
    }

    fn parsed(&self, set: &Map<String, Value>) -> Vec<PublicJwk> {
        let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let parsed = keys.iter().filter_map(|key| match PublicJwk::parse(&key.to_string()) {
            Ok(key) => Some(key),
            Err(error) => {
                self.warn(&format!("a key of the auth backend behind this one is not published: {error}"));
                None
            }
        });
        parsed.collect()
    }

    /// The JSON object at this path, if there is one.
    async fn object_at(&self, address: &Address) -> Result<Option<Map<String, Value>>, String> {
        let invalid = |_| "its path is invalid".to_owned();
        let uri: Uri = address.whole().parse().map_err(invalid)?;
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        // A service that is nested strips its mount from the path, and `Upstream` restores it.
        *request.uri_mut() = Uri::from_static(address.document);
        request.extensions_mut().insert(OriginalUri(uri));
        request.extensions_mut().insert(OwnQuestion);
        let headers = request.headers_mut();
        let marked = self.0.mark.as_ref().is_some_and(|mark| mark.mark(headers))
            && address.marks.as_ref().is_some_and(|marks| copy_marks(marks, headers));
        if !marked {
            return Err("it passed too many services: check for a loop".to_owned());
        }
        let mut service = self.0.service.lock().clone();
        let response = async {
            let response = service.call(request).await.unwrap_or_else(|never| match never {});
            let (status, body) = (response.status(), response.into_body());
            match to_bytes(body, MAX_BODY).await {
                Ok(body) => Ok((status, body)),
                Err(_) => Err(format!("its response breaks off, or is longer than {MAX_BODY} bytes")),
            }
        };
        let response = tokio::time::timeout(TIMEOUT, response).await;
        let (status, body) = response.map_err(|_| format!("it does not respond in {TIMEOUT:?}"))??;
        if status.is_server_error() {
            return Err(format!("it responds with {status}"));
        }
        Ok((status == StatusCode::OK).then(|| serde_json::from_slice(&body).ok()).flatten())
    }

    pub(super) fn warn(&self, message: &str) {
        if self.0.warnings.lock().allows(WARNING_RATE, Instant::now()) {
            tracing::warn!(target: "tower_alb_auth", "{message}");
        } else {
            tracing::debug!(target: "tower_alb_auth", "{message}");
        }
    }
}

/// A document of the service behind.
struct Address {
    /// Where the routes of this auth backend are nested.
    mount: String,
    document: &'static str,
    /// The marks of the request that causes the one for the document, and no other header of it. `None` if they are too many.
    marks: Option<HeaderMap>,
}

impl Address {
    /// With the mount of this request's route.
    fn of(parts: &Parts, document: &'static str) -> Self {
        let below = parts.uri.path();
        let whole = parts.extensions.get::<OriginalUri>().map_or(below, |OriginalUri(uri)| uri.path());
        let mut marks = HeaderMap::new();
        let marks = copy_marks(&parts.headers, &mut marks).then_some(marks);
        Self { mount: whole.strip_suffix(below).unwrap_or_default().to_owned(), document, marks }
    }

    fn whole(&self) -> String {
        format!("{}{}", self.mount, self.document)
    }
}

/// Adds the elements of `own` that `theirs` lacks.
pub(super) fn add_missing(theirs: &mut Value, own: &Value) {
    match (theirs.as_array_mut(), own.as_array()) {
        (Some(theirs), Some(own)) => own.iter().for_each(|value| {
            if !theirs.contains(value) {
                theirs.push(value.clone());
            }
        }),
        _ => *theirs = own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_behind_are_kept_for_ten_minutes_of_failures_and_no_longer() {
        let received_at = Instant::now();
        let key = PublicJwk::parse(r#"{"kty":"RSA","kid":"behind","n":"AQAB","e":"AQAB"}"#).unwrap();
        let kept = |after: Duration| {
            let held = Held { keys: vec![key.clone()], fresh_from: received_at, received_at };
            Held::after_failure(Some(held), received_at + after).keys.len()
        };
        let almost = KEPT_FOR - Duration::from_nanos(1);
        assert_eq!([Duration::ZERO, FRESH_FOR, almost, KEPT_FOR, KEPT_FOR * 2].map(kept), [1, 1, 1, 0, 0]);
        assert!(Held::after_failure(None, received_at).keys.is_empty());
    }
}
