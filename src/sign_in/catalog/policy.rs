//! The policy: an email, a query, one user.

use std::{fmt, sync::Arc};

use super::{Client, LookupKey, QUERY_LIMIT, entity::Entity, groups};
use crate::{
    identity::{Claims, Email, EntityRef},
    settings::{Problem, ProblemKind},
    sign_in::{
        Policy, Resolution, SignIn, SignInError, SignInResolver,
        email::one_user_in_several_domains,
        email_rule::{Admitted, EmailRule},
        names::{Names, unfit},
    },
};

/// Sign-in by a user of the catalog. Made by [`Catalog`](super::Catalog).
///
/// The rules for emails of [`EmailSignIn`](crate::sign_in::EmailSignIn) apply: an email that the
/// provider reports as unverified is refused.
#[derive(Clone)]
pub struct CatalogSignIn {
    client: Arc<Client>,
    by: LookupKey,
    rule: EmailRule,
    namespace: Option<String>,
    without_user: bool,
    transitive_groups: bool,
    strip_plus: bool,
}

impl CatalogSignIn {
    pub(super) fn new(client: Arc<Client>, by: LookupKey, domains: Option<Vec<String>>) -> Self {
        let transitive_groups = client.transitive_groups();
        Self {
            client,
            by,
            rule: EmailRule::new(domains),
            namespace: None,
            without_user: false,
            transitive_groups,
            strip_plus: false,
        }
    }

    /// Accepts addresses in exactly these domains, without their subdomains. Letter case is
    /// ignored.
    #[must_use]
    pub fn in_domains(mut self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rule.allow_domains(domains.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts this address too, in any domain: a single guest.
    #[must_use]
    pub fn allow_address(mut self, address: impl Into<String>) -> Self {
        self.rule.allow_address(address.into());
        self
    }

    /// Reads the address from this claim instead of `email`: see
    /// [`EmailSignIn::email_claim`](crate::sign_in::EmailSignIn::email_claim).
    #[must_use]
    pub fn email_claim(mut self, claim: impl Into<String>) -> Self {
        self.rule.read_from(claim.into());
        self
    }

    /// Accepts an email that the provider reports as not verified: see
    /// [`EmailSignIn::dangerously_accept_unverified_email`](crate::sign_in::EmailSignIn::dangerously_accept_unverified_email).
    #[must_use]
    pub fn dangerously_accept_unverified_email(mut self) -> Self {
        self.rule.ignore_verification();
        self
    }

    /// Removes `+...` from the local part before the user of that name is looked up. Use it if the
    /// mail system delivers all of these addresses to the same user. For policies by the local part
    /// only.
    #[must_use]
    pub fn strip_plus_suffix(mut self) -> Self {
        self.strip_plus = true;
        self
    }

    /// Requires `email_verified: true`; a missing claim is then refused. For providers that send
    /// `email_verified`.
    #[must_use]
    pub fn require_verified_email(mut self) -> Self {
        self.rule.require_verified();
        self
    }

    /// Finds users in this namespace only. A policy by the local part uses `default` unless another
    /// namespace is set here. With several issuers, each issuer's policy must have a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Adds the parents of a user's groups to the ownership: as
    /// [`CatalogBuilder::transitive_groups`](super::CatalogBuilder::transitive_groups), for this
    /// policy only.
    #[must_use]
    pub fn transitive_groups(mut self) -> Self {
        self.transitive_groups = true;
        self
    }

    /// Signs in users who are not in the catalog, under the local part of their email and without
    /// groups.
    ///
    /// Use it while a catalog is being filled, and only if every user with an address in the listed
    /// domains may sign in. For policies by the local part only; with other policies the
    /// configuration does not build.
    #[must_use]
    pub fn dangerously_sign_in_without_catalog_user(mut self) -> Self {
        self.without_user = true;
        self
    }

    /// The email in the claims, if the rule accepts it and the catalog may have its user.
    fn admit<'c>(&self, claims: &'c Claims) -> Result<Admitted<'c>, SignInError> {
        let admitted = self.rule.admit(claims)?;
        let email = self.looked_up(&admitted);
        // It separates parameters of a query.
        if email.local_part.contains('&') {
            return Err(SignInError::refused("the email has a '&', and such an address is not sent to the catalog"));
        }
        if self.rule.accepts_any_domain() && email.has_punycode_domain() {
            return Err(SignInError::not_found(
                "the email's domain has a label in Punycode (xn--), and such an address is sent to the catalog only if its \
                 domain is listed: in_domains(..) (app-config.yaml: allowedDomains)",
            ));
        }
        if self.by == LookupKey::LocalPart
            && let Err(error) = EntityRef::user(email.local_part)
        {
            let reason = unfit(email.local_part, error);
            return Err(match self.without_user {
                true => SignInError::refused(reason),
                false => SignInError::not_found(reason),
            }
            .caused_by(error));
        }
        Ok(admitted)
    }

    /// The email by which the user is looked up.
    fn looked_up<'a>(&self, admitted: &'a Admitted<'_>) -> Email<'a> {
        let email = admitted.email();
        match self.strip_plus {
            true => Email { local_part: email.local_part.split('+').next().unwrap_or_default(), ..email },
            false => email,
        }
    }

