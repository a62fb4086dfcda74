//! The layer's checks, in the layer's order, and their results.

use std::fmt;

use super::hint::Hint;
use crate::error::{AuthError, AuthErrorKind};

/// The checks of the layer, in the layer's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// One header, with three base64url segments.
    Form,
    /// The JOSE header: its members, `typ`, `alg` and `kid`.
    Header,
    /// The load balancer's ARN.
    Signer,
    /// The issuer.
    Issuer,
    /// The client id.
    Client,
    /// `exp`, `nbf` and `iat`.
    Time,
    /// The public key of the token's `kid`.
    Key,
    /// The signature.
    Signature,
    /// The claims.
    Claims,
    /// The sign-in policy, and `x-amzn-oidc-identity`.
    SignIn,
}

/// One check of the layer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Check {
    /// Which check it is.
    pub step: Step,
    /// Its result.
    pub result: CheckResult,
    /// What most likely happened, and what to change.
    pub hints: Vec<Hint>,
}

/// The result of a check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CheckResult {
    /// The check passes.
    Passed,
    /// The check passes if the signature is valid, which was not shown.
    PassedIfSigned,
    /// The layer's errors: the first one, and those that follow once earlier ones are fixed.
    /// [`AuthError::operator_message`] says what was found, what was expected and what to change.
    Rejected(Vec<AuthError>),
    /// The check was not made.
    NotChecked(NotChecked),
}

/// Why a check was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotChecked {
    /// No key was given, and none was to be fetched.
    NoKeyGiven,
    /// The layer fetches no key for a token that it rejects earlier.
    NotFetched,
    /// The layer got no key.
    NoKey,
    /// The key was not checked, so the signature was not checked either.
    SameAsKey,
    /// The token has no signature of 64 bytes.
    NoSignature,
    /// An earlier check failed in a way that leaves nothing to check.
    EarlierFailed,
    /// The access token needs the keys of its issuer, which are fetched only with
    /// [`SignatureKey::fetched`](super::SignatureKey::fetched), and only if the layer would fetch them.
    IssuerKeysNotFetched,
}

/// An error of the layer, with the check that reported it.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) error: AuthError,
}

impl Step {
    /// All checks, in the layer's order.
    pub const ALL: [Self; 10] = [
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

    /// The name, as `alb-emulator inspect` prints it.
    pub fn as_str(self) -> &'static str {
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

    /// The check that reports errors of this kind. A duplicate member is reported by two of them:
    /// `in_header` says whether it is the one of the JOSE header.
    pub(super) fn of(kind: AuthErrorKind, in_header: bool) -> Self {
        match kind {
            AuthErrorKind::Missing
            | AuthErrorKind::DuplicateHeader
            | AuthErrorKind::TooLarge
            | AuthErrorKind::Malformed => Self::Form,
            AuthErrorKind::DuplicateMember if !in_header => Self::Claims,
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
            AuthErrorKind::IdentityMismatch
            | AuthErrorKind::AccessTokenMissing
            | AuthErrorKind::AccessTokenInvalid
            | AuthErrorKind::AccessTokenKeysUnavailable
            | AuthErrorKind::SignInRefused
            | AuthErrorKind::UserNotFound
            | AuthErrorKind::AmbiguousUser
            | AuthErrorKind::SignInUnavailable => Self::SignIn,
            _ => Self::Header,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKeyGiven => "no key was given",
            Self::NotFetched => "not fetched: the layer fetches no key for a token that it rejects earlier",
            Self::NoKey => "there is no key to check it with",
            Self::SameAsKey => "see key",
            Self::NoSignature => "there is no signature of 64 bytes",
            Self::EarlierFailed => "an earlier check must pass first",
            Self::IssuerKeysNotFetched => {
                "the access token was not checked, and the sign-in policy not applied: the keys of its issuer are fetched only \
                 together with the load balancer's key, once the signature is valid"
            }
        })
    }
}

impl fmt::Display for Check {
    /// One line, and one line more for each hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.step)?;
        match &self.result {
            CheckResult::Passed => f.write_str("ok")?,
            CheckResult::PassedIfSigned => f.write_str("ok, if the signature is valid")?,
            CheckResult::Rejected(errors) => {
                let messages: Vec<String> = errors.iter().map(AuthError::operator_message).collect();
                write!(f, "rejected: {}", messages.join("; and: "))?;
            }
            CheckResult::NotChecked(why) => write!(f, "not checked: {why}")?,
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\n  - {hint}"))
    }
}
