//! Why a request was not let in, whose fault it is, and what the operator can do.

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;

/// Why a request was not let in.
///
/// The client sees one sentence a status, [`client_message`](Self::client_message), whatever the reason. The operator sees
/// [`operator_message`](Self::operator_message): what was expected, what was found, what to change. Neither carries a token,
/// an email address or an access token.
///
/// The layer puts the error into the extensions of its answer, so that an outer layer can log or count it.
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    /// What was expected and found, and what to change.
    detail: Option<Arc<str>>,
    retry_after: Option<Duration>,
}

/// The reasons, one a way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// The client sent no `x-amzn-oidc-data`. Usual on a path that the load balancer does not authenticate.
    Missing,
    /// More than one `x-amzn-oidc-data`. A load balancer sends one; somebody added another.
    DuplicateHeader,
    /// `x-amzn-oidc-identity` disagrees with the signed subject, or there are several that disagree.
    IdentityMismatch,
    /// The token is longer than the limit.
    TooLarge,
    /// Not three base64url segments with a signature of 64 bytes.
    Malformed,
    /// The JOSE header is not a strict JSON object with the members of a load balancer's token.
    MalformedHeader,
    /// A member stands twice in the JOSE header or in the claims, so that two readers could read two things.
    DuplicateMember,
    /// `alg` is not ES256.
    UnsupportedAlgorithm,
    /// `typ` is there and is not JWT: a token made for something else.
    UnsupportedType,
    /// A JOSE header member that changes how a token is read or where its key comes from (`crit`, `b64`, `jwk`, `jku`, ...).
    UnsupportedHeader,
    /// `kid` is not a lower-case UUID.
    MalformedKeyId,
    /// Signed by a load balancer that the configuration does not trust. Either an attack or a wrong ARN in the configuration.
    UntrustedSigner,
    /// The load balancer is trusted, but not with this issuer.
    UntrustedIssuer,
    /// Load balancer and issuer are trusted, but not with this client id: a token of another application.
    UntrustedClient,
    /// `exp` is past.
    Expired,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
    /// `exp` lies further ahead than any load balancer sets it.
    LifetimeTooLong,
    /// The clock of this machine stands before 1970, so no token can be judged.
    ClockUnusable,
    /// The key endpoint knows no key of this id.
    UnknownKey,
    /// The signature is not one by the key that the token names.
    InvalidSignature,
    /// The claims are not a strict JSON object with the claims every token must have.
    MalformedClaims,
    /// The key endpoint could not be reached, or the budget of fetches is spent. Ours or AWS's to mend: the client is told to
    /// come back, not that it is a stranger.
    KeysUnavailable,
    /// The key endpoint answered with something that is not a P-256 public key.
    KeyRejected,
    /// The sign-in policy refuses this user: an unverified email, a domain that is not allowed, a claim that is not there.
    SignInRefused,
    /// The sign-in policy finds nobody for these claims.
    UserNotFound,
    /// The sign-in policy finds several users for these claims.
    AmbiguousUser,
    /// What the sign-in policy asks (a catalog) is out of reach.
    SignInUnavailable,
    /// Signed in, but not owning for what a part of the application demands.
    OwnershipMissing,
    /// Signed in, but without the claim that a part of the application demands.
    ClaimMissing,
    /// The application demands a user where no layer looks for one, or an identity of a policy that names nobody; or its own
    /// code panicked. The application's own mistake, and never a way in.
    Misused,
}

/// Whose fault a refusal is most likely to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request's: nothing to do but refuse it.
    Client,
    /// The configuration's, or an attack: compare what was expected and found.
    Operator,
    /// The network's, AWS's or the catalog's: it passes by itself or somebody mends it.
    Infrastructure,
}

impl AuthError {
    pub(crate) fn new(kind: AuthErrorKind) -> Self {
        Self { kind, detail: None, retry_after: None }
    }

