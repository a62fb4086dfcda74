//! What entries must not be together: ambiguous, in one namespace, or of an emulator beside a real load balancer.

use super::{emulator_ca, trust::Entry};
use crate::settings::{Problem, ProblemKind};

/// If there are several issuers, each must name users in a different namespace.
pub(super) fn namespaces(entries: &[Entry], problems: &mut Vec<Problem>) {
    let naming = || entries.iter().filter(|entry| entry.policy.gives_identities);
    for (index, entry) in naming().enumerate() {
        if naming().all(|other| other.issuer == entry.issuer) {
            return;
        }
        let Some(namespace) = &entry.policy.namespace else {
            let what = format!(
                "the sign-in policy of issuer {} does not say in which namespace it names users, and there are several issuers",
                entry.issuer
            );
            problems.push(Problem::sentence(ProblemKind::Insecure, what).with_fix("use in_namespace(..)"));
            continue;
        };
        let same = |other: &&Entry| other.issuer != entry.issuer && other.policy.namespace.as_ref() == Some(namespace);
        if let Some(other) = naming().skip(index).find(same) {
            let what = format!(
                "the issuers {} and {} both name users in the namespace {namespace}, so the same name at both would be one user",
                entry.issuer, other.issuer
            );
            problems.push(
                Problem::sentence(ProblemKind::Insecure, what)
                    .with_fix("use in_namespace(..), or waive it by dangerously_share_sign_in_between_issuers()"),
            );
        }
    }
}

/// One token must not match two entries.
pub(super) fn ambiguity(entries: &[Entry], problems: &mut Vec<Problem>) {
    for (index, entry) in entries.iter().enumerate() {
        for other in entries.iter().skip(index.saturating_add(1)) {
            let signer = entry.signers.iter().find(|(arn, _)| other.signers.iter().any(|(same, _)| same == arn));
            let client = match (&entry.client_ids, &other.client_ids) {
                (Some(ids), Some(others)) => ids.iter().any(|id| others.contains(id)),
                _ => true,
            };
            if let (Some((arn, _)), true, true) = (signer, client, entry.issuer == other.issuer) {
                let what = format!("two entries trust {arn} with issuer {} and the same client id", entry.issuer);
                problems.push(Problem::sentence(ProblemKind::Conflict, what).with_fix("join them"));
            }
        }
    }
}

/// The local emulator signs under an account that does not exist, and developers have its key: it is never trusted together
/// with a load balancer of AWS, whatever the source of keys. Keys over plain http are for the emulator only.
pub(super) fn accounts(entries: &[Entry], problems: &mut Vec<Problem>) {
    let signers = || entries.iter().flat_map(|entry| &entry.signers);
    let plain = signers().find(|(_, endpoint)| endpoint.is_plain_http());
    let real = signers().find(|(arn, _)| !arn.is_emulator());
    if let (Some((_, endpoint)), Some((arn, _))) = (plain, real) {
        let what = format!(
            "the key endpoint {endpoint} is plain http, which is for the local emulator (account 000000000000) alone, but {arn} \
             is trusted too"
        );
        problems.push(Problem::sentence(ProblemKind::Insecure, what).with_fix("use https"));
        return;
    }
    let with_ca = entries.iter().find_map(|entry| entry.emulator_ca.as_ref());
    if let (Some(path), Some((arn, _))) = (with_ca, real) {
        let what = format!(
            "the CA in {} is of the key endpoint of the local emulator (account 000000000000) alone, but {arn} is trusted too",
            path.display()
        );
        problems
            .push(Problem::sentence(ProblemKind::Insecure, what).with_fix(format!("remove {}", emulator_ca::SETTING)));
        return;
    }
    if let (Some((emulator, _)), Some((arn, _))) = (signers().find(|(arn, _)| arn.is_emulator()), real) {
        let what = format!(
            "{emulator} is of the account 000000000000, which the local emulator signs for, and {arn} is of a real one"
        );
        problems.push(
            Problem::sentence(ProblemKind::Insecure, what)
                .with_fix("trust the emulator in a configuration of its own, for development"),
        );
    }
}

/// Keys of an endpoint are verified in one way.
pub(super) fn emulator_cas(entries: &[Entry], problems: &mut Vec<Problem>) {
    let endpoints =
        || entries.iter().flat_map(|entry| entry.signers.iter().map(move |(_, at)| (at, &entry.emulator_ca)));
    let differ = endpoints()
        .enumerate()
        .find(|(index, (at, ca))| endpoints().take(*index).any(|(other, other_ca)| other == *at && other_ca != *ca));
    if let Some((_, (endpoint, _))) = differ {
        let what = format!("entries with the key endpoint {endpoint} differ in the CA of its certificate");
        let fix = format!("set the same file in each, by {}", emulator_ca::SETTING);
        problems.push(Problem::sentence(ProblemKind::Conflict, what).with_fix(fix));
    }
}
