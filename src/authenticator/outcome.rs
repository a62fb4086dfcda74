//! What a decision ends with, and how the results of keys and sign-in policies become it.

use std::pin::Pin;

use crate::{
    config::Naming,
    deny_list::DeniedUser,
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims, EntityRef},
    keys::KeyError,
    sign_in::{SignIn, SignInError, SignInErrorKind},
    telemetry::Decided,
    token::UnverifiedToken,
};

/// The user of a verified token.
pub(crate) enum Authenticated {
    User(BackstageIdentity),
    /// The policy names no users.
    ClaimsOnly(Claims),
    /// The policy names users, but returned none for these claims.
    NoMatch(Claims),
}

impl Authenticated {
    pub(crate) fn claims(&self) -> &Claims {
        match self {
            Self::User(identity) => identity.claims(),
            Self::ClaimsOnly(claims) | Self::NoMatch(claims) => claims,
        }
    }

    pub(crate) fn claims_mut(&mut self) -> &mut Claims {
        match self {
            Self::User(identity) => identity.claims_mut(),
            Self::ClaimsOnly(claims) | Self::NoMatch(claims) => claims,
        }
    }
}

impl<'a> From<&'a Authenticated> for DeniedUser<'a> {
    fn from(authenticated: &'a Authenticated) -> Self {
        match authenticated {
            Authenticated::User(identity) => identity.into(),
            Authenticated::ClaimsOnly(claims) | Authenticated::NoMatch(claims) => claims.into(),
        }
    }
}

/// Why a request is refused, and whose it is if the signature of its token was good: for the audit trail.
pub(crate) struct Refused {
    pub(crate) error: AuthError,
    of: Option<Of>,
}

enum Of {
    Claims(Claims),
    User(Box<BackstageIdentity>),
}

impl Refused {
    /// Of a user whose token was verified.
    pub(super) fn of_claims(error: AuthError, claims: Claims) -> Self {
        Self { error, of: Some(Of::Claims(claims)) }
    }

    pub(super) fn of_user(error: AuthError, authenticated: Authenticated) -> Self {
        let of = match authenticated {
            Authenticated::User(identity) => Of::User(Box::new(identity)),
            Authenticated::ClaimsOnly(claims) | Authenticated::NoMatch(claims) => Of::Claims(claims),
        };
        Self { error, of: Some(of) }
    }

    /// The entity ref, if the sign-in policy had named one, and the claims.
    pub(crate) fn user(&self) -> Option<(Option<&EntityRef>, &Claims)> {
        self.of.as_ref().map(|of| match of {
            Of::Claims(claims) => (None, claims),
            Of::User(identity) => (Some(identity.user_entity_ref()), identity.claims()),
        })
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Self { error, of: None }
    }
}

impl From<AuthErrorKind> for Refused {
    fn from(kind: AuthErrorKind) -> Self {
        AuthError::from(kind).into()
    }
}

pub(super) type Outcome = Result<Authenticated, Refused>;

/// A decision, or a future of it.
pub(crate) enum Decision {
    Made(Outcome),
    Waiting(DecisionFuture),
}

/// A decision that waits for a key or for the sign-in policy. Borrows nothing.
pub(crate) type DecisionFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The outcome as telemetry records it.
#[inline]
pub(super) fn decided(outcome: &Outcome) -> Decided<'_> {
    match outcome {
        Ok(Authenticated::User(user)) => Decided::User(user.user_entity_ref()),
        Ok(Authenticated::ClaimsOnly(_) | Authenticated::NoMatch(_)) => Decided::Claims,
        Err(refused) => Decided::Refused(&refused.error),
    }
}

#[inline]
pub(super) fn refuse(kind: AuthErrorKind) -> Decision {
    Decision::Made(Err(kind.into()))
}

#[inline]
pub(super) fn accept(claims: Claims, result: Result<SignIn, SignInError>, naming: Naming<'_>) -> Outcome {
    let SignIn { user, ownership } = match result {
        Ok(sign_in) => sign_in,
        Err(error) => return Err(Refused::of_claims(sign_in_error(error), claims)),
    };
    match (user, naming) {
        (None, Naming::NoUser) => Ok(Authenticated::ClaimsOnly(claims)),
        (None, _) => Ok(Authenticated::NoMatch(claims)),
        // The configuration did not check the namespace of a policy that is described to name no
        // users.
        (Some(_), Naming::NoUser) => Err(violated_description(
            "the sign-in policy returned a user, but its description says that it names no users",
            claims,
        )),
        (Some(user), Naming::Only(namespace)) if namespace != user.namespace() => Err(violated_description(
            "the sign-in policy returned a user outside of the namespace in its description",
            claims,
        )),
        (Some(user), _) => Ok(Authenticated::User(BackstageIdentity::new(claims, user, ownership))),
    }
}

/// The policy violates its description, which the check of the configuration relies on.
fn violated_description(message: &'static str, claims: Claims) -> Refused {
    Refused::of_claims(AuthError::with_detail(AuthErrorKind::SignInRefused, message), claims)
}

pub(crate) fn sign_in_error(error: SignInError) -> AuthError {
    let kind = match error.kind() {
        SignInErrorKind::Refused => AuthErrorKind::SignInRefused,
        SignInErrorKind::NotFound => AuthErrorKind::UserNotFound,
        SignInErrorKind::Ambiguous => AuthErrorKind::AmbiguousUser,
        SignInErrorKind::Unavailable | SignInErrorKind::Misconfigured => AuthErrorKind::SignInUnavailable,
    };
    AuthError::with_detail(kind, error.message()).caused_by(error)
}

pub(super) fn key_error(error: KeyError, unverified: &UnverifiedToken<'_, '_>) -> AuthError {
    let (endpoint, kid) = (unverified.trusted().endpoint, unverified.kid());
    match error {
        KeyError::Unknown => AuthError::with_detail(AuthErrorKind::UnknownKey, format!("requested {endpoint}/{kid}")),
        KeyError::Unavailable { reason, retry_after, source } => {
            AuthError::with_detail(AuthErrorKind::KeysUnavailable, reason).retry_after(retry_after).with_source(source)
        }
        KeyError::Rejected { reason, retry_after, source } => {
            AuthError::with_detail(AuthErrorKind::KeyRejected, reason).retry_after(retry_after).with_source(source)
        }
    }
}