    async fn sign_in(self, claims: Claims) -> Result<SignIn, SignInError> {
        let admitted = self.admit(&claims)?;
        let email = self.looked_up(&admitted);
        let namespace = self.namespace.as_deref();
        let found = self.find(&self.by, &email, namespace).await?;
        let user = match <[Entity; 1]>::try_from(found) {
            Ok([user]) => user,
            Err(found) if found.is_empty() => return self.no_match(&email),
            Err(found) => {
                let message = format!("the catalog has {} matches for {}", found.len(), self.by.describe());
                return Err(SignInError::ambiguous(message));
            }
        };
        let invalid =
            |error| SignInError::refused(format!("the catalog's user has an invalid name: {error}")).caused_by(error);
        let user_ref = user.entity_ref().map_err(invalid)?;
        let direct = user.groups("memberOf");
        let groups = if self.transitive_groups { groups::with_parents(&self.client, direct).await? } else { direct };
        Ok(SignIn::user(user_ref).owning(groups))
    }

    async fn find(
        &self,
        by: &LookupKey,
        email: &Email<'_>,
        namespace: Option<&str>,
    ) -> Result<Vec<Entity>, SignInError> {
        // No entity can have such a name, so the catalog need not be queried for it.
        if *by == LookupKey::LocalPart && Names::default().user(email.local_part).is_err() {
            return Ok(Vec::new());
        }
        let query = by.query(email, namespace);
        let found = match by {
            LookupKey::LocalPart => self.client.entity(&query).await?.into_iter().collect(),
            LookupKey::ProfileEmail | LookupKey::Annotation(_) => self.client.entities(&query).await?,
        };
        let full = found.len() == QUERY_LIMIT;
        let (fitting, others): (Vec<Entity>, Vec<Entity>) =
            found.into_iter().partition(|entity| by.fits(entity, email, namespace));
        if !others.is_empty() {
            if self.client.mismatches.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the catalog was queried for {} and returned {} entities that do not match; they are ignored",
                    by.describe(),
                    others.len()
                );
            }
            if full && fitting.len() < 2 {
                return Err(SignInError::ambiguous(format!(
                    "the catalog returned the maximum of {QUERY_LIMIT} entities, and not all of them are {}: there may be more \
                     matches",
                    by.describe()
                )));
            }
        }
        Ok(fitting)
    }

    /// The result if no user has the email or name.
    fn no_match(&self, email: &Email<'_>) -> Result<SignIn, SignInError> {
        if self.without_user {
            let names = Names::in_namespace(self.namespace.as_deref().unwrap_or("default"));
            let user = names.user(email.local_part);
            return user
                .map(SignIn::user)
                .map_err(|error| SignInError::refused(unfit(email.local_part, error)).caused_by(error));
        }
        // Another query would tell the operator more, and would let each unknown user cost the catalog more.
        Err(SignInError::not_found(format!("the catalog has no {}; {}", self.by.user(), self.by.other_resolvers())))
    }
}

impl SignInResolver for CatalogSignIn {
    fn resolve(&self, claims: &Claims) -> Resolution {
        // A sign-in that can be refused without the catalog causes no query.
        if let Err(error) = self.admit(claims) {
            return error.into();
        }
        Resolution::waiting(self.clone().sign_in(claims.clone()))
    }

    fn policy(&self) -> Policy {
        let emails = match self.rule.accepts_any_domain() {
            true => String::new(),
            false => format!(", for emails in {}", self.rule.allowed()),
        };
        let summary = format!("{} of the catalog at {}{emails}", self.by.describe(), self.client.base());
        let mut policy = Policy::new(summary).described();
        if self.by == LookupKey::LocalPart {
            policy.local_parts_of = Some(self.rule.sorted_domains());
        }
        let namespace = match self.by {
            LookupKey::LocalPart => self.namespace.as_deref().or(Some("default")),
            LookupKey::ProfileEmail | LookupKey::Annotation(_) => self.namespace.as_deref(),
        };
        if let Some(namespace) = namespace {
            policy = policy.in_namespace(namespace);
        }
        if self.by == LookupKey::LocalPart && self.rule.accepts_any_domain() {
            policy = policy.warning("users of any email domain are signed in: list your domains");
        }
        if let Some(allowed) = self.rule.several_sources().filter(|_| self.by == LookupKey::LocalPart) {
            policy = policy.warning(one_user_in_several_domains(&allowed));
        }
        if self.without_user {
            policy = policy.warning("users who are not in the catalog are signed in");
        } else {
            policy.directory = Some(self.client.base().to_owned());
        }
        self.rule.describe(policy)
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.by.check().into_iter().collect();
        let by_name = self.by == LookupKey::LocalPart;
        if self.without_user && !by_name {
            let text = format!(
                "dangerously_sign_in_without_catalog_user() requires a name for the user, which {} does not provide",
                self.by.resolver()
            );
            problems.push(Problem::new(ProblemKind::Conflict, text));
        }
        if self.strip_plus && !by_name {
            let text = format!("strip_plus_suffix() has no effect on {}", self.by.resolver());
            problems.push(Problem::new(ProblemKind::Conflict, text).with_fix("leave it out"));
        }
        problems.extend(Names::in_namespace(self.namespace.as_deref().unwrap_or("default")).check());
        problems.extend(self.rule.check(issuer));
        problems
    }
}

impl fmt::Debug for CatalogSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogSignIn").field("by", &self.by).field("client", &self.client).finish_non_exhaustive()
    }
}
