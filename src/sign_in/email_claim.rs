//! The claim that holds the address of a user.

use std::borrow::Cow;

use super::SignInError;
use crate::{
    identity::{ClaimError, Claims},
    settings::{Problem, ProblemKind},
};

/// The claim `email` of OpenID Connect.
pub(super) const EMAIL: &str = "email";

/// A claim with an address, or with a list in which one element is the address: `upn`, `emails[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmailClaim {
    /// As it was configured.
    written: String,
    name: String,
    /// The element of a list.
    index: Option<usize>,
}

impl EmailClaim {
    pub(super) fn new(written: String) -> Self {
        let element = written.strip_suffix(']').and_then(|rest| rest.split_once('['));
        let (name, index) = match element.and_then(|(name, index)| Some((name, index.parse().ok()?))) {
            Some((name, index)) => (name.to_owned(), Some(index)),
            None => (written.clone(), None),
        };
        Self { written, name, index }
    }

    /// The name of the claim.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For the check of a configuration.
    pub(crate) fn check(&self) -> Option<Problem> {
        (self.name.is_empty() || self.name.contains(['[', ']'])).then(|| {
            let text = format!("{} is not a claim with an address", crate::error::quoted(&self.written));
            let problem = Problem::new(ProblemKind::InvalidValue, text);
            problem.with_fix("write it as upn, or as emails[0] for an element of a list")
        })
    }

    /// The address as the provider sent it. `None` if the claim is missing.
    pub(crate) fn read<'c>(&self, claims: &'c Claims) -> Result<Option<Cow<'c, str>>, SignInError> {
        let Some(value) = claims.value(&self.name) else { return Ok(None) };
        let Some(index) = self.index else {
            let text = value.text().ok_or_else(|| not_text(claims, &self.name))?;
            return Ok(Some(text));
        };
        let wrong = |expected| SignInError::from(ClaimError::new(self.name.as_str(), value.kind(), expected));
        let elements = value.elements().ok_or_else(|| wrong("a list of addresses"))?;
        let element = elements.get(index).ok_or_else(|| {
            let found = elements.len();
            SignInError::refused(format!("the claim {} has {found} elements, and no {}", self.name, self.written))
        })?;
        let expected = || SignInError::from(ClaimError::new(self.written.as_str(), element.kind(), "a text"));
        element.text().map(Some).ok_or_else(expected)
    }
}

/// The claim that is expected to be an address is present and is not a text.
pub(super) fn not_text(claims: &Claims, name: &str) -> SignInError {
    let value = claims.value(name);
    let found = value.map_or("unreadable", |value| value.kind());
    let error = ClaimError::new(name, found, "a text");
    let advice = match value.and_then(|value| value.elements()) {
        Some(elements) if elements.is_empty() => {
            "; the list is empty: the user has no address at the provider".to_owned()
        }
        Some(_) => format!(
            "; if its first element is the address of the user, name it by email_claim(\"{name}[0]\") (app-config.yaml: \
             emailClaim, environment: ALB_AUTH_EMAIL_CLAIM)",
        ),
        None if found == "null" => "; the user has no address at the provider".to_owned(),
        None => String::new(),
    };
    SignInError::refused(format!("{error}{advice}")).caused_by(error)
}