    pub(crate) fn with_detail(kind: AuthErrorKind, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into().into()), ..Self::new(kind) }
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The reason.
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// Whose fault it most likely is.
    pub fn fault(&self) -> Fault {
        self.kind.fault()
    }

    /// The status of the answer: 401, 403, 409 or 503. Never 500 for what came in: that is for
    /// [`Misused`](AuthErrorKind::Misused), a mistake of the application.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// With status 503, when to come back.
    pub fn retry_delay(&self) -> Option<Duration> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| self.retry_after.unwrap_or(Duration::from_secs(1)))
    }

    /// [`retry_delay`](Self::retry_delay) in whole seconds, for `Retry-After`. Rounded up: a client that comes back early is
    /// refused again.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_delay()?;
        Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The sentence for the client: one a status, so that it gives nothing away.
    pub fn client_message(&self) -> &'static str {
        match self.status() {
            StatusCode::FORBIDDEN => "You are signed in, but this application does not let you in.",
            StatusCode::CONFLICT => "You are signed in, but more than one user matches you here.",
            StatusCode::SERVICE_UNAVAILABLE => "Your sign-in cannot be checked at the moment. Please try again.",
            StatusCode::INTERNAL_SERVER_ERROR => "This part of the application is set up wrongly.",
            _ => "This needs a sign-in through the load balancer.",
        }
    }

    /// The sentence for the operator: what was expected, what was found, what to change. For logs, not for answers: it names
    /// load balancers, issuers and client ids.
    pub fn operator_message(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.kind.sentence()),
            None => self.kind.sentence().to_owned(),
        }
    }
}

