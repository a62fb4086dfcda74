//! Sign-in by a claim that the operator chooses.

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver, names::Names};
use crate::identity::Claims;

/// Claims that do not identify one user: claims of the protocol, and claims that many users share
/// or choose freely (OpenID Connect Core 1.0 sections 2 and 5.1).
const NOT_IDENTIFYING: [&str; 18] = [
    "iss",
    "aud",
    "azp",
    "acr",
    "amr",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "email_verified",
    "phone_number_verified",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "locale",
    "zoneinfo",
    "gender",
];

/// Claims that users can change at common providers, so that one user can take the name of another.
/// OpenID Connect Core 1.0 section 5.7 guarantees uniqueness for `sub` only. Entra ID documents
/// `preferred_username`, `upn` and `unique_name` as changeable, and Cognito lets users update every
/// attribute that the app client may write.
pub(super) const OFTEN_WRITABLE: [&str; 12] = [
    "preferred_username",
    "unique_name",
    "upn",
    "login",
    "phone_number",
    "website",
    "profile",
    "picture",
    "address",
    "birthdate",
    "middle_name",
    "updated_at",
];

/// Names users by the text of a claim: `custom:username`, `employee_id`, ...
///
/// Use a claim that users cannot change at the provider; otherwise a user can become any other
/// user. For claims that users can change at common providers (`preferred_username`,
/// `phone_number`, `website`, ...), a warning is logged at start-up. A text with upper-case letters
/// is refused, since names have no letter case and two texts could become one user; see
/// [`ignoring_case`](Self::ignoring_case).
#[derive(Debug, Clone)]
pub struct NamedClaim {
    claim: String,
    names: Names,
    ignore_case: bool,
}

impl NamedClaim {
    /// Names users by this claim.
    pub fn new(claim: impl Into<String>) -> Self {
        Self { claim: claim.into(), names: Names::default(), ignore_case: false }
    }

    /// Names users in this namespace instead of `default`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.names = Names::in_namespace(namespace);
        self
    }

    /// Accepts upper-case letters and converts them to lower case. Use it if the provider ignores
    /// letter case in this claim.
    #[must_use]
    pub fn ignoring_case(mut self) -> Self {
        self.ignore_case = true;
        self
    }

    fn sign_in(&self, claims: &Claims) -> Result<SignIn, SignInError> {
        let claim = &self.claim;
        let text = claims.text(claim)?.ok_or_else(|| SignInError::not_found(format!("there is no claim {claim}")))?;
        if !self.ignore_case && text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(SignInError::refused(format!(
                "the claim {claim} has upper-case letters; use ignoring_case() if the provider ignores case in it"
            )));
        }
        self.names
            .user(&text)
            .map(SignIn::user)
            .map_err(|error| SignInError::refused(format!("the claim {claim} is not a user name: {error}")))
    }
}

impl SignInResolver for NamedClaim {
    fn resolve(&self, claims: &Claims) -> Resolution {
        self.sign_in(claims).into()
    }

    fn policy(&self) -> Policy {
        let policy = Policy::new(format!("claim {}", self.claim)).described().in_namespace(self.names.namespace());
        let policy = policy.using_claims([&self.claim]);
        if !OFTEN_WRITABLE.contains(&self.claim.as_str()) {
            return policy;
        }
        policy.warning(format!(
            "users are named by the claim {}, which users can change at common providers, so a user could take \
             the name of another: make sure that the provider forbids it, or name users by another claim",
            self.claim
        ))
    }

    fn check(&self, _: &str) -> Result<(), String> {
        if self.claim.is_empty() {
            return Err("NamedClaim needs the name of a claim".to_owned());
        }
        if NOT_IDENTIFYING.contains(&self.claim.as_str()) {
            return Err(format!(
                "the claim {} does not identify one user: many users share its value or choose it",
                self.claim
            ));
        }
        if matches!(self.claim.as_str(), "email" | "sub") {
            return Err(format!(
                "for the claim {} use EmailLocalPart, WholeEmail or Subject, which make the checks that it needs",
                self.claim
            ));
        }
        self.names.check()
    }
}
