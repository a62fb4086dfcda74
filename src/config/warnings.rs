//! What a configuration gives up: the warnings that concern its entries of trust.

use std::{collections::BTreeSet, sync::Arc};

use super::trust::Entry;
use crate::{keys::FixedKeys, sign_in::is_shared};

/// Fixed keys without a key.
pub(super) fn no_fixed_key(keys: &FixedKeys) -> Option<String> {
    (keys.len() == 0).then(|| {
        "the fixed keys have no key, so every token is refused; add one by FixedKeys::add(<kid>, <PEM>), or read them by \
         FixedKeys::from_directory(<folder>)"
            .to_owned()
    })
}

/// Load balancers of the account that the local emulator and tests sign under.
pub(super) fn emulator_accounts(entries: &[Entry]) -> Option<String> {
    let signers = entries.iter().flat_map(|entry| &entry.signers).map(|(arn, _)| arn);
    let emulated: BTreeSet<&str> = signers.filter(|arn| arn.is_emulator()).map(|arn| arn.as_str()).collect();
    (!emulated.is_empty()).then(|| {
        format!(
            "{} has the account 000000000000, which is that of the local emulator and of tests: its demo provider signs in anyone \
             as any user; in production trust the ARN of a real load balancer",
            emulated.into_iter().collect::<Vec<_>>().join(" and ")
        )
    })
}

/// Keys of an emulator that cross a private network without TLS.
pub(super) fn plain_http(entries: &[Entry]) -> Option<String> {
    let endpoints = entries.iter().flat_map(|entry| &entry.signers).map(|(_, endpoint)| endpoint);
    let hosts: BTreeSet<String> = endpoints.filter_map(crate::alb::KeyEndpoint::unprotected_host).collect();
    (!hosts.is_empty()).then(|| {
        format!(
            "keys are fetched over plain http from {}: every machine on the way can replace them, and so sign in as any user; it is \
             for the emulator in another container only",
            hosts.into_iter().collect::<Vec<_>>().join(" and ")
        )
    })
}

/// Policies that name users by an email of which the provider does not say whether it is verified. If the email `is_read`
/// elsewhere, then also policies that do not read it, and so do not require that it is verified.
pub(super) fn missing_email_verified(entries: &[Entry], is_read: bool) -> Option<String> {
    let accepting = entries
        .iter()
        .filter(|entry| entry.policy.accepts_missing_verification || (is_read && entry.policy.addresses.is_empty()));
    // There it is rejected.
    let issuers: BTreeSet<&str> =
        accepting.map(|entry| entry.issuer.as_str()).filter(|issuer| !is_shared(issuer)).collect();
    (!issuers.is_empty()).then(|| {
        format!(
            "an email without the claim email_verified is accepted from {}: users who can change their address there become the \
             user of that address here. If the provider sends the claim, use require_verified_email() (app-config.yaml: \
             requireVerifiedEmail, environment: ALB_AUTH_REQUIRE_VERIFIED_EMAIL). If users cannot change their address, \
             acknowledge it by accept_missing_email_verified() (acceptMissingEmailVerified, \
             ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED)",
            issuers.into_iter().collect::<Vec<_>>().join(" and ")
        )
    })
}

/// Entries of one issuer with different policies that may give the same name to two users. Between issuers that does not
/// build, or is waived with a warning of its own.
pub(super) fn policies_that_name_alike(entries: &[Entry]) -> BTreeSet<String> {
    let naming = || entries.iter().filter(|entry| entry.policy.gives_identities);
    let mut warnings = BTreeSet::new();
    for (index, one) in naming().enumerate() {
        for other in naming().skip(index.saturating_add(1)) {
            let (policy, another) = (&one.policy, &other.policy);
            let same = Arc::ptr_eq(&one.sign_in, &other.sign_in)
                || (policy.described && another.described && policy.summary == another.summary);
            if one.issuer == other.issuer && !same && policy.may_share_names(another) {
                warnings.insert(format!(
                    "entries of issuer {} have different sign-in policies, by {} and by {}: one name is one user, whichever of \
                     them gave it; in_namespace(..) keeps them apart",
                    one.issuer, policy.summary, another.summary
                ));
            }
        }
    }
    warnings
}
