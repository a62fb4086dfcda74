//! The result of each check.

use super::{
    checks::{CheckResult, Failure, NotChecked, Step},
    findings::Findings,
};
use crate::error::AuthError;

/// The result for key and signature, which only a real key can give.
#[derive(Debug, Clone)]
pub(super) enum SignatureResult {
    Good,
    /// The key does not verify the signature, or there is no key.
    Failed(Failure),
    NotChecked(NotChecked),
}

/// The result of this check.
pub(super) fn result_of(step: Step, findings: &Findings, signature: &SignatureResult) -> CheckResult {
    match (step, signature) {
        (Step::Key, SignatureResult::Failed(failure)) if failure.step == Step::Key => {
            return CheckResult::Rejected(vec![failure.error.clone()]);
        }
        (Step::Signature, SignatureResult::Failed(failure)) if failure.step == Step::Key => {
            return CheckResult::NotChecked(NotChecked::NoKey);
        }
        (Step::Signature, SignatureResult::Failed(failure)) => {
            return CheckResult::Rejected(vec![failure.error.clone()]);
        }
        (Step::Key, SignatureResult::Good | SignatureResult::Failed(_)) | (Step::Signature, SignatureResult::Good) => {
            return CheckResult::Passed;
        }
        (Step::Key, SignatureResult::NotChecked(why)) => return CheckResult::NotChecked(*why),
        (Step::Signature, SignatureResult::NotChecked(_)) => return CheckResult::NotChecked(NotChecked::SameAsKey),
        _ => {}
    }
    let failures = findings.failures.iter();
    let errors: Vec<AuthError> =
        failures.clone().filter(|failure| failure.step == step).map(|failure| failure.error.clone()).collect();
    if step == Step::SignIn && errors.is_empty() && findings.no_issuer_keys {
        return CheckResult::NotChecked(NotChecked::IssuerKeysNotFetched);
    }
    // Nothing is known about the checks behind a failure that could not be worked around.
    let reached =
        failures.map(|failure| failure.step).max().filter(|_| findings.sign_in.is_none() && !findings.no_issuer_keys);
    match reached {
        _ if !errors.is_empty() => CheckResult::Rejected(errors),
        Some(last) if step > last => CheckResult::NotChecked(NotChecked::EarlierFailed),
        _ if step > Step::Signature && !matches!(signature, SignatureResult::Good) => CheckResult::PassedIfSigned,
        _ => CheckResult::Passed,
    }
}
