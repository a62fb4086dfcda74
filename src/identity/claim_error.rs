//! A claim of another type than was requested.

use std::fmt;

/// What claims with groups are expected to be.
pub(crate) const TEXT_OR_TEXTS: &str = "a text or a list of texts";

/// A claim is present, but does not have the requested type. A missing claim is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimError {
    claim: String,
    found: &'static str,
    expected: Option<&'static str>,
}

impl ClaimError {
    pub(crate) fn new(claim: impl Into<String>, found: &'static str, expected: &'static str) -> Self {
        Self { claim: claim.into(), found, expected: Some(expected) }
    }

    /// Of a type that the application requested and that has no name here.
    pub(super) fn other_type(claim: impl Into<String>, found: &'static str) -> Self {
        Self { claim: claim.into(), found, expected: None }
    }

    /// The name of the claim.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The type of the claim: `null`, `a number`, `a list`, ... Never its value.
    pub fn found(&self) -> &str {
        self.found
    }

    pub(super) fn expected(self, expected: &'static str) -> Self {
        Self { expected: Some(expected), ..self }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, found, expected } = self;
        let claim = claim.escape_debug();
        match expected {
            Some(expected) => write!(f, "the claim {claim} is {found}, not {expected}"),
            None => write!(f, "the claim {claim} is {found}, which is not the requested type"),
        }
    }
}

impl std::error::Error for ClaimError {}
