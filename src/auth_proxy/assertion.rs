//! Mode 4: an assertion, which is a JWT of this proxy about the user, in a header of the operator's choice.
//!
//! A load balancer's token is padded, names no audience, and its key is a PEM file per key id, so JWT libraries
//! cannot verify it. They can verify the assertion: compact and without padding, ES256, with `iss`, `aud` and
//! `exp`, and a key set with a discovery document.
//!
//! | what | how |
//! |---|---|
//! | keys | those of a [`TokenIssuer`]: published before they sign, and rotated; replicas share the public halves in PostgreSQL, or the keys as files |
//! | claims | from templates: a claim that is a list stays a list |
//! | a claim that is missing and must not be, or is empty, or has a control character | 403 |
//! | an assertion longer than 8 KiB | 403 |
//! | no key can sign | 503 |
//! | a request without a user | no assertion; the client's header is removed |

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::{
    counters::ModeLabel,
    serve::Respond,
    settings::{AssertionDatabase, AssertionSettings},
    template::{Template, User},
};
use crate::{
    AuditTrail, AuthError, AuthErrorKind, ConfigError,
    backstage::{PublicJwk, SigningKeys, TokenIssuer, TokenIssuerBuilder},
};

/// Maximum length of an assertion. Many servers accept headers of 8 KiB.
const MAX_LENGTH: usize = 8 * 1024;
/// The shortest token lifetime of an issuer, which decides for how long keys are listed.
const MIN_KEY_USE: Duration = Duration::from_secs(10 * 60);

const KEY_SET: &str = "/.well-known/jwks.json";
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Keys are published ten minutes before they sign.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// An assertion, and what its audit event has of it.
pub(super) struct SignedAssertion {
    /// Of the header.
    pub(super) value: HeaderValue,
    pub(super) kid: String,
    pub(super) expires_at: SystemTime,
}

/// Makes the assertions.
pub(super) struct Assertion {
    issuer: TokenIssuer,
    audience: String,
    header: HeaderName,
    claims: Vec<(String, Template)>,
    lifetime: Duration,
}

impl Assertion {
    /// # Errors
    /// The key files cannot be used.
    pub(super) fn new(settings: AssertionSettings, audit: Option<AuditTrail>) -> Result<Self, ConfigError> {
        let AssertionSettings { issuer, audience, header, claims, lifetime, keys, database } = settings;
        let mut builder = TokenIssuer::builder(issuer).token_lifetime(lifetime.max(MIN_KEY_USE));
        if let Some(trail) = &audit {
            builder = builder.audit_trail(trail);
        }
        match (keys, database) {
            (Some(folder), _) => builder = builder.user_signing_keys(SigningKeys::from_folder(folder)?),
            (None, Some(database)) => builder = shared_by(builder, &database)?,
            (None, None) => tracing::info!(
                target: "tower_alb_auth",
                "assertions are signed with keys of this process only: what verifies them must fetch the keys from this \
                 process; replicas whose keys are fetched at one address need assertion_database or assertion_keys"
            ),
        }
        Ok(Self { issuer: builder.build()?, audience, header, claims, lifetime })
    }

    pub(super) fn issuer(&self) -> &TokenIssuer {
        &self.issuer
    }

    /// The header that carries it.
    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The claims about this user.
    ///
    /// # Errors
    /// A claim is missing or does not fit.
    pub(super) fn claims(&self, user: User<'_>) -> Result<Map<String, Value>, AuthError> {
        let mut claims = Map::new();
        for (name, template) in &self.claims {
            if let Some(value) = template.claim(name, user)? {
                claims.insert(name.clone(), value);
            }
        }
        claims.insert("aud".to_owned(), self.audience.clone().into());
        Ok(claims)
    }

    /// Signs an assertion with these claims.
    ///
    /// # Errors
    /// No key can sign, or the assertion is too long.
    pub(super) async fn sign(&self, claims: Map<String, Value>) -> Result<SignedAssertion, AuthError> {
        let issued = self.issuer.claims_token(claims, self.lifetime).await.map_err(|error| {
            let detail = "the assertion cannot be signed: see the cause";
            AuthError::with_detail(AuthErrorKind::SignInUnavailable, detail).caused_by(error)
        })?;
        let too_long = || {
            let detail = format!(
                "the assertion is longer than {MAX_LENGTH} bytes; leave claims out of assertion_claims, such as long lists of groups"
            );
            AuthError::with_detail(AuthErrorKind::SignInRefused, detail)
        };
        let (token, kid, expires_at) = (issued.token, issued.kid, issued.expires_at);
        if token.len() > MAX_LENGTH {
            return Err(too_long());
        }
        let text = if self.header == header::AUTHORIZATION { format!("Bearer {token}") } else { token };
        let mut value = HeaderValue::try_from(text).map_err(|_| too_long())?;
        value.set_sensitive(true);
        Ok(SignedAssertion { value, kid, expires_at })
    }
}

/// Publishes the public halves in this database, from which every replica lists them. Private keys stay in memory.
#[cfg(feature = "postgres")]
fn shared_by(builder: TokenIssuerBuilder, database: &AssertionDatabase) -> Result<TokenIssuerBuilder, ConfigError> {
    Ok(builder.user_keys(database.postgres()?.user_keys()))
}

#[cfg(not(feature = "postgres"))]
fn shared_by(_: TokenIssuerBuilder, _: &AssertionDatabase) -> Result<TokenIssuerBuilder, ConfigError> {
    Err(ConfigError::of(crate::config::ProblemKind::FeatureMissing, "assertion_database needs the feature postgres"))
}

/// The port with the key set and the discovery document.
pub(super) struct AssertionKeys {
    issuer: TokenIssuer,
    /// The path of the issuer's URL, without a slash at its end.
    path: String,
}

impl AssertionKeys {
    pub(super) fn of(assertion: &Assertion) -> Self {
        let issuer = assertion.issuer.clone();
        let path = issuer.issuer().parse().map(|url: http::Uri| url.path().trim_end_matches('/').to_owned());
        Self { path: path.unwrap_or_default(), issuer }
    }

    async fn key_set(&self) -> Response<Body> {
        match self.issuer.public_keys().await {
            Ok(keys) => {
                let keys: Vec<&str> = keys.iter().map(PublicJwk::json).collect();
                document(format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
            }
            Err(error) => {
                tracing::warn!(target: "tower_alb_auth", "the keys of assertions cannot be listed: {error}");
                empty(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }

    fn discovery(&self) -> Response<Body> {
        let issuer = self.issuer.issuer();
        let text = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}{KEY_SET}"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        document(text.to_string())
    }
}

impl Respond for AssertionKeys {
    const MODE: ModeLabel = ModeLabel::AssertionKeys;

    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let path = request.uri().path();
        let response = match path.strip_prefix(&*self.path).unwrap_or(path) {
            KEY_SET => self.key_set().await,
            DISCOVERY => self.discovery(),
            _ => empty(StatusCode::NOT_FOUND),
        };
        // hyper would send a body over HTTP/2, which breaks the stream.
        if request.method() == Method::HEAD { response.map(|_| Body::empty()) } else { response }
    }
}

fn document(json: String) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
