//! Extractors for axum: the user as an argument of the handler.
//!
//! | argument | with a user | without one (optional layer, exempt path) | without the layer |
//! |---|---|---|---|
//! | [`BackstageIdentity`] | the user | 401 | 500 |
//! | `Option<BackstageIdentity>` | `Some` | `None` | 500 |
//! | [`Claims`] | the claims | 401 | 500 |
//! | [`AccessTokenClaims`] | its claims, where the configuration verifies access tokens; else 500 | 401 | 500 |
//! | `Option<Claims>` | `Some` | `None` | 500 |
//!
//! A policy can give some users an identity and accept others with claims alone, such as
//! `FirstMatch` with `ClaimsOnly` at its end. For the latter, an identity is 403 or `None`, and the
//! claims are there.
//!
//! 500 is the application's mistake: the route is not under an
//! [`AlbAuthLayer`](crate::AlbAuthLayer), or its sign-in policy is `ClaimsOnly` and the handler
//! takes an identity. The log has the reason, the response does not.
//!
//! Refusals have the form of the outer layer: its text, Backstage's JSON, gRPC's, or that of its
//! closure. They carry their [`AuthError`] for an outer layer.

use std::fmt;

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{Extensions, request::Parts};

use super::{Anonymous, RefusedRequest, StandardRefusal, Unnamed, left_trail::LeftTrail, refuse};
use crate::{
    alb::TraceId,
    error::{AuthError, AuthErrorKind},
    identity::{AccessTokenClaims, BackstageIdentity, Claims},
};

/// Why an extractor failed: the error, and the response in the form of the outer layer.
pub struct ExtractRejection(Box<Refused>);

struct Refused {
    error: AuthError,
    response: Response,
}

impl ExtractRejection {
    /// The reason. [`Missing`](AuthErrorKind::Missing): no user is signed in.
    /// [`UserNotFound`](AuthErrorKind::UserNotFound): the sign-in policy, which names others, did
    /// not name the user. [`Misused`](AuthErrorKind::Misused): the application's mistake.
    pub fn error(&self) -> &AuthError {
        &self.0.error
    }

    fn new(reason: Reason, parts: &Parts) -> Self {
        let error = AuthError::with_detail(reason.kind(), reason.detail());
        let trace_id = TraceId::In(&parts.headers);
        match reason {
            Reason::NoLayer | Reason::ClaimsOnly | Reason::NoAccessToken => {
                tracing::error!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{}", reason.detail());
            }
            Reason::Anonymous | Reason::Unnamed => {
                tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "refused: {}", reason.detail());
            }
        }
        LeftTrail::refused(&parts.extensions, &error, &parts.headers);
        let request = RefusedRequest::of_parts(parts).behind_layer(&parts.extensions);
        let response = refuse::<axum_core::body::Body, _>(&StandardRefusal::default(), &error, &request);
        Self(Box::new(Refused { error, response }))
    }
}

impl IntoResponse for ExtractRejection {
    fn into_response(self) -> Response {
        self.0.response
    }
}

impl fmt::Debug for ExtractRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtractRejection").field(self.error()).finish()
    }
}

#[derive(Debug, Clone, Copy)]
enum Reason {
    Anonymous,
    Unnamed,
    NoLayer,
    ClaimsOnly,
    NoAccessToken,
}

impl Reason {
    fn kind(self) -> AuthErrorKind {
        match self {
            Self::Anonymous => AuthErrorKind::Missing,
            Self::Unnamed => AuthErrorKind::UserNotFound,
            Self::NoLayer | Self::ClaimsOnly | Self::NoAccessToken => AuthErrorKind::Misused,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Anonymous => {
                "a handler requires a user, and the layer let the request pass without one: the path is exempt, or the layer is \
                 optional and no token came"
            }
            Self::Unnamed => "a handler requires an identity, and the sign-in policy gives claims only",
            Self::NoAccessToken => {
                "a handler requires the claims of the access token, and the configuration verifies none: add \
                 .access_tokens(AccessTokens::new()) to the TrustedAlb"
            }
            Self::NoLayer => "no AlbAuthLayer is around this route: is the layer installed, and added after the route?",
            Self::ClaimsOnly => {
                "the sign-in policy ClaimsOnly gives no identity: take Claims instead, or configure a policy that names users"
            }
        }
    }
}

fn identity(extensions: &Extensions) -> Result<BackstageIdentity, Reason> {
    match extensions.get::<BackstageIdentity>() {
        Some(identity) => Ok(identity.clone()),
        None if extensions.get::<Anonymous>().is_some() => Err(Reason::Anonymous),
        None if extensions.get::<Unnamed>().is_some() => Err(Reason::Unnamed),
        None if extensions.get::<Claims>().is_some() => Err(Reason::ClaimsOnly),
        None => Err(Reason::NoLayer),
    }
}

fn claims(extensions: &Extensions) -> Result<Claims, Reason> {
    match Claims::of(extensions) {
        Some(claims) => Ok(claims.clone()),
        None if extensions.get::<Anonymous>().is_some() => Err(Reason::Anonymous),
        None => Err(Reason::NoLayer),
    }
}

fn access_token(extensions: &Extensions) -> Result<AccessTokenClaims, Reason> {
    claims(extensions)?.access_token().cloned().ok_or(Reason::NoAccessToken)
}

macro_rules! extractor {
    ($type:ty, $from:ident) => {
        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractRejection> {
                $from(&parts.extensions).map_err(|reason| ExtractRejection::new(reason, parts))
            }
        }

        impl<S: Send + Sync> OptionalFromRequestParts<S> for $type {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractRejection> {
                match $from(&parts.extensions) {
                    Ok(found) => Ok(Some(found)),
                    Err(Reason::Anonymous | Reason::Unnamed) => Ok(None),
                    Err(misused) => Err(ExtractRejection::new(misused, parts)),
                }
            }
        }
    };
}

extractor!(BackstageIdentity, identity);
extractor!(Claims, claims);
extractor!(AccessTokenClaims, access_token);
