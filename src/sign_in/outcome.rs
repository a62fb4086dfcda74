//! What a sign-in gives.

use std::{fmt, sync::Arc};

use crate::identity::{ClaimError, EntityRef};

/// What a resolver says of a user it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `None` means the claims alone.
    pub(crate) user: Option<EntityRef>,
    /// The user's own ref first; `None` means that one alone.
    pub(crate) ownership: Option<Arc<[EntityRef]>>,
}

impl SignIn {
    /// This user, who owns what stands under the own ref.
    pub fn user(user: EntityRef) -> Self {
        Self { user: Some(user), ownership: None }
    }

    /// No identity: the handler sees the claims alone.
    pub fn claims_only() -> Self {
        Self { user: None, ownership: None }
    }

    /// Adds entities, usually groups, that the user owns for. The own ref always comes first; what is there already is not
    /// added again. Without an identity nothing is added.
    #[must_use]
    pub fn owning(mut self, entities: impl IntoIterator<Item = EntityRef>) -> Self {
        let Some(user) = &self.user else { return self };
        let mut all = self.ownership.as_deref().unwrap_or(std::slice::from_ref(user)).to_vec();
        for entity in entities {
            if !all.contains(&entity) {
                all.push(entity);
            }
        }
        if all.len() > 1 {
            self.ownership = Some(all.into());
        }
        self
    }

    /// Bytes on the heap, roughly, for the cache's bound.
    pub(crate) fn weight(&self) -> usize {
        self.ownership.as_deref().map_or(0, std::mem::size_of_val)
    }
}

/// Why a resolver lets nobody in. The message is for the operator's log: never put an email or a token into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInError {
    kind: SignInErrorKind,
    message: Arc<str>,
    /// The messages of the policies that found no user, if there are several.
    reasons: Option<Arc<[Arc<str>]>>,
}

/// The ways not to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignInErrorKind {
    /// The policy says no: 403.
    Refused,
    /// Nobody is found: 403, or the next of [`FirstMatch`](super::FirstMatch).
    NotFound,
    /// Several are found: 409.
    Ambiguous,
    /// What the resolver asks is out of reach: 503. A remembered answer may stand in.
    Unavailable,
    /// What the resolver asks answers, but not to this application: a token that is not accepted, a wrong address. 503, and no
    /// remembered answer stands in.
    Misconfigured,
}

impl SignInError {
    /// The policy says no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Refused, message)
    }

    /// Nobody is found.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::NotFound, message)
    }

    /// Several are found.
    pub fn ambiguous(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Ambiguous, message)
    }

    /// What the resolver asks is out of reach.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Unavailable, message)
    }

    /// What the resolver asks does not accept the question: wrong credentials or a wrong address.
    ///
    /// Not an outage, so a user who was found before is not kept signed in by it.
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Misconfigured, message)
    }

    /// The way.
    pub fn kind(&self) -> SignInErrorKind {
        self.kind
    }

    /// The operator's sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Several policies found no user, for these reasons.
    pub(super) fn not_found_for(reasons: Vec<Arc<str>>) -> Self {
        let mut error = Self::not_found(reasons.join("; "));
        error.reasons = Some(reasons.into());
        error
    }

    /// The message, or those of the policies that it was made from.
    pub(super) fn reasons(&self) -> &[Arc<str>] {
        self.reasons.as_deref().unwrap_or(std::slice::from_ref(&self.message))
    }

    /// Bytes on the heap, roughly, for the cache's bound.
    pub(crate) fn weight(&self) -> usize {
        let reasons = self.reasons.iter().flat_map(|reasons| reasons.iter());
        reasons.map(|reason| reason.len()).sum::<usize>().saturating_add(self.message.len())
    }

    fn new(kind: SignInErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), reasons: None }
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SignInError {}

impl From<ClaimError> for SignInError {
    /// Refused: a claim of the wrong type is not a missing one, so no later policy of [`FirstMatch`](super::FirstMatch) is
    /// tried.
    fn from(error: ClaimError) -> Self {
        Self::refused(error.to_string())
    }
}
