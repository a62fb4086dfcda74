//! The policy: an email, a query, one user.

use std::{fmt, sync::Arc};

use super::{Client, LookupKey, QUERY_LIMIT, entity::Entity, groups};
use crate::{
    identity::{Claims, Email},
    sign_in::{
        Policy, Resolution, SignIn, SignInError, SignInResolver, email::one_user_in_several_domains,
        email_rule::EmailRule, names::Names,
    },
    sync::spawn,
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
}

impl CatalogSignIn {
    pub(super) fn new(client: Arc<Client>, by: LookupKey, domains: Option<Vec<String>>) -> Self {
        let transitive_groups = client.transitive_groups();
        Self { client, by, rule: EmailRule::new(domains), namespace: None, without_user: false, transitive_groups }
    }

    /// Accepts addresses in exactly these domains, without their subdomains. Letter case is
    /// ignored.
    #[must_use]
    pub fn in_domains(mut self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rule.allow_domains(domains.into_iter().map(Into::into).collect());
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

    async fn sign_in(self, claims: Claims) -> Result<SignIn, SignInError> {
        let email = self.rule.admit(&claims)?;
        let namespace = self.namespace.as_deref();
        let found = self.find(&self.by, &email, namespace).await?;
        let user = match <[Entity; 1]>::try_from(found) {
            Ok([user]) => user,
            Err(found) if found.is_empty() => return self.no_match(&email, &claims),
            Err(found) => {
                let message = format!("the catalog has {} matches for {}", found.len(), self.by.describe());
                return Err(SignInError::ambiguous(message));
            }
        };
        let invalid = |error| SignInError::unavailable(format!("the catalog's user has an invalid name: {error}"));
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
    fn no_match(&self, email: &Email<'_>, claims: &Claims) -> Result<SignIn, SignInError> {
        if self.without_user {
            let names = Names::in_namespace(self.namespace.as_deref().unwrap_or("default"));
            let user = names.user(email.local_part);
            let invalid = |error| SignInError::refused(format!("the email gives no user name: {error}"));
            return user.map(SignIn::user).map_err(invalid);
        }
        if self.client.hints.is_due() {
            // The request does not wait for the hint.
            let _ = spawn(self.clone().hint(claims.clone()));
        }
        Err(SignInError::not_found(format!("the catalog has no {}", self.by.user())))
    }

    /// Logs which other resolver would have found a user, if there is one.
    async fn hint(self, claims: Claims) {
        let Ok(email) = self.rule.admit(&claims) else { return };
        let others =
            [LookupKey::ProfileEmail, LookupKey::Annotation("microsoft.com/email".to_owned()), LookupKey::LocalPart];
        for other in others.iter().filter(|other| **other != self.by) {
            if self.find(other, &email, None).await.is_ok_and(|found| !found.is_empty()) {
                tracing::info!(
                    target: "tower_alb_auth",
                    "the catalog has no {}, but {}, unless a later resolver finds the user",
                    self.by.user(),
                    other.hint()
                );
                return;
            }
        }
    }
}

impl SignInResolver for CatalogSignIn {
    fn resolve(&self, claims: &Claims) -> Resolution {
        // A sign-in that can be refused without the catalog causes no query.
        if let Err(error) = self.rule.admit(claims) {
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

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.by.check()?;
        if self.without_user && self.by != LookupKey::LocalPart {
            return Err(format!(
                "dangerously_sign_in_without_catalog_user() requires a name for the user, which {} does not provide",
                self.by.resolver()
            ));
        }
        Names::in_namespace(self.namespace.as_deref().unwrap_or("default")).check()?;
        self.rule.check(issuer)
    }
}

impl fmt::Debug for CatalogSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogSignIn").field("by", &self.by).field("client", &self.client).finish_non_exhaustive()
    }
}
