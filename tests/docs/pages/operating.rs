//! The table of refusals in docs/OPERATING.md, against the code.

use std::collections::HashMap;

use tower_alb_auth::{AuthErrorKind, Fault};

use crate::pages::page::{read, rows, section};

/// Every kind. The last assertion compares their number with the source.
const KINDS: [AuthErrorKind; 30] = [
    AuthErrorKind::Missing,
    AuthErrorKind::DuplicateHeader,
    AuthErrorKind::IdentityMismatch,
    AuthErrorKind::TooLarge,
    AuthErrorKind::Malformed,
    AuthErrorKind::MalformedHeader,
    AuthErrorKind::DuplicateMember,
    AuthErrorKind::UnsupportedAlgorithm,
    AuthErrorKind::UnsupportedType,
    AuthErrorKind::UnsupportedHeader,
    AuthErrorKind::MalformedKeyId,
    AuthErrorKind::UntrustedSigner,
    AuthErrorKind::UntrustedIssuer,
    AuthErrorKind::UntrustedClient,
    AuthErrorKind::Expired,
    AuthErrorKind::NotYetValid,
    AuthErrorKind::LifetimeTooLong,
    AuthErrorKind::ClockUnusable,
    AuthErrorKind::UnknownKey,
    AuthErrorKind::InvalidSignature,
    AuthErrorKind::MalformedClaims,
    AuthErrorKind::KeysUnavailable,
    AuthErrorKind::KeyRejected,
    AuthErrorKind::SignInRefused,
    AuthErrorKind::UserNotFound,
    AuthErrorKind::AmbiguousUser,
    AuthErrorKind::SignInUnavailable,
    AuthErrorKind::OwnershipMissing,
    AuthErrorKind::ClaimMissing,
    AuthErrorKind::Misused,
];

#[test]
fn every_kind_of_refusal_is_explained_with_its_status_and_fault() {
    let page = read("docs/OPERATING.md");
    let mut explained: HashMap<String, Vec<String>> =
        rows(&section(&page, "## Refusals")).into_iter().map(|row| (row[0].clone(), row)).collect();
    for kind in KINDS {
        let name = format!("`{}`", kind.as_str());
        let row = explained.remove(&name).unwrap_or_else(|| panic!("{name} is not explained"));
        let fault = match kind.fault() {
            Fault::Client => "client",
            Fault::Operator => "operator",
            Fault::Infrastructure => "infrastructure",
            _ => "new",
        };
        assert_eq!((row[1].as_str(), row[2].as_str()), (kind.status().as_str(), fault), "{name}");
        assert!(!row[3].is_empty(), "{name}");
    }
    assert!(explained.is_empty(), "no such kind: {explained:?}");

    let source = read("src/error.rs");
    let names = source.split("pub fn as_str(self)").nth(1).and_then(|rest| rest.split("pub fn ").next());
    assert_eq!(names.expect("as_str").matches("=> \"").count(), KINDS.len());
}
