//! Sign-in by a claim that the operator chooses.

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver, names::Names};
use crate::{
    identity::{Claims, EntityRefError},
    settings::{Problem, ProblemKind},
};

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
        let user = self.names.user(&text);
        let upper_case = !self.ignore_case && text.bytes().any(|b| b.is_ascii_uppercase());
        match user {
            Ok(user) if !upper_case => Ok(SignIn::user(user)),
            user => {
                let error = user.err();
                let refused = SignInError::refused(self.refusal(&text, upper_case, error));
                Err(match error {
                    Some(error) => refused.caused_by(error),
                    None => refused,
                })
            }
        }
    }

    /// Everything that is wrong with the text, and what to do. It never shows the text.
    fn refusal(&self, text: &str, upper_case: bool, error: Option<EntityRefError>) -> String {
        let claim = &self.claim;
        let mut problems = Vec::new();
        if upper_case {
            problems.push(match error {
                None => format!(
                    "the claim {claim} has upper-case letters; use ignoring_case() if the provider ignores case in it"
                ),
                Some(_) => format!("the claim {claim} has upper-case letters"),
            });
        }
        if let Some(error) = error {
            problems.push(format!("the claim {claim} is not a user name: {error}"));
        }
        // `AzureAD_jane@example.com`: the name of the provider in the user pool, and the name there.
        if error.is_some()
            && text.split_once('_').is_some_and(|(provider, name)| !provider.contains('@') && name.contains('@'))
        {
            problems.push(
                "it is in the form <provider>_<address> that Amazon Cognito gives to federated users: name users by the claim \
                 email instead, by EmailLocalPart, WholeEmail or the catalog (environment: ALB_AUTH_SIGN_IN=email_local_part; \
                 app-config.yaml: a resolver of emails); and map the attributes email and email_verified of the identity \
                 provider in the user pool, since without a mapping email_verified is false for all of these users, or waive \
                 that check by dangerously_accept_unverified_email() (app-config.yaml: dangerouslyAcceptUnverifiedEmail: true, \
                 environment: ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL=true)"
                    .to_owned(),
            );
        } else if error.is_some() && text.contains('@') {
            problems.push("it is an address: use EmailLocalPart or WholeEmail with email_claim(..)".to_owned());
        }
        problems.join("; ")
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

    fn check(&self, _: &str) -> Vec<Problem> {
        let Self { claim, names, .. } = self;
        let of_claim = match claim.as_str() {
            "" => Some(Problem::new(ProblemKind::Missing, "NamedClaim needs the name of a claim")),
            "email" | "sub" => Some(Problem::new(
                ProblemKind::Insecure,
                format!(
                    "for the claim {claim} use EmailLocalPart, WholeEmail or Subject, which make the checks that it needs"
                ),
            )),
            name if NOT_IDENTIFYING.contains(&name) => Some(Problem::new(
                ProblemKind::Insecure,
                format!("the claim {claim} does not identify one user: many users share its value or choose it"),
            )),
            _ => None,
        };
        of_claim.into_iter().chain(names.check()).collect()
    }
}
