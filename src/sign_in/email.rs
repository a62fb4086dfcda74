//! Sign-in by the email claim.

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver, email_rule::EmailRule, names::Names};
use crate::identity::Claims;

/// Names users by the part of their email before the `@`: `jane.doe@example.com` becomes `user:default/jane.doe`.
///
/// Two addresses with one local part become one user, so the domains that count are listed, and every other one is refused.
/// Guests of partners (B2B) have addresses of other domains and are refused with them.
///
/// ```
/// use tower_alb_auth::sign_in::EmailLocalPart;
///
/// let policy = EmailLocalPart::in_domains(["example.com"]).allow_address("consultant@partner.example");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EmailLocalPart;

impl EmailLocalPart {
    /// Accepts addresses of exactly these domains; subdomains are other domains. Letter case does not matter.
    pub fn in_domains(domains: impl IntoIterator<Item = impl Into<String>>) -> EmailSignIn {
        EmailSignIn::new(Naming::LocalPart, Some(domains.into_iter().map(Into::into).collect()))
    }

    /// Accepts addresses of any domain: `admin@anything` becomes `user:default/admin`.
    ///
    /// Right only where the provider holds addresses of one domain and no guests, and nobody can change an address.
    pub fn dangerously_in_any_domain() -> EmailSignIn {
        EmailSignIn::new(Naming::LocalPart, None)
    }
}

/// Names users by their whole email, with `_` for the `@`: `jane.doe@example.com` becomes
/// `user:default/jane.doe_example.com`, as catalogs filled from Microsoft Graph do.
///
/// Two addresses never become one user: a domain has no `_`, so the last one in the name stands for the `@`.
#[derive(Debug, Clone, Copy)]
pub struct WholeEmail;

impl WholeEmail {
    /// Accepts addresses of exactly these domains; subdomains are other domains. Letter case does not matter.
    pub fn in_domains(domains: impl IntoIterator<Item = impl Into<String>>) -> EmailSignIn {
        EmailSignIn::new(Naming::Whole, Some(domains.into_iter().map(Into::into).collect()))
    }

    /// Accepts addresses of any domain, guests of partners included.
    ///
    /// Right where everybody with an account at the provider may come in, under a name that shows the domain.
    pub fn dangerously_in_any_domain() -> EmailSignIn {
        EmailSignIn::new(Naming::Whole, None)
    }
}

/// Sign-in by email, made by [`EmailLocalPart`] or [`WholeEmail`].
///
/// An email that is said to be unverified signs nobody in. One of which the provider says nothing (Entra ID and Okta send no
/// `email_verified`) is accepted, because the issuer is the operator's own; it is refused at an issuer that anyone can have
/// an account at (Google, GitLab.com, Slack, LinkedIn, Salesforce, the shared endpoints of Microsoft and its national clouds).
/// Accepting it is logged as a warning at start-up until either
/// [`require_verified_email`](Self::require_verified_email) or
/// [`accept_missing_email_verified`](crate::AlbAuthConfigBuilder::accept_missing_email_verified) is chosen.
#[derive(Debug, Clone)]
pub struct EmailSignIn {
    naming: Naming,
    rule: EmailRule,
    plus: Plus,
    names: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    LocalPart,
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plus {
    Refuse,
    Strip,
}

impl EmailSignIn {
    fn new(naming: Naming, domains: Option<Vec<String>>) -> Self {
        Self { naming, rule: EmailRule::new(domains), plus: Plus::Refuse, names: Names::default() }
    }

    /// Accepts this one address too, whatever its domain: a guest by name. By the local part, the guest is the same user as
    /// an address of a listed domain with that local part, which is logged as a warning at start-up.
    #[must_use]
    pub fn allow_address(mut self, address: impl Into<String>) -> Self {
        self.rule.allow_address(address.into());
        self
    }

    /// Names users in this namespace instead of `default`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.names = Names::in_namespace(namespace);
        self
    }

    /// Refuses an email of which the provider does not say that it is verified. For providers that send `email_verified`.
    #[must_use]
    pub fn require_verified_email(mut self) -> Self {
        self.rule.require_verified();
        self
    }

    /// Accepts an email that the provider says is not verified: whoever may type an address at the provider becomes whoever
    /// has that address here. Right only where users cannot change their address at the provider and it never verifies.
    #[must_use]
    pub fn dangerously_accept_unverified_email(mut self) -> Self {
        self.rule.ignore_verification();
        self
    }

    /// Cuts `+...` off the local part: `jane+news@example.com` is then `jane@example.com`. Otherwise such an address is
    /// refused. Right where the mail system gives every user all of these addresses.
    #[must_use]
    pub fn strip_plus_suffix(mut self) -> Self {
        self.plus = Plus::Strip;
        self
    }

    /// Longest address, in characters. Default 254 (RFC 5321), range 16 to 254.
    #[must_use]
    pub fn max_email_chars(mut self, chars: usize) -> Self {
        self.rule.max_chars(chars);
        self
    }

    fn sign_in(&self, claims: &Claims) -> Result<SignIn, SignInError> {
        let email = self.rule.admit(claims)?;
        let local_part = match self.plus {
            Plus::Strip => email.local_part.split('+').next().unwrap_or_default(),
            Plus::Refuse => email.local_part,
        };
        let user = match self.naming {
            Naming::LocalPart => self.names.user(local_part),
            Naming::Whole => {
                let mut name = arrayvec::ArrayString::<64>::new();
                let fits = [local_part, "_", email.domain].iter().all(|part| name.try_push_str(part).is_ok());
                self.names.user(if fits { &name } else { "" })
            }
        };
        user.map(SignIn::user).map_err(|error| SignInError::refused(format!("the email gives no user name: {error}")))
    }
}

/// What a policy by the local part gives up with several domains or addresses.
pub(super) fn one_user_of_several_places(places: &str) -> String {
    format!(
        "the same local part is one user, whatever is behind the @: emails in {places}; WholeEmail tells them apart, if they can \
         be two users"
    )
}

impl SignInResolver for EmailSignIn {
    fn resolve(&self, claims: &Claims) -> Resolution {
        self.sign_in(claims).into()
    }

    fn policy(&self) -> Policy {
        let naming = match self.naming {
            Naming::LocalPart => "email's local part",
            Naming::Whole => "whole email",
        };
        let policy = Policy::new(format!("{naming} in {}", self.rule.allowed()))
            .in_namespace(self.names.namespace())
            .described();
        let policy = match self.rule.accepts_any_domain() {
            true => policy.warning("users of any email domain are signed in: list your domains"),
            false => policy,
        };
        let policy = match self.rule.several_places().filter(|_| self.naming == Naming::LocalPart) {
            Some(places) => policy.warning(one_user_of_several_places(&places)),
            None => policy,
        };
        self.rule.describe(policy)
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.names.check()?;
        self.rule.check(issuer)
    }
}
