//! The rule for accepted email addresses, shared by all policies that read the claim `email`.

use std::borrow::Cow;

use super::{
    Policy, SignInError,
    address_rule::{AddressRule, Verification},
    claim::OFTEN_WRITABLE,
    email_claim::{EMAIL, EmailClaim},
    is_shared,
    names::as_microsoft_graph_writes,
};
use crate::{
    identity::{Claims, Email, EmailProblem},
    settings::{Problem, ProblemKind},
};

#[derive(Debug, Clone)]
pub(super) struct EmailRule {
    /// `None`: any.
    domains: Option<Vec<String>>,
    addresses: Vec<String>,
    address: AddressRule,
    max_chars: usize,
}

/// An address that the rule accepts.
pub(super) struct Admitted<'c> {
    address: Cow<'c, str>,
    /// The position of the `@`.
    at: usize,
}

impl Admitted<'_> {
    pub(super) fn email(&self) -> Email<'_> {
        let (local_part, domain) = self.address.split_at_checked(self.at).unwrap_or_default();
        Email { local_part, domain: domain.get(1..).unwrap_or_default() }
    }
}

impl EmailRule {
    /// Accepts addresses in these domains; with `None`, in any domain.
    pub(super) fn new(domains: Option<Vec<String>>) -> Self {
        Self { domains, addresses: Vec::new(), address: AddressRule::default(), max_chars: 254 }
    }

    #[cfg(feature = "https")]
    pub(super) fn allow_domains(&mut self, domains: Vec<String>) {
        self.domains.get_or_insert_default().extend(domains);
    }

    pub(super) fn allow_address(&mut self, address: String) {
        self.addresses.push(address);
    }

    pub(super) fn read_from(&mut self, claim: String) {
        self.address.read_from(claim);
    }

    pub(super) fn require_verified(&mut self) {
        self.address.set_verification(Verification::Required);
    }

    pub(super) fn ignore_verification(&mut self) {
        self.address.set_verification(Verification::Ignored);
    }

    pub(super) fn max_chars(&mut self, chars: usize) {
        self.max_chars = chars;
    }

    pub(super) fn accepts_any_domain(&self) -> bool {
        self.domains.is_none()
    }

    /// The accepted domains and addresses, for the description of the policy.
    pub(super) fn allowed(&self) -> String {
        let Some(domains) = &self.domains else { return "any domain".to_owned() };
        match (domains.join(", "), self.addresses.join(", ")) {
            (domains, addresses) if addresses.is_empty() => domains,
            (domains, addresses) if domains.is_empty() => format!("no domain, and the addresses {addresses}"),
            (domains, addresses) => format!("{domains}, and the addresses {addresses}"),
        }
    }

    /// The domains in one order and letter case; any domain is a list without one.
    #[cfg(feature = "https")]
    pub(super) fn sorted_domains(&self) -> Vec<String> {
        let mut domains: Vec<String> =
            self.domains.iter().flatten().map(|domain| domain.to_ascii_lowercase()).collect();
        domains.sort_unstable();
        domains.dedup();
        domains
    }

