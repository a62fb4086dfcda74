//! The layer's checks, in the layer's order, and their results.

use super::findings::Findings;
use crate::{AuthError, AuthErrorKind};

/// The checks of the layer, in the layer's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Form,
    Header,
    Signer,
    Issuer,
    Client,
    Time,
    Key,
    Signature,
    Claims,
    SignIn,
}

/// The result of a check.
#[derive(Debug, Clone)]
pub(super) enum State {
    Passed,
    /// The layer's errors: the first one, and those that would follow once earlier ones are fixed.
    Failed(Vec<AuthError>),
    /// The reason.
    NotChecked(&'static str),
}

/// The result for key and signature, which only a real key can give.
#[derive(Debug, Clone)]
pub(super) enum Signature {
    Good,
    /// The key does not verify the signature, or there is no key.
    Failed(AuthError),
    NotChecked(&'static str),
}

impl Step {
    pub(super) const ALL: [Self; 10] = [
        Self::Form,
        Self::Header,
        Self::Signer,
        Self::Issuer,
        Self::Client,
        Self::Time,
        Self::Key,
        Self::Signature,
        Self::Claims,
        Self::SignIn,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Header => "JOSE header",
            Self::Signer => "signer",
            Self::Issuer => "issuer",
            Self::Client => "client",
            Self::Time => "time",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::SignIn => "sign-in",
        }
    }

    pub(super) fn of(error: &AuthError) -> Self {
        match error.kind() {
            AuthErrorKind::TooLarge | AuthErrorKind::Malformed => Self::Form,
            // The one kind that has two sources.
            AuthErrorKind::DuplicateMember if error.operator_message().ends_with("in the claims") => Self::Claims,
            AuthErrorKind::UntrustedSigner => Self::Signer,
            AuthErrorKind::UntrustedIssuer => Self::Issuer,
            AuthErrorKind::UntrustedClient => Self::Client,
            AuthErrorKind::Expired
            | AuthErrorKind::NotYetValid
            | AuthErrorKind::LifetimeTooLong
            | AuthErrorKind::ClockUnusable => Self::Time,
            AuthErrorKind::UnknownKey | AuthErrorKind::KeysUnavailable | AuthErrorKind::KeyRejected => Self::Key,
            AuthErrorKind::InvalidSignature => Self::Signature,
            AuthErrorKind::MalformedClaims => Self::Claims,
            AuthErrorKind::SignInRefused
            | AuthErrorKind::UserNotFound
            | AuthErrorKind::AmbiguousUser
            | AuthErrorKind::SignInUnavailable => Self::SignIn,
            _ => Self::Header,
        }
    }

    /// The result of this check.
    pub(super) fn state(self, findings: &Findings, signature: &Signature) -> State {
        match (self, signature) {
            (Self::Key, Signature::Failed(error)) if Self::of(error) == Self::Key => {
                return State::Failed(vec![error.clone()]);
            }
            (Self::Signature, Signature::Failed(error)) if Self::of(error) == Self::Key => {
                return State::NotChecked("there is no key to check it with");
            }
            (Self::Signature, Signature::Failed(error)) => return State::Failed(vec![error.clone()]),
            (Self::Key, Signature::Good | Signature::Failed(_)) | (Self::Signature, Signature::Good) => {
                return State::Passed;
            }
            (Self::Key, Signature::NotChecked(why)) => return State::NotChecked(why),
            (Self::Signature, Signature::NotChecked(_)) => return State::NotChecked("see key"),
            _ => {}
        }
        let errors: Vec<AuthError> = findings.errors.iter().filter(|error| Self::of(error) == self).cloned().collect();
        // Nothing is known about the checks behind a failure that could not be worked around.
        let reached = findings.errors.iter().map(Self::of).max().filter(|_| findings.accepted.is_none());
        match reached {
            _ if !errors.is_empty() => State::Failed(errors),
            Some(last) if self > last => State::NotChecked("an earlier check must pass first"),
            _ => State::Passed,
        }
    }
}
