//! The layer's checks, in its order, and how each of them went.

use super::findings::Findings;
use crate::{AuthError, AuthErrorKind};

/// What the layer checks, in its order.
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

/// How a check went.
#[derive(Debug, Clone)]
pub(super) enum State {
    Passed,
    /// What the layer says of it, or would say once what comes before is mended.
    Failed(Vec<AuthError>),
    /// The reason, as a sentence.
    NotChecked(&'static str),
}

/// How it went with key and signature, which only a real key can tell.
#[derive(Debug, Clone)]
pub(super) enum Signature {
    Good,
    /// A key, and it does not fit; or no key, and why.
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
            // The one kind that comes from two places.
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

    /// How this check went.
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
        // Behind the last thing found that could not be mended, nothing is known.
        let reached = findings.errors.iter().map(Self::of).max().filter(|_| findings.in_the_end.is_none());
        match reached {
            _ if !errors.is_empty() => State::Failed(errors),
            Some(last) if self > last => State::NotChecked("what is above has to be mended first"),
            _ => State::Passed,
        }
    }
}
