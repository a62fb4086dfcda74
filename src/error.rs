//! Why a request was refused: the kinds in one table. An [`AuthError`] carries one.

mod auth_error;

use http::StatusCode;

pub use self::auth_error::AuthError;

/// What a kind means to the client, the operator and the dashboards.
struct Row {
    kind: AuthErrorKind,
    /// The name in logs and the label of the metrics.
    name: &'static str,
    status: StatusCode,
    fault: Fault,
    /// What is wrong, for the operator.
    summary: &'static str,
    /// What to do about it, if that does not depend on the request.
    remedy: Option<&'static str>,
}

/// Declares the kinds and their table: name, status, fault, text for the operator, and what to do.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $kind:ident { $name:literal, $status:ident, $fault:ident, $summary:literal $(, do: $remedy:literal)? }
    )*) => {
        /// Why a request was refused. docs/OPERATING.md has the same table, with what to do about each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AuthErrorKind { $( $(#[$doc])* $kind, )* }

        /// In the order of the enum.
        const TABLE: &[Row] = &[$( Row {
            kind: AuthErrorKind::$kind,
            name: $name,
            status: StatusCode::$status,
            fault: Fault::$fault,
            summary: $summary,
            remedy: kinds!(@remedy $($remedy)?),
        }, )*];

        // A kind is the index of its row.
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        const _: () = {
            let mut index = 0;
            while index < TABLE.len() {
                assert!(TABLE[index].kind as usize == index);
                index += 1;
            }
        };

        impl AuthErrorKind {
            /// Every kind of this version.
            pub const ALL: &'static [Self] = &[$( Self::$kind, )*];
        }
    };
    (@remedy) => { None };
    (@remedy $remedy:literal) => { Some($remedy) };
}