    /// The accepted domains and addresses, if two of them may have the same local part. For
    /// policies that name users by the local part.
    pub(super) fn several_sources(&self) -> Option<String> {
        let mut domains: Vec<String> = Vec::new();
        for domain in self.domains.as_ref()? {
            let domain = domain.to_ascii_lowercase();
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        // The part after a plus may be removed.
        let parts = |address: &str| {
            let (local_part, domain) = address.split_once('@')?;
            let name = as_microsoft_graph_writes(local_part.split('+').next()?);
            Some((name.to_ascii_lowercase(), domain.to_ascii_lowercase()))
        };
        let mut outside: Vec<(String, String)> = Vec::new();
        for (local_part, domain) in self.addresses.iter().filter_map(|address| parts(address)) {
            if !domains.contains(&domain) && !outside.contains(&(local_part.clone(), domain.clone())) {
                outside.push((local_part, domain));
            }
        }
        let two_addresses = outside.iter().enumerate().any(|(index, (local_part, _))| {
            outside.iter().skip(index.saturating_add(1)).any(|(other, _)| other == local_part)
        });
        let several = domains.len() > 1 || (!domains.is_empty() && !outside.is_empty()) || two_addresses;
        several.then(|| self.allowed())
    }

    /// Adds the properties of the rule to the description of a policy.
    pub(super) fn describe(&self, policy: Policy) -> Policy {
        let claim = self.address.claim().map(EmailClaim::name);
        let claims = [Some(EMAIL), Some("email_verified"), claim];
        let mut policy = policy.using_claims(claims.into_iter().flatten());
        policy.addresses.push(self.address.clone());
        if let Some(claim) = claim {
            policy.summary = format!("{}, by the claim {claim}", policy.summary);
            if OFTEN_WRITABLE.contains(&claim) {
                policy = policy.warning(format!(
                    "users are named by an address in the claim {claim}, which users can change at common providers, so a \
                     user could take the name of another: make sure that the provider forbids it"
                ));
            }
        }
        match self.address.verification() {
            Verification::Ignored => policy.warning("emails that the provider says are not verified are accepted"),
            Verification::NotDenied => Policy { accepts_missing_verification: true, ..policy },
            Verification::Required => policy,
        }
    }

    /// The email in the claims, if the rule accepts it.
    pub(super) fn admit<'c>(&self, claims: &'c Claims) -> Result<Admitted<'c>, SignInError> {
        // NotFound, so that FirstMatch tries a policy that needs no email. A malformed claim is
        // refused.
        let claim = self.address.claim();
        let address = self.address.read(claims)?.ok_or_else(|| SignInError::not_found(missing(claim, claims)))?;
        let email = Email::parse_within(&address, self.max_chars).map_err(|problem| {
            let claim = claim.map_or(EMAIL, EmailClaim::name);
            SignInError::refused(match problem {
                EmailProblem::TooLong => format!("the claim {claim} is longer than max_email_chars"),
                EmailProblem::NotPlain if address.is_empty() => format!("the claim {claim} is an empty text"),
                EmailProblem::NotPlain => {
                    format!("the claim {claim} is not a plain ASCII address{}", why_not_plain(&address))
                }
            })
        })?;
        self.check_allowed(&address, email.domain)?;
        let at = email.local_part.len();
        Ok(Admitted { address, at })
    }

    fn check_allowed(&self, address: &str, domain: &str) -> Result<(), SignInError> {
        let Some(domains) = &self.domains else { return Ok(()) };
        // Most domains are written as listed, and an exact comparison is cheaper.
        let matches = |allowed: &String| allowed == domain || allowed.eq_ignore_ascii_case(domain);
        let allowed =
            domains.iter().any(matches) || self.addresses.iter().any(|allowed| allowed.eq_ignore_ascii_case(address));
        if allowed {
            return Ok(());
        }
        Err(SignInError::refused(format!(
            "the email's domain is {}; allowed are {}; add the domain, or a single guest by allow_address",
            crate::error::quoted(domain),
            domains.join(", ")
        )))
    }

    /// For the check of a configuration.
    pub(super) fn check(&self, issuer: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.domains.is_none() && is_shared(issuer) {
            let text =
                format!("{issuer} has users of many organisations, so a sign-in by email requires in_domains([..])");
            problems.push(Problem::new(ProblemKind::Insecure, text));
        }
        if !(16..=254).contains(&self.max_chars) {
            let text = format!("max_email_chars is {}; set it to a value from 16 to 254", self.max_chars);
            problems.push(Problem::new(ProblemKind::OutOfRange, text).with_found(self.max_chars.to_string()));
        }
        if self.address.verification() == Verification::Ignored && is_shared(issuer) {
            let text = format!(
                "{issuer} has users of many organisations, who can enter any address there, so \
                 dangerously_accept_unverified_email() cannot be used with it"
            );
            problems.push(Problem::new(ProblemKind::Insecure, text));
        }
        problems.extend(self.address.claim().and_then(EmailClaim::check));
        let Some(domains) = &self.domains else { return problems };
        if domains.is_empty() && self.addresses.is_empty() {
            let problem = Problem::new(ProblemKind::Missing, "no email domain is allowed");
            problems.push(problem.with_fix("add one by in_domains([\"example.com\"])"));
        }
        for domain in domains.iter().filter(|domain| Email::parse(&format!("x@{domain}")).is_err()) {
            let text = format!("{} is not an email domain", crate::error::quoted(domain));
            let fix = match domain.is_ascii() {
                true => "write it as example.com",
                false => "write it as example.com, an international one in its ASCII form (xn--...)",
            };
            problems.push(Problem::new(ProblemKind::InvalidValue, text).with_fix(fix));
        }
        for address in self.addresses.iter().filter(|address| Email::parse(address).is_err()) {
            let text = format!("{} is not a plain email address", crate::error::quoted(address));
            problems.push(Problem::new(ProblemKind::InvalidValue, text));
        }
        problems
    }
}

/// What is the matter with an address, for messages. Never a part of it.
fn why_not_plain(address: &str) -> &'static str {
    // Entra ID: the user principal name of a guest, jane_partner.example#EXT#@contoso.onmicrosoft.com.
    const GUEST: &str = "#ext#";
    if address.to_ascii_lowercase().contains(GUEST) {
        return ": it is the name of a guest in Entra ID (#EXT#), whose address is in the claim email, or mail";
    }
    if address.trim() != address {
        return ": there is white space around it, which the provider has to remove";
    }
    if !address.is_ascii() {
        return ": it has other letters, which can look like those of another user's address";
    }
    ""
}

/// Claims in which providers have addresses, beside `email`.
const OTHER_CLAIMS: [&str; 6] = ["preferred_username", "upn", "mail", "unique_name", "username", "emails[0]"];

/// There is no claim with the address.
fn missing(claim: Option<&EmailClaim>, claims: &Claims) -> String {
    let is_address = |claim: &&str| {
        let read = EmailClaim::new((*claim).to_owned()).read(claims);
        read.is_ok_and(|address| address.is_some_and(|address| Email::parse(&address).is_ok()))
    };
    match claim {
        None => {
            // Each claim that is looked for costs a pass, also where a later policy needs no email.
            let has_address = memchr::memchr(b'@', claims.payload().as_bytes()).is_some();
            let other = OTHER_CLAIMS.into_iter().filter(|_| has_address).find(is_address);
            let other = other.map(|claim| format!("; the claim {claim} has the form of one")).unwrap_or_default();
            format!(
                "there is no claim email: add the scope email to the listener rule, and grant consent for it at the \
                 provider; if the address is in a different claim, name that claim by email_claim(..) (app-config.yaml: \
                 emailClaim, environment: ALB_AUTH_EMAIL_CLAIM){other}"
            )
        }
        Some(claim) => format!(
            "there is no claim {}: the provider does not send it in its userinfo response, or its scope is not requested",
            claim.name()
        ),
    }
}
