//! `requireVerifiedEmail` for a policy that is given in code.

use std::sync::Arc;

use crate::{
    identity::Claims,
    settings::Problem,
    sign_in::{Policy, Resolution, SignInError, SignInResolver},
};

/// Requires a verified email before the policy is applied.
pub(super) struct VerifiedEmail(Arc<dyn SignInResolver>);

impl VerifiedEmail {
    /// The policy with the requirement in front, if it names users and may read their email; else the policy as it is.
    pub(super) fn before(policy: Arc<dyn SignInResolver>) -> Arc<dyn SignInResolver> {
        let Policy { gives_identities, claims_used, .. } = policy.policy();
        let reads_email = claims_used.is_none_or(|claims| claims.iter().any(|claim| claim == "email"));
        if gives_identities && reads_email { Arc::new(Self(policy)) } else { policy }
    }
}

impl SignInResolver for VerifiedEmail {
    fn resolve(&self, claims: &Claims) -> Resolution {
        let email = match claims.email_text() {
            Ok(email) => email,
            Err(malformed) => return SignInError::from(malformed).into(),
        };
        if email.is_some() && claims.email_verified() != Some(true) {
            return SignInError::refused("the claim email_verified is not true, and requireVerifiedEmail is set")
                .into();
        }
        self.0.resolve(claims)
    }

    fn policy(&self) -> Policy {
        let mut policy = self.0.policy();
        // A remembered sign-in must not outlive a change of this requirement.
        if let Some(claims) = &mut policy.claims_used {
            claims.push("email_verified".to_owned());
        }
        policy.accepts_missing_verification = false;
        policy
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        self.0.check(issuer)
    }
}
