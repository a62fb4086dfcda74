//! The seam: what every sign-in policy is.

use std::{fmt, pin::Pin};

use super::{SignIn, SignInError};
use crate::identity::Claims;

/// A sign-in that has to wait for something.
pub type SignInFuture = Pin<Box<dyn Future<Output = Result<SignIn, SignInError>> + Send>>;

/// Turns the claims of a verified token into a user.
///
/// Called for each request. A resolver that can answer at once says [`Resolution::Ready`], which costs the request no
/// allocation; one that has to ask somebody says [`Resolution::Waiting`], and its answers are remembered (see
/// [`CacheLimits`](crate::CacheLimits)).
///
/// ```
/// use tower_alb_auth::{Claims, EntityRef, sign_in::{Policy, Resolution, SignIn, SignInError, SignInResolver}};
///
/// /// Signs in whoever has the role, under the subject.
/// struct Auditors;
///
/// impl SignInResolver for Auditors {
///     fn resolve(&self, claims: &Claims) -> Resolution {
///         match claims.roles() {
///             Err(malformed) => return SignInError::from(malformed).into(),
///             Ok(roles) if !roles.iter().any(|role| role == "auditor") => {
///                 return SignInError::refused("the claim roles has no auditor").into();
///             }
///             Ok(_) => {}
///         }
///         EntityRef::user(claims.subject()).map(SignIn::user).map_err(|error| SignInError::refused(error.to_string())).into()
///     }
/// }
/// # let _ = Auditors;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sign-in policy",
    note = "use one of `tower_alb_auth::sign_in`, or `sign_in::from_fn(|claims| ...)` for a closure"
)]
pub trait SignInResolver: Send + Sync + 'static {
    /// Who that is. The claims are verified, but only the issuer and the subject are sure to be the user's own: email,
    /// name and the like are what the provider let the user or an administrator write.
    fn resolve(&self, claims: &Claims) -> Resolution;

    /// What the configuration and the start-up line need to know of this policy.
    fn policy(&self) -> Policy {
        Policy::new(std::any::type_name::<Self>())
    }

    /// Refuses to serve an issuer it is not safe with. Called once, when the configuration is built.
    ///
    /// # Errors
    /// A sentence that says what to change.
    fn check(&self, issuer: &str) -> Result<(), String> {
        let _ = issuer;
        Ok(())
    }
}

impl fmt::Debug for dyn SignInResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.policy().summary)
    }
}

/// A resolver's answer: now, or later.
#[must_use]
pub enum Resolution {
    /// Known at once.
    Ready(Result<SignIn, SignInError>),
    /// To be waited for. The future is polled only if the answer is not remembered, so it must do nothing before.
    Waiting(SignInFuture),
}

impl Resolution {
    /// To be waited for.
    pub fn waiting(future: impl Future<Output = Result<SignIn, SignInError>> + Send + 'static) -> Self {
        Self::Waiting(Box::pin(future))
    }
}

impl From<Result<SignIn, SignInError>> for Resolution {
    fn from(result: Result<SignIn, SignInError>) -> Self {
        Self::Ready(result)
    }
}

impl From<SignIn> for Resolution {
    fn from(sign_in: SignIn) -> Self {
        Self::Ready(Ok(sign_in))
    }
}

impl From<SignInError> for Resolution {
    fn from(error: SignInError) -> Self {
        Self::Ready(Err(error))
    }
}

impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Waiting(_) => f.write_str("Waiting"),
        }
    }
}

/// What there is to know of a sign-in policy without asking it.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) summary: String,
    pub(crate) namespace: Option<String>,
    pub(crate) gives_identities: bool,
    pub(crate) claims_used: Option<Vec<String>>,
    pub(crate) warnings: Vec<String>,
    /// Where the users it names are kept, if it names none that are not: the same name is then the same user.
    pub(crate) directory: Option<String>,
    /// Whose addresses it names users by the local part of, if it does and takes them from a directory: the same name is then the
    /// same user of the directory, and may be another person.
    pub(crate) local_parts_of: Option<Vec<String>>,
    /// Whether it names users by an email of which the provider does not say whether it is verified.
    pub(crate) accepts_missing_verification: bool,
    /// Whether two policies with this summary name users alike.
    pub(crate) described: bool,
}

impl Policy {
    /// A policy of that name, which gives identities in any namespace and uses any claim.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            namespace: None,
            gives_identities: true,
            claims_used: None,
            warnings: Vec::new(),
            directory: None,
            local_parts_of: None,
            accepts_missing_verification: false,
            described: false,
        }
    }

    /// The only namespace that the policy names users in. With several issuers each one's policy must name its own, so that
    /// the same subject or email at two issuers never becomes one user. The layer holds the policy to it.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The claims that the answer depends on, besides issuer and subject. Answers that are waited for are remembered by them;
    /// if nothing is named, by all claims but `exp`, `nbf` and `iat`. Name every one that is looked at: while none of the named
    /// claims changes, the user keeps the answer. No two users ever share one.
    #[must_use]
    pub fn using_claims(mut self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let claims: Vec<String> = claims.into_iter().map(Into::into).collect();
        // An empty list says nothing: all claims count.
        self.claims_used = Some(claims).filter(|claims| !claims.is_empty());
        self
    }

    /// Of a policy whose summary says all of how it names users.
    pub(crate) fn described(mut self) -> Self {
        self.described = true;
        self
    }

    /// Whether this policy and another may give the same name to two users: their namespaces are the same, or not known, and
    /// they do not take their users from one directory, or do so by the local parts of different domains.
    pub(crate) fn may_name_alike(&self, other: &Self) -> bool {
        let apart = self.namespace.is_some() && other.namespace.is_some() && self.namespace != other.namespace;
        let local_parts = self.local_parts_of.as_ref().zip(other.local_parts_of.as_ref());
        let same_domains = local_parts.is_none_or(|(one, another)| one == another);
        let same_users = self.directory.is_some() && self.directory == other.directory && same_domains;
        !apart && !same_users
    }

    /// A sentence to be logged once at start-up: what this policy gives up.
    #[must_use]
    pub fn warning(mut self, sentence: impl Into<String>) -> Self {
        self.warnings.push(sentence.into());
        self
    }
}

/// No identity: handlers see [`Claims`] alone. For services that have no Backstage catalog to name people by.
///
/// Store things under [`Claims::stable_id`], never under the email.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClaimsOnly;

impl SignInResolver for ClaimsOnly {
    fn resolve(&self, _: &Claims) -> Resolution {
        SignIn::claims_only().into()
    }

    fn policy(&self) -> Policy {
        Policy { gives_identities: false, ..Policy::new("claims only").described() }
    }
}