impl AuthErrorKind {
    /// A short name for logs and metrics, in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::DuplicateHeader => "duplicate_header",
            Self::IdentityMismatch => "identity_mismatch",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::MalformedHeader => "malformed_header",
            Self::DuplicateMember => "duplicate_member",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnsupportedType => "unsupported_type",
            Self::UnsupportedHeader => "unsupported_header",
            Self::MalformedKeyId => "malformed_key_id",
            Self::UntrustedSigner => "untrusted_signer",
            Self::UntrustedIssuer => "untrusted_issuer",
            Self::UntrustedClient => "untrusted_client",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::ClockUnusable => "clock_unusable",
            Self::UnknownKey => "unknown_key",
            Self::InvalidSignature => "invalid_signature",
            Self::MalformedClaims => "malformed_claims",
            Self::KeysUnavailable => "keys_unavailable",
            Self::KeyRejected => "key_rejected",
            Self::SignInRefused => "sign_in_refused",
            Self::UserNotFound => "user_not_found",
            Self::AmbiguousUser => "ambiguous_user",
            Self::SignInUnavailable => "sign_in_unavailable",
            Self::OwnershipMissing => "ownership_missing",
            Self::ClaimMissing => "claim_missing",
            Self::Misused => "misused",
        }
    }

    /// Whose fault it most likely is.
    pub fn fault(self) -> Fault {
        match self {
            Self::UntrustedSigner | Self::UntrustedIssuer | Self::UntrustedClient | Self::IdentityMismatch => {
                Fault::Operator
            }
            Self::DuplicateMember | Self::LifetimeTooLong | Self::ClockUnusable => Fault::Operator,
            Self::SignInRefused | Self::UserNotFound | Self::AmbiguousUser | Self::Misused => Fault::Operator,
            Self::KeysUnavailable | Self::KeyRejected | Self::SignInUnavailable => Fault::Infrastructure,
            _ => Fault::Client,
        }
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::SignInRefused | Self::UserNotFound | Self::OwnershipMissing | Self::ClaimMissing => {
                StatusCode::FORBIDDEN
            }
            Self::Misused => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AmbiguousUser => StatusCode::CONFLICT,
            Self::KeysUnavailable | Self::KeyRejected | Self::SignInUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Missing => {
                "no x-amzn-oidc-data header: expected on each request that passed a listener rule with an authenticate \
                 action; give this path's rule one, or exempt the path if it is a health check"
            }
            Self::DuplicateHeader => {
                "more than one x-amzn-oidc-data header: a load balancer sends one, so a client or a proxy added another; \
                 let the target's security group accept traffic of the load balancer only"
            }
            Self::IdentityMismatch => {
                "x-amzn-oidc-identity is not the subject of the signed token: a client or a proxy changed a header; let \
                 the target's security group accept traffic of the load balancer only"
            }
            Self::TooLarge => {
                "the token is longer than the limit: raise max_token_bytes if users have that many claims"
            }
            Self::Malformed => "x-amzn-oidc-data is not three base64url segments with a 64-byte signature",
            Self::MalformedHeader => "the JOSE header is not what a load balancer writes",
            Self::DuplicateMember => {
                "a JSON member stands twice in the token, so two readers could read two things: if the identity provider's \
                 userinfo answer has an exp or iss of its own, take it out there"
            }
            Self::UnsupportedAlgorithm => "the token's alg is not ES256, the only one a load balancer uses",
            Self::UnsupportedType => "the token's typ is not JWT: it was made for something else",
            Self::UnsupportedHeader => {
                "the JOSE header has a member that no load balancer writes and that could redirect the check"
            }
            Self::MalformedKeyId => "the token's kid is not a lower-case UUID",
            Self::UntrustedSigner => "the token was signed by a load balancer that is not trusted",
            Self::UntrustedIssuer => "the load balancer is trusted, but not with the token's issuer",
            Self::UntrustedClient => "load balancer and issuer are trusted, but not with the token's client id",
            Self::Expired => "the token has expired: compare the clocks if this happens to fresh requests",
            Self::NotYetValid => "the token is not valid yet: compare the clocks",
            Self::LifetimeTooLong => {
                "the token's exp is further ahead than max_lifetime: a load balancer sets it 120 s ahead, so something else \
                 signed the token, or this machine's clock is far behind; if longer tokens are expected, raise \
                 TokenLimits::max_lifetime"
            }
            Self::ClockUnusable => "this machine's clock stands before 1970: set it",
            Self::UnknownKey => "the key endpoint has no key of the token's kid: compare region and key endpoint",
            Self::InvalidSignature => "the signature does not match the token's key",
            Self::MalformedClaims => "the token's claims are not what a load balancer writes",
            Self::KeysUnavailable => "the public keys are out of reach",
            Self::KeyRejected => "the key endpoint answered with something that is not a P-256 public key",
            Self::SignInRefused => "the sign-in policy refuses this user",
            Self::UserNotFound => "the sign-in policy finds nobody for these claims",
            Self::AmbiguousUser => "the sign-in policy finds more than one user for these claims",
            Self::SignInUnavailable => "what the sign-in policy asks is out of reach",
            Self::OwnershipMissing => "the user does not own for what this part of the application demands",
            Self::ClaimMissing => "the user has not the claim that this part of the application demands",
            Self::Misused => "a mistake of the application",
        }
    }
}

impl fmt::Display for AuthError {
    /// The client's sentence, so that an error that is printed into an answer gives nothing away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.client_message())
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError").field("kind", &self.kind).field("message", &self.operator_message()).finish()
    }
}

impl std::error::Error for AuthError {}

/// A text from outside, fit for a log line: 120 characters at most, anything but printable ASCII escaped.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown = String::with_capacity(text.len().min(LONGEST).saturating_add(8));
    shown.push('"');
    let mut rest = text.chars();
    for c in rest.by_ref().take(LONGEST) {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            ' '..='~' => shown.push(c),
            _ => shown.extend(c.escape_default()),
        }
    }
    shown.push_str(if rest.next().is_some() { "...\"" } else { "\"" });
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_stays_on_one_line_and_short() {
        assert_eq!(quoted("https://idp.example.com"), r#""https://idp.example.com""#);
        assert_eq!(quoted("a\"b\\c\nd\u{202e}\u{1b}e'f"), r#""a\"b\\c\nd\u{202e}\u{1b}e'f""#);
        assert_eq!(quoted(&"x".repeat(120)), format!("\"{}\"", "x".repeat(120)));
        assert_eq!(quoted(&"x".repeat(121)), format!("\"{}...\"", "x".repeat(120)));
    }
}
