//! `requireVerifiedEmail` for a policy that is given in code.

use std::sync::Arc;

use crate::{
    identity::Claims,
    settings::Problem,
    sign_in::{AddressRule, Policy, Resolution, SignInError, SignInResolver},
};

/// Requires a verified email before the policy is applied.
pub(super) struct VerifiedEmail {
    policy: Arc<dyn SignInResolver>,
    /// How the policy reads the address, with the requirement.
    addresses: Vec<AddressRule>,
}

impl VerifiedEmail {
    /// The policy with the requirement in front, if it names users and may read their email; else the policy as it is.
    pub(super) fn before(policy: Arc<dyn SignInResolver>) -> Arc<dyn SignInResolver> {
        let Policy { gives_identities, claims_used, addresses, .. } = policy.policy();
        let reads_email = claims_used.is_none_or(|claims| claims.iter().any(|claim| claim == "email"));
        if !gives_identities || (!reads_email && addresses.is_empty()) {
            return policy;
        }
        Arc::new(Self { policy, addresses: addresses.into_iter().map(AddressRule::required).collect() })
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
        // An address in another claim is verified only if the claim `email` is the same one.
        if let Some(error) = self.addresses.iter().find_map(|rule| rule.read(claims).err()) {
            return error.into();
        }
        self.policy.resolve(claims)
    }

    fn policy(&self) -> Policy {
        let mut policy = self.policy.policy();
        policy.addresses.clone_from(&self.addresses);
        // A remembered sign-in must not outlive a change of this requirement.
        if let Some(claims) = &mut policy.claims_used {
            claims.extend(["email", "email_verified"].map(str::to_owned));
        }
        policy.accepts_missing_verification = false;
        policy
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        self.policy.check(issuer)
    }
}