kinds! {
    /// The client sent no `x-amzn-oidc-data`. Usual on a path that the load balancer does not authenticate.
    Missing {
        "missing", UNAUTHORIZED, Client,
        "no x-amzn-oidc-data header: expected on each request that passed a listener rule with an authenticate action",
        do: "give this path's rule one, or exempt the path if it is a health check"
    }
    /// More than one `x-amzn-oidc-data`. A load balancer sends one; a client or a proxy added another.
    DuplicateHeader {
        "duplicate_header", UNAUTHORIZED, Client,
        "more than one x-amzn-oidc-data header: a load balancer sends one, so a client or a proxy added another",
        do: "let the target's security group accept traffic of the load balancer only"
    }
    /// `x-amzn-oidc-identity` disagrees with the signed subject, or there are several that disagree.
    IdentityMismatch {
        "identity_mismatch", UNAUTHORIZED, Operator,
        "x-amzn-oidc-identity is not the subject of the signed token: a client or a proxy changed a header",
        do: "let the target's security group accept traffic of the load balancer only"
    }
    /// The token is longer than the limit.
    TooLarge {
        "too_large", UNAUTHORIZED, Client,
        "the token is longer than the limit",
        do: "raise max_token_bytes if users have that many claims"
    }
    /// Not three base64url segments with a signature of 64 bytes.
    Malformed {
        "malformed", UNAUTHORIZED, Client,
        "x-amzn-oidc-data is not three base64url segments with a 64-byte signature"
    }
    /// The JOSE header is not a strict JSON object with the members of a load balancer's token.
    MalformedHeader {
        "malformed_header", UNAUTHORIZED, Client,
        "the JOSE header is not what a load balancer writes"
    }
    /// A member is present twice in the JOSE header or in the claims, so that two readers could read two values.
    DuplicateMember {
        "duplicate_member", UNAUTHORIZED, Operator,
        "a JSON member is present twice in the token, so two readers could read two values; if the identity provider's \
         userinfo response has an exp or iss, remove it there"
    }
    /// `alg` is not ES256.
    UnsupportedAlgorithm {
        "unsupported_algorithm", UNAUTHORIZED, Client,
        "the token's alg is not ES256, the only one a load balancer uses"
    }
    /// `typ` is present and is not JWT: a token made for a different purpose.
    UnsupportedType {
        "unsupported_type", UNAUTHORIZED, Client,
        "the token's typ is not JWT: it was made for a different purpose"
    }
    /// A JOSE header member that changes how a token is read or where its key comes from (`crit`, `b64`, `jwk`, `jku`, ...).
    UnsupportedHeader {
        "unsupported_header", UNAUTHORIZED, Client,
        "the JOSE header has a member that no load balancer writes and that could redirect the check"
    }
    /// `kid` is not a lower-case UUID.
    MalformedKeyId {
        "malformed_key_id", UNAUTHORIZED, Client,
        "the token's kid is not a lower-case UUID"
    }
    /// Signed by a load balancer that the configuration does not trust. Either an attack or a wrong ARN in the configuration.
    UntrustedSigner {
        "untrusted_signer", UNAUTHORIZED, Operator,
        "the token was signed by a load balancer that is not trusted"
    }
    /// The load balancer is trusted, but not with this issuer.
    UntrustedIssuer {
        "untrusted_issuer", UNAUTHORIZED, Operator,
        "the load balancer is trusted, but not with the token's issuer"
    }
    /// Load balancer and issuer are trusted, but not with this client id: a token of another application.
    UntrustedClient {
        "untrusted_client", UNAUTHORIZED, Operator,
        "load balancer and issuer are trusted, but not with the token's client id"
    }
    /// `exp` is past.
    Expired {
        "expired", UNAUTHORIZED, Client,
        "the token has expired",
        do: "compare the clocks if this happens to fresh requests"
    }
    /// `nbf` or `iat` lies in the future.
    NotYetValid {
        "not_yet_valid", UNAUTHORIZED, Client,
        "the token is not valid yet",
        do: "compare the clocks"
    }
    /// `exp` lies further ahead than any load balancer sets it.
    LifetimeTooLong {
        "lifetime_too_long", UNAUTHORIZED, Operator,
        "the token's exp is further ahead than max_lifetime: a load balancer sets it 120 s ahead, so the token was signed by \
         something else, or this machine's clock is far behind",
        do: "if longer tokens are expected, raise TokenLimits::max_lifetime"
    }
    /// The system clock is before 1970, so no token can be verified.
    ClockUnusable {
        "clock_unusable", UNAUTHORIZED, Operator,
        "the system clock is before 1970",
        do: "correct it"
    }
    /// The key endpoint has no key of this id.
    UnknownKey {
        "unknown_key", UNAUTHORIZED, Client,
        "the key endpoint has no key of the token's kid",
        do: "compare region and key endpoint"
    }
    /// The signature is not one by the key that the token names.
    InvalidSignature {
        "invalid_signature", UNAUTHORIZED, Client,
        "the signature does not match the token's key"
    }
    /// The claims are not a strict JSON object with the claims every token must have.
    MalformedClaims {
        "malformed_claims", UNAUTHORIZED, Operator,
        "the token's claims are not what a load balancer writes"
    }
    /// The key endpoint could not be reached, or the budget of fetches is spent. The fault is ours or AWS's: the client
    /// gets a time to retry.
    KeysUnavailable {
        "keys_unavailable", SERVICE_UNAVAILABLE, Infrastructure,
        "the public keys are out of reach"
    }
    /// The key endpoint sent something that is not a P-256 public key.
    KeyRejected {
        "key_rejected", SERVICE_UNAVAILABLE, Infrastructure,
        "the key endpoint responded with something that is not a P-256 public key"
    }
    /// The configuration verifies the access token, and the request has none, or several.
    AccessTokenMissing {
        "access_token_missing", UNAUTHORIZED, Operator,
        "the configuration verifies the access token (x-amzn-oidc-accesstoken, or a machine's bearer token), and the request does not have exactly one"
    }
    /// The access token is not valid, or not one of this issuer, client and user.
    AccessTokenInvalid {
        "access_token_invalid", UNAUTHORIZED, Operator,
        "the access token (x-amzn-oidc-accesstoken, or a machine's bearer token) is rejected"
    }
    /// The keys that the issuer signs access tokens with could not be fetched. The client gets a time to retry.
    AccessTokenKeysUnavailable {
        "access_token_keys_unavailable", SERVICE_UNAVAILABLE, Infrastructure,
        "the issuer's keys for access tokens are out of reach"
    }
    /// The sign-in policy refuses this user: an unverified email, a domain that is not allowed, a missing claim.
    SignInRefused {
        "sign_in_refused", FORBIDDEN, Operator,
        "the sign-in policy refuses this user"
    }
    /// The sign-in policy finds no user for these claims.
    UserNotFound {
        "user_not_found", FORBIDDEN, Operator,
        "the sign-in policy finds no user for these claims"
    }
    /// The sign-in policy finds several users for these claims.
    AmbiguousUser {
        "ambiguous_user", CONFLICT, Operator,
        "the sign-in policy finds more than one user for these claims"
    }
    /// What the sign-in policy queries (a catalog) is out of reach.
    SignInUnavailable {
        "sign_in_unavailable", SERVICE_UNAVAILABLE, Infrastructure,
        "what the sign-in policy queries is out of reach"
    }
    /// A deny list names this user, in every mode and on every path that is not exempt. See [`deny_list`](crate::deny_list).
    Denied {
        "denied", FORBIDDEN, Client,
        "the user is on the deny list",
        do: "remove the entry to let the user in again"
    }
    /// Signed in, but without ownership of an entity that a part of the application requires.
    OwnershipMissing {
        "ownership_missing", FORBIDDEN, Client,
        "the user does not own a required entity"
    }
    /// Signed in, but without a claim that a part of the application requires.
    ClaimMissing {
        "claim_missing", FORBIDDEN, Client,
        "the user lacks a required claim"
    }
    /// The application requires a user where no layer authenticates one, or an identity of a policy that names no user; or its
    /// own code panicked. A bug of the application, and never a way in.
    Misused {
        "misused", INTERNAL_SERVER_ERROR, Operator,
        "a mistake of the application"
    }
}

