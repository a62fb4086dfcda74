//! Sign-in by the email claim.

use super::{
    Policy, Resolution, SignIn, SignInError, SignInResolver,
    email_rule::EmailRule,
    names::{Names, as_microsoft_graph_writes, unfit},
    resolver::OfThisCrate,
};
use crate::{
    identity::{Claims, Email},
    settings::Problem,
};

/// Names users by the part of their email before the `@`: `jane.doe@example.com` becomes
/// `user:default/jane.doe`. As in names that Backstage makes of Microsoft Graph's users, `'` and `&`
/// become `_`, and several `_` become one.
///
/// Two addresses with the same local part become one user, so the accepted domains are listed and
/// every other domain is refused. Guests from partners (B2B) have addresses in other domains, so
/// they are refused too.
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
    /// Accepts addresses in exactly these domains, without their subdomains. Letter case is
    /// ignored.
    pub fn in_domains(domains: impl IntoIterator<Item = impl Into<String>>) -> EmailSignIn {
        EmailSignIn::new(Naming::LocalPart, Some(domains.into_iter().map(Into::into).collect()))
    }

    /// Accepts addresses in any domain: `admin@anything` becomes `user:default/admin`.
    ///
    /// Use it only if the provider has addresses in one domain, has no guests, and lets no user
    /// change an address.
    pub fn dangerously_in_any_domain() -> EmailSignIn {
        EmailSignIn::new(Naming::LocalPart, None)
    }
}

/// Names users by their whole email, with `_` for the `@`: `jane.doe@example.com` becomes
/// `user:default/jane.doe_example.com`, as catalogs filled from Microsoft Graph do.
///
/// The last `_` in the name replaces the `@`, since a domain has no `_`. As in those catalogs, `'` and
/// `&` become `_`, and several `_` become one: `o'brien@example.com` and `o_brien@example.com` are one
/// user, here and in the catalog. An address whose local part ends with one of these characters is
/// refused, since its name would be that of the address without it.
#[derive(Debug, Clone, Copy)]
pub struct WholeEmail;

impl WholeEmail {
    /// Accepts addresses in exactly these domains, without their subdomains. Letter case is
    /// ignored.
    pub fn in_domains(domains: impl IntoIterator<Item = impl Into<String>>) -> EmailSignIn {
        EmailSignIn::new(Naming::Whole, Some(domains.into_iter().map(Into::into).collect()))
    }

    /// Accepts addresses in any domain, including those of guests from partners.
    ///
    /// Use it if every user with an account at the provider may sign in. The name shows the domain.
    pub fn dangerously_in_any_domain() -> EmailSignIn {
        EmailSignIn::new(Naming::Whole, None)
    }
}

/// Sign-in by email, made by [`EmailLocalPart`] or [`WholeEmail`].
///
/// The effect of the claim `email_verified`:
///
/// - `false`: the sign-in is refused.
/// - Missing (Entra ID and Okta do not send it): the email is accepted, because the issuer belongs
///   to the operator's organisation. At an issuer where anyone can create an account (Google,
///   GitLab.com, Slack, LinkedIn, Salesforce, the shared endpoints of Microsoft and its national
///   clouds) it is refused.
///
/// Accepting a missing claim is logged as a warning at start-up until either
/// [`require_verified_email`](Self::require_verified_email) or
/// [`accept_missing_email_verified`](crate::AlbAuthConfigBuilder::accept_missing_email_verified) is
/// set.
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

    /// Accepts this address too, in any domain: a single guest. With [`EmailLocalPart`], the guest
    /// is the same user as an address in a listed domain with the same local part, which is logged
    /// as a warning at start-up.
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

    /// Requires `email_verified: true`; a missing claim is then refused. For providers that send
    /// `email_verified`.
    #[must_use]
    pub fn require_verified_email(mut self) -> Self {
        self.rule.require_verified();
        self
    }

    /// Accepts an email that the provider reports as not verified. A user who can enter any address
    /// at the provider then becomes the user with that address. Use it only if users cannot change
    /// their address at the provider and the provider never verifies addresses: Amazon Cognito reports
    /// `"false"` for every user of a federated provider whose attribute is not mapped.
    #[must_use]
    pub fn dangerously_accept_unverified_email(mut self) -> Self {
        self.rule.ignore_verification();
        self
    }

    /// Reads the address from this claim instead of `email`: `upn`, `preferred_username`, `mail`, or
    /// `emails[0]` for an element of a list.
    ///
    /// All checks of the claim `email` apply. `email_verified: true` counts only if the claim `email`
    /// is the same address. Use a claim that users cannot change at the provider.
    #[must_use]
    pub fn email_claim(mut self, claim: impl Into<String>) -> Self {
        self.rule.read_from(claim.into());
        self
    }

    /// Removes `+...` from the local part: `jane+news@example.com` is then `jane@example.com`.
    /// Without this setting such an address is refused. Use it if the mail system delivers all of
    /// these addresses to the same user.
    #[must_use]
    pub fn strip_plus_suffix(mut self) -> Self {
        self.plus = Plus::Strip;
        self
    }

    /// Maximum length of an address, in characters. Default 254 (RFC 5321), range 16 to 254.
    #[must_use]
    pub fn max_email_chars(mut self, chars: usize) -> Self {
        self.rule.max_chars(chars);
        self
    }

    fn sign_in(&self, claims: &Claims) -> Result<SignIn, SignInError> {
        let admitted = self.rule.admit(claims)?;
        let Email { local_part, domain } = admitted.email();
        let local_part = match self.plus {
            Plus::Strip => local_part.split('+').next().unwrap_or_default(),
            Plus::Refuse => local_part,
        };
        let local_part = as_microsoft_graph_writes(local_part);
        let mut whole = arrayvec::ArrayString::<64>::new();
        let name = match self.naming {
            Naming::LocalPart => &*local_part,
            // The name would be that of the address without the `_`.
            Naming::Whole if local_part.ends_with('_') => {
                return Err(SignInError::refused(
                    "the email gives no user name: its local part ends with '_', '\'' or '&', which the name of another \
                     address does not show",
                ));
            }
            Naming::Whole => {
                let fits = [&*local_part, "_", domain].iter().all(|part| whole.try_push_str(part).is_ok());
                if !fits {
                    let name = format!("{local_part}_{domain}");
                    return self.user(&name);
                }
                &whole
            }
        };
        self.user(name)
    }

    fn user(&self, name: &str) -> Result<SignIn, SignInError> {
        let user = self.names.user(name);
        user.map(SignIn::user).map_err(|error| SignInError::refused(unfit(name, error)).caused_by(error))
    }
}

/// The warning of a policy by the local part with several domains or addresses.
pub(super) fn one_user_in_several_domains(allowed: &str) -> String {
    format!(
        "the same local part is one user, whatever the domain: emails in {allowed}; if they can be two users, \
         use WholeEmail, which keeps them apart"
    )
}

impl SignInResolver for EmailSignIn {
    fn resolve(&self, claims: &Claims) -> Resolution {
        self.sign_in(claims).into()
    }

    #[doc(hidden)]
    fn names_by_claims_alone(&self, _: OfThisCrate) -> bool {
        true
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
        let policy = match self.rule.several_sources().filter(|_| self.naming == Naming::LocalPart) {
            Some(allowed) => policy.warning(one_user_in_several_domains(&allowed)),
            None => policy,
        };
        self.rule.describe(policy)
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        self.names.check().into_iter().chain(self.rule.check(issuer)).collect()
    }
}
