//! An application behind the layer that keeps the requests it gets, so that a test sees what a handler would see.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response, request::Parts};
use tower::{Layer as _, ServiceExt as _, service_fn, util::BoxCloneSyncService};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind,
    layer::Refuse,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, MockRequest, User},
};

use crate::support::Answer;

/// Who the handler says came, with a token of [`User::jane`] and the policy of [`MockAlb::config`].
pub const JANE: &str = "user:default/jane.doe";

pub const DATA: &str = "x-amzn-oidc-data";
pub const IDENTITY: &str = "x-amzn-oidc-identity";
pub const ACCESS_TOKEN: &str = "x-amzn-oidc-accesstoken";

/// The layer, and inside it a service that keeps what it gets.
#[derive(Clone)]
pub struct Inside {
    service: BoxCloneSyncService<Request<String>, Response<String>, Infallible>,
    seen: Arc<Mutex<Vec<Parts>>>,
}

/// What came back, and what the service inside got: `None` if it was not called.
pub struct Passed {
    pub answer: Answer,
    pub inside: Option<Parts>,
}

impl Inside {
    pub fn of<R>(layer: AlbAuthLayer<R>) -> Self
    where
        R: Refuse<String, Body = String> + Clone + Send + Sync + 'static,
    {
        let seen: Arc<Mutex<Vec<Parts>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let inner = service_fn(move |request: Request<String>| {
            keep.lock().unwrap().push(request.into_parts().0);
            async { Ok::<_, Infallible>(Response::new(String::new())) }
        });
        Self { service: BoxCloneSyncService::new(layer.layer(inner)), seen }
    }

    pub async fn call(&self, request: impl Into<Request<String>>) -> Passed {
        let response = self.service.clone().oneshot(request.into()).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let error = parts.extensions.get::<AuthError>().cloned();
        let answer = Answer { status: parts.status, headers: parts.headers, body, error };
        Passed { answer, inside: self.seen.lock().unwrap().pop() }
    }

    /// Has the key at hand from now on, so that no later answer is waited for.
    pub async fn warm(self, alb: &MockAlb) -> Self {
        assert!(self.call(jane(alb)).await.inside.is_some(), "a good token is let in");
        self
    }
}

impl Passed {
    /// The request as the handler got it.
    #[track_caller]
    pub fn inside(&self, case: &str) -> &Parts {
        self.inside.as_ref().unwrap_or_else(|| panic!("{case}: the handler was not called: {:?}", self.answer))
    }

    /// That the handler was not called, and this was why.
    #[track_caller]
    pub fn assert_refused(&self, case: &str, kind: AuthErrorKind) {
        assert!(self.inside.is_none(), "{case}: the handler was called");
        assert_eq!(self.answer.kind(), Some(kind), "{case}: {:?}", self.answer);
        assert_eq!(self.answer.status, kind.status(), "{case}");
    }
}

/// The names of the headers that a load balancer adds, and of what looks like one of them.
pub fn oidc_headers(parts: &Parts) -> Vec<&str> {
    let mut names: Vec<&str> = parts
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.replace('_', "-").starts_with("x-amzn-oidc"))
        .collect();
    names.sort_unstable();
    names
}

/// A request of Jane, as a load balancer forwards it.
pub fn jane(alb: &MockAlb) -> MockRequest<'_> {
    alb.request("/").user(&User::jane())
}

/// A layer that does not compare the identity header.
pub fn ignoring_identity_header(alb: &MockAlb) -> AlbAuthLayer {
    let builder = alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"]));
    AlbAuthLayer::new(builder.dangerously_ignore_identity_header().build().expect("a sound configuration"))
}

/// The methods whose treatment could differ.
pub fn methods() -> [Method; 6] {
    let own = Method::from_bytes(b"PROPFIND").expect("a method");
    [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::TRACE, own]
}
