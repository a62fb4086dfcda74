//! Sign-in by email, as plain data.

use serde::Deserialize;

use super::not_null;
use crate::sign_in::{EmailLocalPart, EmailSignIn, WholeEmail};

/// Sign-in by email: see [`EmailSignIn`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailSettings {
    /// The domains whose users are signed in.
    pub domains: Vec<String>,
    /// Users of any domain are signed in: see [`EmailLocalPart::dangerously_in_any_domain`].
    pub dangerously_allow_any_domain: bool,
    /// See [`EmailSignIn::allow_address`].
    pub allowed_addresses: Vec<String>,
    /// The claim with the address, `email` if it is left out: see [`EmailSignIn::email_claim`].
    #[serde(deserialize_with = "not_null::email_claim")]
    pub email_claim: Option<String>,
    /// The namespace that users are named in; `default` if it is left out.
    #[serde(deserialize_with = "not_null::namespace")]
    pub namespace: Option<String>,
    /// See [`EmailSignIn::require_verified_email`].
    pub require_verified_email: bool,
    /// See [`EmailSignIn::dangerously_accept_unverified_email`]. `require_verified_email` takes precedence.
    pub dangerously_accept_unverified_email: bool,
    /// See [`EmailSignIn::strip_plus_suffix`].
    pub strip_plus_suffix: bool,
}

impl EmailSettings {
    pub(super) fn by_local_part(&self) -> EmailSignIn {
        self.settings(match self.dangerously_allow_any_domain {
            true => EmailLocalPart::dangerously_in_any_domain(),
            false => EmailLocalPart::in_domains(&self.domains),
        })
    }

    pub(super) fn by_whole_email(&self) -> EmailSignIn {
        self.settings(match self.dangerously_allow_any_domain {
            true => WholeEmail::dangerously_in_any_domain(),
            false => WholeEmail::in_domains(&self.domains),
        })
    }

    fn settings(&self, policy: EmailSignIn) -> EmailSignIn {
        let mut policy = self.allowed_addresses.iter().fold(policy, EmailSignIn::allow_address);
        if let Some(claim) = &self.email_claim {
            policy = policy.email_claim(claim);
        }
        if let Some(namespace) = &self.namespace {
            policy = policy.in_namespace(namespace);
        }
        if self.dangerously_accept_unverified_email {
            policy = policy.dangerously_accept_unverified_email();
        }
        if self.require_verified_email {
            policy = policy.require_verified_email();
        }
        if self.strip_plus_suffix { policy.strip_plus_suffix() } else { policy }
    }
}
