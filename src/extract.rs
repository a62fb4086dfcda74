//! Extractors for axum: the user as an argument of the handler.
//!
//! | argument | with a user | without one (optional layer, exempt path) | without the layer |
//! |---|---|---|---|
//! | [`BackstageIdentity`] | the user | 401 | 500 |
//! | `Option<BackstageIdentity>` | `Some` | `None` | 500 |
//! | [`Claims`] | the claims | 401 | 500 |
//! | `Option<Claims>` | `Some` | `None` | 500 |
//!
//! A user whom the policy did not name, though it names others (`FirstMatch` with `ClaimsOnly` at its end, say), is 403 or
//! `None` for an identity, and has claims.
//!
//! 500 is the application's mistake: the route is not under an [`AlbAuthLayer`](crate::AlbAuthLayer), or its sign-in policy is
//! `ClaimsOnly` and the handler asks for an identity. Its text says which.

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{Extensions, HeaderMap, Method, StatusCode, Uri, request::Parts};

use crate::{
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims},
    layer::{Anonymous, Refuse, RefusedRequest, StandardRefusal, Unnamed},
};

/// Why an extractor gave nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ExtractRejection {
    /// Nobody is signed in: 401, as the layer refuses with its text.
    Anonymous,
    /// Somebody is signed in whom the sign-in policy, which names others, did not name: 403.
    Unnamed,
    /// The application's mistake: 500.
    Misused(&'static str),
}

const NO_LAYER: ExtractRejection = ExtractRejection::Misused(
    "no AlbAuthLayer is around this route: is the layer installed, and added after the route?",
);
const CLAIMS_ONLY: ExtractRejection = ExtractRejection::Misused(
    "the sign-in policy ClaimsOnly gives no identity: take Claims instead, or configure a policy that names users",
);

impl IntoResponse for ExtractRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Anonymous => refusal(
                AuthErrorKind::Missing,
                "a handler wants a user, and the layer let the request pass without one: the path is exempt, or the layer is \
                 optional and no token came",
            ),
            Self::Unnamed => refusal(
                AuthErrorKind::UserNotFound,
                "a handler wants an identity, and the sign-in policy let the user in with claims alone",
            ),
            Self::Misused(sentence) => {
                tracing::error!(target: "tower_alb_auth", "{sentence}");
                (StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
            }
        }
    }
}

fn refusal(kind: AuthErrorKind, sentence: &'static str) -> Response {
    tracing::debug!(target: "tower_alb_auth", "refused: {sentence}");
    let request = RefusedRequest { method: &Method::GET, uri: &Uri::default(), headers: &HeaderMap::new() };
    let error = AuthError::with_detail(kind, sentence);
    let mut response: Response<Body> = StandardRefusal::default().refuse(&error, &request);
    response.extensions_mut().insert(error);
    response
}

fn identity(extensions: &Extensions) -> Result<BackstageIdentity, ExtractRejection> {
    match extensions.get::<BackstageIdentity>() {
        Some(identity) => Ok(identity.clone()),
        None if extensions.get::<Anonymous>().is_some() => Err(ExtractRejection::Anonymous),
        None if extensions.get::<Unnamed>().is_some() => Err(ExtractRejection::Unnamed),
        None if extensions.get::<Claims>().is_some() => Err(CLAIMS_ONLY),
        None => Err(NO_LAYER),
    }
}

fn claims(extensions: &Extensions) -> Result<Claims, ExtractRejection> {
    match Claims::of(extensions) {
        Some(claims) => Ok(claims.clone()),
        None if extensions.get::<Anonymous>().is_some() => Err(ExtractRejection::Anonymous),
        None => Err(NO_LAYER),
    }
}

macro_rules! extractor {
    ($type:ty, $from:ident) => {
        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtractRejection> {
                $from(&parts.extensions)
            }
        }

        impl<S: Send + Sync> OptionalFromRequestParts<S> for $type {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractRejection> {
                match $from(&parts.extensions) {
                    Ok(found) => Ok(Some(found)),
                    Err(ExtractRejection::Anonymous | ExtractRejection::Unnamed) => Ok(None),
                    Err(misused) => Err(misused),
                }
            }
        }
    };
}

extractor!(BackstageIdentity, identity);
extractor!(Claims, claims);
