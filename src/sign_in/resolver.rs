//! The interface of sign-in policies.

use std::{fmt, pin::Pin, sync::Arc};

use super::{AddressRule, EmailClaim, SignIn, SignInError};
use crate::{identity::Claims, settings::Problem};

/// A sign-in that waits for a result.
pub type SignInFuture = Pin<Box<dyn Future<Output = Result<SignIn, SignInError>> + Send>>;

/// Maps the claims of a verified token to a user.
///
/// A resolver is called for each request. If it has the result at once, it returns
/// [`Resolution::Ready`], which costs the request no allocation. If it has to query a service, it
/// returns [`Resolution::Waiting`], and its results are cached (see
/// [`CacheLimits`](crate::CacheLimits)).
///
/// ```
/// use tower_alb_auth::{Claims, EntityRef, EntityRefError, sign_in::{Policy, Resolution, SignIn, SignInError, SignInResolver}};
///
/// /// Signs in users with the role, by their subject.
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
///         let invalid = |error: EntityRefError| SignInError::refused(error.to_string()).caused_by(error);
///         EntityRef::user(claims.subject()).map(SignIn::user).map_err(invalid).into()
///     }
/// }
/// # let _ = Auditors;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sign-in policy",
    note = "use one of `tower_alb_auth::sign_in`, or `sign_in::from_fn(|claims| ...)` for a closure"
)]
pub trait SignInResolver: Send + Sync + 'static {
    /// The user for these claims. The signature of the claims is verified, but only issuer and
    /// subject reliably identify the user: users or administrators may be able to edit email
    /// addresses, names and other claims at the provider.
    fn resolve(&self, claims: &Claims) -> Resolution;

    /// The properties of this policy, for the checks of the configuration and the start-up log
    /// line.
    fn policy(&self) -> Policy {
        Policy::new(std::any::type_name::<Self>())
    }

    /// Checks the settings, and that the policy is safe for this issuer. Called once, when the
    /// configuration is built.
    ///
    /// Returns every problem with the setting to change. A policy around other ones returns theirs
    /// too.
    ///
    /// ```
    /// use tower_alb_auth::{Claims, config::{Problem, ProblemKind}, sign_in::{Resolution, SignIn, SignInResolver}};
    ///
    /// struct Directory {
    ///     address: String,
    /// }
    ///
    /// impl SignInResolver for Directory {
    ///     fn check(&self, _issuer: &str) -> Vec<Problem> {
    ///         let is_encrypted = self.address.starts_with("ldaps://");
    ///         let problem = Problem::new(ProblemKind::Insecure, "the directory is not reached by ldaps://");
    ///         if is_encrypted { Vec::new() } else { vec![problem.with_fix("change LDAP_URL")] }
    ///     }
    ///
    ///     fn resolve(&self, _claims: &Claims) -> Resolution {
    ///         // Query the directory.
    ///         # SignIn::claims_only().into()
    ///     }
    /// }
    /// # let directory = Directory { address: "ldap://directory".to_owned() };
    /// # assert_eq!(directory.check("https://idp.example.com")[0].fix(), Some("change LDAP_URL"));
    /// ```
    #[must_use = "a configuration with a problem must not build"]
    fn check(&self, issuer: &str) -> Vec<Problem> {
        let _ = issuer;
        Vec::new()
    }

    /// Whether the result is a user without groups who depends on the settings and the claims alone, not on time or on anything
    /// else. Such a user is kept with the claims of a remembered token. Only policies of this crate can say so: the type of the
    /// argument cannot be named elsewhere, so that a policy around one of them is applied to each request.
    #[doc(hidden)]
    fn names_by_claims_alone(&self, _: OfThisCrate) -> bool {
        false
    }
}

/// Only this crate can name or make it.
#[derive(Debug, Clone, Copy)]
pub struct OfThisCrate(());

impl OfThisCrate {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl SignInResolver for Arc<dyn SignInResolver> {
    fn resolve(&self, claims: &Claims) -> Resolution {
        (**self).resolve(claims)
    }

    fn policy(&self) -> Policy {
        (**self).policy()
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        (**self).check(issuer)
    }

    #[doc(hidden)]
    fn names_by_claims_alone(&self, caller: OfThisCrate) -> bool {
        (**self).names_by_claims_alone(caller)
    }
}

impl fmt::Debug for dyn SignInResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.policy().summary)
    }
}

