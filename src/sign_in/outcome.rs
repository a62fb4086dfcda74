//! The result of a sign-in.

use std::{error::Error, fmt, sync::Arc};

use crate::identity::{ClaimError, EntityRef};

/// The result of a resolver for a user that it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// `None`: the claims only, without an identity.
    pub(crate) user: Option<EntityRef>,
    /// The user's ref and the refs of groups, in this order. `None`: the user's ref only.
    pub(crate) ownership: Option<Arc<[EntityRef]>>,
}

impl SignIn {
    /// This user. The ownership is the user's ref.
    pub fn user(user: EntityRef) -> Self {
        Self { user: Some(user), ownership: None }
    }

    /// No identity: the handler gets the claims only.
    pub fn claims_only() -> Self {
        Self { user: None, ownership: None }
    }

    /// Adds ownership entity refs, usually groups. The user's ref always comes first, and
    /// duplicates are omitted. Without an identity this has no effect.
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

    /// The approximate number of bytes on the heap, for the limit of the cache.
    pub(crate) fn weight(&self) -> usize {
        self.ownership.as_deref().map_or(0, std::mem::size_of_val)
    }
}

/// Why a resolver accepts no user. `Display` is the message for the operator's log: never put an
/// email or a token into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInError {
    kind: SignInErrorKind,
    message: Arc<str>,
    /// The messages of the policies that found no user, if there are several.
    reasons: Option<Arc<[Arc<str>]>>,
    /// The error behind it.
    source: Uncompared,
}

/// The error behind another one, which is neither compared nor printed.
#[derive(Clone, Default)]
struct Uncompared(Option<Arc<dyn Error + Send + Sync>>);

impl fmt::Debug for Uncompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some(..)" } else { "None" })
    }
}

impl PartialEq for Uncompared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Uncompared {}

/// The kinds of [`SignInError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignInErrorKind {
    /// The policy refuses the user: 403.
    Refused,
    /// The policy finds no user: 403, or [`FirstMatch`](super::FirstMatch) tries the next policy.
    NotFound,
    /// The policy finds several users: 409.
    Ambiguous,
    /// The service that the resolver queries is unavailable: 503. A cached result may be used
    /// instead.
    Unavailable,
    /// The service that the resolver queries rejects the query: invalid credentials, a wrong
    /// address. 503, and no cached result is used instead.
    Misconfigured,
}

impl SignInErrorKind {
    /// The value of the label `result` in the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl SignInError {
    /// The policy refuses the user.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Refused, message)
    }

    /// The policy finds no user.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::NotFound, message)
    }

    /// The policy finds several users.
    pub fn ambiguous(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Ambiguous, message)
    }

    /// The service that the resolver queries is unavailable.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Unavailable, message)
    }

    /// The service that the resolver queries rejects the query: invalid credentials or a wrong
    /// address.
    ///
    /// This is not an outage, so no cached result is used instead.
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(SignInErrorKind::Misconfigured, message)
    }

    /// Sets the error behind it, which [`Error::source`] returns. The layer logs the message only, and errors are compared
    /// without it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Uncompared(Some(Arc::from(source.into())));
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> SignInErrorKind {
        self.kind
    }

    /// The message for the operator.
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

    /// The same failure, with another message.
    #[cfg(feature = "app-config")]
    pub(crate) fn with_message(self, message: String) -> Self {
        Self { message: message.into(), reasons: None, ..self }
    }

    /// Takes the cause over from the errors of earlier policies, if one has a cause.
    pub(super) fn with_cause_of(mut self, earlier: &[Self]) -> Self {
        if let Some(error) = earlier.iter().find(|error| error.source.0.is_some()) {
            self.source = error.source.clone();
        }
        self
    }

    /// Bytes on the heap, roughly, for the cache's bound.
    pub(crate) fn weight(&self) -> usize {
        let reasons = self.reasons.iter().flat_map(|reasons| reasons.iter());
        let source =
            self.source.0.as_deref().map_or(0, |source| size_of_val(source).saturating_add(self.message.len()));
        reasons.map(|reason| reason.len()).sum::<usize>().saturating_add(self.message.len()).saturating_add(source)
    }

    fn new(kind: SignInErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), reasons: None, source: Uncompared::default() }
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SignInError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.0.as_deref().map(|source| source as _)
    }
}

impl From<ClaimError> for SignInError {
    /// [`Refused`](SignInErrorKind::Refused): a claim of the wrong type does not count as missing,
    /// so [`FirstMatch`](super::FirstMatch) tries no further policy.
    fn from(error: ClaimError) -> Self {
        Self::refused(error.to_string()).caused_by(error)
    }
}
