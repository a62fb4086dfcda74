//! The layer and its service.

use std::{
    fmt,
    mem::replace,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, header};
use tower_layer::Layer;
use tower_service::Service;

use super::{MachineIdentity, MachineResponseFuture, record::Record};
use crate::{
    access_token::{AccessTokenVerifier, Checked},
    alb::{OidcHeaders, Values},
    config::MachineTokens,
    error::{AuthError, AuthErrorKind},
    identity::Claims,
    layer::{Refuse, StandardRefusal},
    limits::{CacheLimits, KeyLimits, TokenLimits},
    settings::ConfigError,
    telemetry::{audit::AuditTrail, metrics},
};

/// Authenticates machines by bearer tokens, as a layer: see [`config::MachineTokens`](crate::config::MachineTokens) for what is
/// accepted.
///
/// | the request has | result |
/// |---|---|
/// | a user of an outer [`AlbAuthLayer`](crate::AlbAuthLayer) | the caller is the user; the bearer token is not read |
/// | `x-amzn-oidc-data` that no outer layer verified | 401 |
/// | a valid bearer token | a [`MachineIdentity`] in the extensions |
/// | neither, or an invalid bearer token | 401 |
/// | a bearer token whose keys are out of reach | 503 |
///
/// ```
/// # #[cfg(all(feature = "axum", feature = "test-util"))] {
/// use axum::{Extension, Router, routing::get};
/// use tower_alb_auth::{BackstageIdentity, MachineIdentity, MachineLayer, config::MachineTokens, test_util::MockAlb};
///
/// async fn orders(user: Option<BackstageIdentity>, machine: Option<Extension<MachineIdentity>>) -> String {
///     match (user, machine) {
///         (Some(user), _) => user.user_entity_ref().to_string(),
///         (None, Some(machine)) => machine.client_id().to_owned(),
///         (None, None) => "a user without an identity".to_owned(),
///     }
/// }
///
/// let tokens = MachineTokens::new("https://login.example.com").audience("api://orders").client("nightly-report");
/// let app: Router = Router::new()
///     .route("/orders", get(orders))
///     .layer(MachineLayer::new(tokens)?)
///     // Added last, so it is outside, and optional: a request without a user needs the token of a machine.
///     .layer(MockAlb::new().layer().optional());
/// # let _ = app;
/// # }
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[doc(alias("bearer", "jwt-validation", "client_credentials", "m2m"))]
#[derive(Clone)]
pub struct MachineLayer {
    verifier: Arc<AccessTokenVerifier>,
    record: Record,
}

/// The service that [`MachineLayer`] makes.
#[derive(Clone)]
pub struct MachineAuth<S> {
    inner: S,
    layer: MachineLayer,
}

impl MachineLayer {
    /// Checks the settings. Opens no connection.
    ///
    /// # Errors
    /// All mistakes: no audience, no client, an issuer or a key address that is neither https nor on this machine.
    pub fn new(tokens: MachineTokens) -> Result<Self, ConfigError> {
        let keys = KeyLimits::default();
        let rule = tokens.rule(&keys)?;
        let (limits, cache) = (TokenLimits::default(), CacheLimits::default());
        tracing::info!(target: "tower_alb_auth", "accepts machines with {rule}");
        metrics::describe_machines();
        let verifier = Arc::new(AccessTokenVerifier::new(&rule, &limits, &keys, &cache, &tokens.clock));
        Ok(Self { verifier, record: Record::default() })
    }

    /// Records refusals in this audit trail, and each machine once an hour, by client id and issuer.
    #[must_use]
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.record.audit = Some(trail.clone());
        self
    }
}

impl<S> Layer<S> for MachineLayer {
    type Service = MachineAuth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MachineAuth { inner, layer: self.clone() }
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for MachineAuth<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    StandardRefusal: Refuse<ResB, Body = ResB>,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = MachineResponseFuture<S, ReqB, Response<ResB>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        request.extensions_mut().remove::<MachineIdentity>();
        if Claims::of(request.extensions()).is_some() {
            Record::user();
            return MachineResponseFuture::inner(self.inner.call(request));
        }
        let checked = match bearer(request.headers_mut()) {
            Ok(token) => self.layer.verifier.check_bearer(token),
            Err(error) => Checked::Ready(Err(error)),
        };
        // A request that may be rejected must not keep what readiness holds, such as a permit.
        let give_back = |inner: &mut S| {
            let unready = inner.clone();
            drop(replace(inner, unready));
        };
        let record = &self.layer.record;
        let outcome = match checked {
            Checked::Ready(outcome) => outcome.and_then(MachineIdentity::of_verified),
            Checked::Waiting(check) => {
                let record = record.clone();
                give_back(&mut self.inner);
                return MachineResponseFuture::waiting(check, request, self.inner.clone(), record);
            }
        };
        match outcome {
            Ok(machine) => {
                record.admit(machine, &mut request);
                MachineResponseFuture::inner(self.inner.call(request))
            }
            Err(error) => {
                let response = record.refuse(&error, &request);
                give_back(&mut self.inner);
                MachineResponseFuture::refused(response)
            }
        }
    }
}

/// The token of the one header `authorization`, in a request that has no proof of another kind.
///
/// Headers that look like those of a load balancer are removed: no layer verified them.
fn bearer(headers: &mut HeaderMap) -> Result<&[u8], AuthError> {
    let found = OidcHeaders::scan(headers);
    let (has_data, to_strip) = (!matches!(found.data, Values::None), found.to_strip());
    to_strip.strip_all(headers);
    if has_data {
        return Err(invalid(
            "the request has x-amzn-oidc-data, which no AlbAuthLayer around this layer verified; a bearer token is not tried in \
             its place",
        ));
    }
    let missing = |found: &str| {
        AuthError::with_detail(
            AuthErrorKind::AccessTokenMissing,
            format!("found {found}, expected one header authorization of the form Bearer <token>"),
        )
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(missing("none")),
        (Some(_), Some(_)) => return Err(missing("several headers")),
    };
    // The scheme in any letter case (RFC 9110 section 11.1), and one blank (RFC 6750 section 2.1).
    let token = value.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    token.map(|(_, token)| token).ok_or_else(|| missing("another scheme"))
}

fn invalid(detail: &str) -> AuthError {
    AuthError::with_detail(AuthErrorKind::AccessTokenInvalid, detail)
}

impl fmt::Debug for MachineLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineLayer").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug> fmt::Debug for MachineAuth<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineAuth").field("inner", &self.inner).finish_non_exhaustive()
    }
}