/// The result of a resolver, available at once or later.
#[must_use]
pub enum Resolution {
    /// Available at once.
    Ready(Result<SignIn, SignInError>),
    /// Available later. The future is polled only if no result is cached, so all work must happen
    /// inside of it.
    Waiting(SignInFuture),
}

impl Resolution {
    /// A result that is available later.
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

/// The properties of a sign-in policy.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) summary: String,
    pub(crate) namespace: Option<String>,
    pub(crate) gives_identities: bool,
    pub(crate) claims_used: Option<Vec<String>>,
    /// How the address of a user is read: everything that speaks of a user's email follows it.
    pub(crate) addresses: Vec<AddressRule>,
    pub(crate) warnings: Vec<String>,
    /// The directory that contains all users of this policy. In two policies with the same
    /// directory, the same name is the same user.
    pub(crate) directory: Option<String>,
    /// The domains of a policy that looks up users of a directory by the local part of their email:
    /// one name is then one user of the directory, and possibly two persons.
    pub(crate) local_parts_of: Option<Vec<String>>,
    /// Whether the policy accepts an email without the claim `email_verified`.
    pub(crate) accepts_missing_verification: bool,
    /// Whether the policy reads claims of the access token.
    pub(crate) reads_access_token: bool,
    /// Whether two policies with this summary name users in the same way.
    pub(crate) described: bool,
}

impl Policy {
    /// A policy with this description, which names users in any namespace and uses any claim.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            namespace: None,
            gives_identities: true,
            claims_used: None,
            addresses: Vec::new(),
            warnings: Vec::new(),
            directory: None,
            local_parts_of: None,
            accepts_missing_verification: false,
            reads_access_token: false,
            described: false,
        }
    }

    /// Sets the only namespace in which the policy names users. With several issuers, each issuer's
    /// policy must have a different namespace, so that the same subject or email at two issuers
    /// never becomes one user. The layer enforces the namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets the claims that the result depends on, in addition to issuer and subject. They are the
    /// key for cached results of policies that wait; without this setting, all claims except `exp`,
    /// `nbf` and `iat` are the key. List every claim that the policy reads: while the listed claims
    /// do not change, the cached result stays in use. Two users never share a cached result.
    #[must_use]
    pub fn using_claims(mut self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let claims: Vec<String> = claims.into_iter().map(Into::into).collect();
        // An empty list counts as unset: all claims are the key.
        self.claims_used = Some(claims).filter(|claims| !claims.is_empty());
        self
    }

    /// Sets the claim with the address of the user, if the policy reads another one than `email`: `upn`, or `emails[0]` for an
    /// element of a list. What speaks of a user's email follows it: [`Profile::email`](crate::Profile::email), entries of a deny
    /// list, requirements on `email`, and headers of `alb-auth-proxy`.
    #[must_use]
    pub fn email_claim(mut self, claim: impl Into<String>) -> Self {
        self.addresses.push(AddressRule::of_claim(claim.into()));
        self
    }

    /// The claims other than `email` that hold the address of a user.
    pub(crate) fn email_claims(&self) -> impl Iterator<Item = &EmailClaim> {
        self.addresses.iter().filter_map(AddressRule::claim)
    }

    /// Marks a policy whose summary completely describes how it names users.
    pub(crate) fn described(mut self) -> Self {
        self.described = true;
        self
    }

    /// Whether this policy and another may give the same name to two users: their namespaces are
    /// the same or unknown, and they do not use the same directory, or use it by the local parts of
    /// different domains.
    pub(crate) fn may_share_names(&self, other: &Self) -> bool {
        let apart = self.namespace.is_some() && other.namespace.is_some() && self.namespace != other.namespace;
        let local_parts = self.local_parts_of.as_ref().zip(other.local_parts_of.as_ref());
        let same_domains = local_parts.is_none_or(|(one, another)| one == another);
        let same_users = self.directory.is_some() && self.directory == other.directory && same_domains;
        !apart && !same_users
    }

    /// Adds a warning about the risks of this policy, which is logged once at start-up.
    #[must_use]
    pub fn warning(mut self, message: impl Into<String>) -> Self {
        self.warnings.push(message.into());
        self
    }
}

/// No identity: handlers get [`Claims`] only. For services without a Backstage catalog to name
/// users by.
///
/// Store data under [`Claims::stable_id`], never under the email.
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
