//! Access tokens that the layer verifies beside the signed claims.

mod accepted;
mod issuer_keys;
mod machines;
#[cfg(feature = "metrics")]
mod machines_recorded;
mod machines_traced;
mod mocked;
mod rejected;
mod settings;

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AccessTokenClaims, AlbAuthConfigBuilder, AlbAuthLayer, AuthError, AuthErrorKind, Claims,
    config::AccessTokens,
    sign_in::{ClaimsOnly, SignInResolver},
    test_util::{MockAlb, TestClock, User},
};

use crate::support::issuer::Issuer;

const ACCESS_TOKEN: &str = "x-amzn-oidc-accesstoken";

/// A load balancer and a provider that agree on one user pool, with a clock.
struct Pool {
    alb: MockAlb,
    issuer: Issuer,
    clock: TestClock,
}

/// What came back: the user's scope and groups in the access token, or the refusal.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: String,
    error: Option<AuthError>,
}

impl Pool {
    async fn start() -> Self {
        let (issuer, clock) = (Issuer::start().await, TestClock::new());
        let alb = MockAlb::new().with_clock(&clock).with_issuer(&issuer.url);
        Self { alb, issuer, clock }
    }

    /// The claims of Jane's access token, as Amazon Cognito writes them.
    fn claims(&self) -> Value {
        let now = self.alb.unix_now();
        json!({
            "sub": "u1", "iss": self.issuer.url, "client_id": self.alb.client_id(), "token_use": "access",
            "scope": "openid profile", "iat": now, "exp": now + 3600, "cognito:groups": ["admins", "viewers"],
        })
    }

    /// The same with these members instead; null removes one.
    fn claims_with(&self, changes: Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().expect("an object") {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    fn builder(&self, tokens: AccessTokens, policy: impl SignInResolver) -> AlbAuthConfigBuilder {
        let entry = self.alb.trusted().access_tokens(tokens).sign_in(policy);
        self.alb.keys_and_clock(tower_alb_auth::AlbAuthConfig::builder().trust(entry))
    }

    fn layer(&self, tokens: AccessTokens) -> AlbAuthLayer {
        AlbAuthLayer::new(self.builder(tokens, ClaimsOnly).build().expect("a sound configuration"))
    }

    /// A request of this user with this access token.
    fn request(&self, subject: &str, access_token: &str) -> Request<String> {
        let user = User::empty().claim("sub", subject).claim("email", "jane@example.com");
        let mut request: Request<String> = self.alb.request("/").user(&user).into();
        request.headers_mut().insert(ACCESS_TOKEN, access_token.parse().expect("a header value"));
        request
    }

    async fn call(&self, layer: &AlbAuthLayer, access_token: &str) -> Answer {
        call(layer, self.request("u1", access_token)).await
    }
}

async fn call(layer: &AlbAuthLayer, request: Request<String>) -> Answer {
    let handler = |request: Request<String>| async move {
        let claims = AccessTokenClaims::of(request.extensions());
        let subject = Claims::of(request.extensions()).map(|claims| claims.subject().to_owned());
        let groups = claims.map(|claims| claims.texts("cognito:groups").expect("a list").unwrap_or_default());
        let headers = request.headers().keys().filter(|name| name.as_str().starts_with("x-amzn-oidc")).count();
        Ok::<_, Infallible>(Response::new(format!("{subject:?} {groups:?} {headers}")))
    };
    let response = layer.clone().layer(service_fn(handler)).oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, body, error: parts.extensions.get::<AuthError>().cloned() }
}

const JANES_GROUPS: &str = r#"Some("u1") Some(["admins", "viewers"]) 0"#;

impl Answer {
    #[track_caller]
    fn assert_ok(&self, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (StatusCode::OK, body), "{self:?}");
    }

    /// That it is the uniform 401 of this kind, whose message for the operator has this part.
    #[track_caller]
    fn assert_rejected(&self, kind: AuthErrorKind, part: &str) {
        let error = self.error.as_ref().unwrap_or_else(|| panic!("accepted: {self:?}"));
        assert_eq!((self.status, error.kind()), (StatusCode::UNAUTHORIZED, kind), "{self:?}");
        assert_eq!(self.body, crate::support::UNIFORM_401);
        assert!(error.operator_message().contains(part), "{part}: {}", error.operator_message());
    }
}