/// Whose fault a refusal most likely is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request's: there is nothing to do but refuse it.
    Client,
    /// The configuration's, or an attack: compare what was expected and found.
    Operator,
    /// The network's, AWS's or the catalog's: temporary, or for its operator to repair.
    Infrastructure,
}

impl Fault {
    /// The name in docs/OPERATING.md, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Operator => "operator",
            Self::Infrastructure => "infrastructure",
        }
    }
}

impl AuthErrorKind {
    /// The name in logs and the label of metrics, in snake case.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Whose fault it most likely is.
    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// The status of the response.
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// What is wrong, for the operator.
    fn summary(self) -> &'static str {
        self.row().summary
    }

    /// What to do about it, if that does not depend on the request.
    fn remedy(self) -> Option<&'static str> {
        self.row().remedy
    }

    #[expect(clippy::indexing_slicing, reason = "the table has a row for each kind, in the order of the enum")]
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// Maximum number of characters of a text that [`quoted`] shows.
const MAX_QUOTED_CHARS: usize = 120;

/// The start of a text that decides what [`quoted`] makes of it: at most 121 characters.
pub(crate) fn quotable(text: &str) -> &str {
    if text.len() <= MAX_QUOTED_CHARS {
        return text;
    }
    let end = text.char_indices().nth(MAX_QUOTED_CHARS.saturating_add(1)).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// A text from outside, fit for a log line: 120 characters at most, anything but printable ASCII escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_QUOTED_CHARS).saturating_add(8));
    shown.push('"');
    let mut rest = text.chars();
    for c in rest.by_ref().take(MAX_QUOTED_CHARS) {
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
        for text in ["", "x", "\u{202e}"].into_iter().flat_map(|text| (0..125).map(|count| text.repeat(count))) {
            let start = quotable(&text);
            assert_eq!(quoted(start), quoted(&text));
            assert!(text.starts_with(start) && start.chars().count() <= 121);
        }
    }
}
