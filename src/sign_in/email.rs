//! Sign-in by the email claim.

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver, names::Names};
use crate::identity::{Claims, Email, EmailProblem};

/// Issuers that anybody can have an account at. An email says nothing there without a list of domains, nor with one unless
/// it is verified: who runs a tenant of such an issuer writes any address into it.
const SHARED_ISSUERS: [&str; 5] = [
    "https://accounts.google.com",
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.microsoftonline.com/organizations/v2.0",
    "https://login.microsoftonline.com/consumers/v2.0",
    // The tenant of personal Microsoft accounts.
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
];

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
/// `email_verified`) is accepted, because the issuer is the operator's own; it is refused at an issuer that anybody can have
/// an account at (Google, the shared endpoints of Microsoft).
#[derive(Debug, Clone)]
pub struct EmailSignIn {
    naming: Naming,
    /// `None`: any.
    domains: Option<Vec<String>>,
    addresses: Vec<String>,
    verification: Verification,
    plus: Plus,
    names: Names,
    max_chars: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    LocalPart,
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    NotDenied,
    Required,
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plus {
    Refuse,
    Strip,
}

impl EmailSignIn {
    fn new(naming: Naming, domains: Option<Vec<String>>) -> Self {
        Self {
            naming,
            domains,
            addresses: Vec::new(),
            verification: Verification::NotDenied,
            plus: Plus::Refuse,
            names: Names::default(),
            max_chars: 254,
        }
    }

    /// Accepts this one address too, whatever its domain: a guest by name.
    #[must_use]
    pub fn allow_address(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
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
        self.verification = Verification::Required;
        self
    }

    /// Accepts an email that the provider says is not verified: whoever may type an address at the provider becomes whoever
    /// has that address here. Right only where users cannot change their address at the provider and it never verifies.
    #[must_use]
    pub fn dangerously_accept_unverified_email(mut self) -> Self {
        self.verification = Verification::Ignored;
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
        self.max_chars = chars;
        self
    }

    fn sign_in(&self, claims: &Claims) -> Result<SignIn, SignInError> {
        // NotFound, so that FirstMatch may try a policy that needs no email.
        let text = claims.email().ok_or_else(|| {
            SignInError::not_found(
                "there is no claim email: add the scope email to the listener rule, and consent to it at the provider",
            )
        })?;
        self.check_verified(claims)?;
        let email = Email::parse_within(text, self.max_chars).map_err(|problem| {
            SignInError::refused(match problem {
                EmailProblem::TooLong => "the claim email is longer than max_email_chars",
                EmailProblem::NotPlain => "the claim email is not a plain ASCII address",
            })
        })?;
        self.check_allowed(text, email.domain)?;
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

    fn check_verified(&self, claims: &Claims) -> Result<(), SignInError> {
        match (self.verification, claims.email_verified()) {
            (Verification::Ignored, _) | (_, Some(true)) => Ok(()),
            (Verification::NotDenied, None) if is_shared(claims.issuer()) => Err(SignInError::refused(
                "there is no claim email_verified, and the issuer has users of many organisations; sign in at your own \
                 tenant's issuer instead",
            )),
            (Verification::NotDenied, None) => Ok(()),
            (Verification::Required, None) => {
                Err(SignInError::refused("there is no claim email_verified, and require_verified_email is set"))
            }
            (_, Some(false)) => Err(SignInError::refused("the claim email_verified is not true")),
        }
    }

    fn check_allowed(&self, address: &str, domain: &str) -> Result<(), SignInError> {
        let Some(domains) = &self.domains else { return Ok(()) };
        // Most are written as they are listed, and comparing that costs less.
        let alike = |allowed: &String| allowed == domain || allowed.eq_ignore_ascii_case(domain);
        let allowed =
            domains.iter().any(alike) || self.addresses.iter().any(|allowed| allowed.eq_ignore_ascii_case(address));
        if allowed {
            return Ok(());
        }
        Err(SignInError::refused(format!(
            "the email's domain is {}, allowed are: {}; add the domain, or one guest by allow_address",
            crate::error::quoted(domain),
            domains.join(", ")
        )))
    }
}

fn is_shared(issuer: &str) -> bool {
    SHARED_ISSUERS.contains(&issuer.trim_end_matches('/'))
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
        let domains = self.domains.as_ref().map_or("any domain".to_owned(), |domains| domains.join(", "));
        let mut policy = Policy::new(format!("{naming} in {domains}"))
            .in_namespace(self.names.namespace())
            .using_claims(["email", "email_verified"]);
        if self.domains.is_none() {
            policy = policy.warning("users of any email domain are signed in: list your domains");
        }
        if self.verification == Verification::Ignored {
            policy = policy.warning("emails that the provider says are not verified are accepted");
        }
        policy
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        if self.domains.is_none() && is_shared(issuer) {
            return Err(format!(
                "{issuer} has users of many organisations, so an email-based sign-in needs in_domains([..])"
            ));
        }
        self.names.check()?;
        if !(16..=254).contains(&self.max_chars) {
            return Err(format!("max_email_chars is {}; set it to a value from 16 to 254", self.max_chars));
        }
        let Some(domains) = &self.domains else { return Ok(()) };
        if domains.is_empty() && self.addresses.is_empty() {
            return Err("no email domain is allowed: name one by in_domains([\"example.com\"])".to_owned());
        }
        let bad_domain = domains.iter().find(|domain| Email::parse(&format!("x@{domain}")).is_err());
        if let Some(domain) = bad_domain {
            return Err(format!("{} is not an email domain: write it as example.com", crate::error::quoted(domain)));
        }
        match self.addresses.iter().find(|address| Email::parse(address).is_err()) {
            Some(address) => Err(format!("{} is not a plain email address", crate::error::quoted(address))),
            None => Ok(()),
        }
    }
}
