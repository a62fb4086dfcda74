//! The policy: an email, a question, one user.

use std::{fmt, sync::Arc};

use super::{By, Client, LIMIT, entity::Entity, groups};
use crate::{
    identity::{Claims, Email},
    sign_in::{
        Policy, Resolution, SignIn, SignInError, SignInResolver, email::one_user_of_several_places,
        email_rule::EmailRule, names::Names,
    },
    sync::spawn,
};

/// Sign-in by a user of the catalog. Made by [`Catalog`](super::Catalog).
///
/// What is said of emails at [`EmailSignIn`](crate::sign_in::EmailSignIn) holds here too: one that is said to be unverified
/// signs nobody in.
#[derive(Clone)]
pub struct CatalogSignIn {
    client: Arc<Client>,
    by: By,
    rule: EmailRule,
    namespace: Option<String>,
    without_user: bool,
    transitive_groups: bool,
}

impl CatalogSignIn {
    pub(super) fn new(client: Arc<Client>, by: By, domains: Option<Vec<String>>) -> Self {
        let transitive_groups = client.transitive_groups();
        Self { client, by, rule: EmailRule::new(domains), namespace: None, without_user: false, transitive_groups }
    }

    /// Accepts addresses of exactly these domains; subdomains are other domains. Letter case does not matter.
    #[must_use]
    pub fn in_domains(mut self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rule.allow_domains(domains.into_iter().map(Into::into).collect());
        self
    }

    /// Refuses an email of which the provider does not say that it is verified. For providers that send `email_verified`.
    #[must_use]
    pub fn require_verified_email(mut self) -> Self {
        self.rule.require_verified();
        self
    }

    /// Finds users of this namespace only. By the local part it is `default` unless another is named here; with several
    /// issuers each one's policy names a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Lets users own for the parents of their groups too: as
    /// [`CatalogBuilder::transitive_groups`](super::CatalogBuilder::transitive_groups), for this policy.
    #[must_use]
    pub fn transitive_groups(mut self) -> Self {
        self.transitive_groups = true;
        self
    }

    /// Signs in users who are not in the catalog, under their email's local part and owning for nothing but themselves.
    ///
    /// Right while a catalog is being filled, and where everybody with an address of the listed domains may come in. Concerns
    /// policies by the local part alone; the others refuse to build with it.
    #[must_use]
    pub fn dangerously_sign_in_without_catalog_user(mut self) -> Self {
        self.without_user = true;
        self
    }

    async fn ask(self, claims: Claims) -> Result<SignIn, SignInError> {
        let email = self.rule.admit(&claims)?;
        let namespace = self.namespace.as_deref();
        let found = self.find(&self.by, &email, namespace).await?;
        let user = match <[Entity; 1]>::try_from(found) {
            Ok([user]) => user,
            Err(found) if found.is_empty() => return self.nobody(&email, &claims),
            Err(found) => {
                let sentence = format!("the catalog has {} times {}", found.len(), self.by.describe());
                return Err(SignInError::ambiguous(sentence));
            }
        };
        let unsound = |error| SignInError::unavailable(format!("the catalog's user has no sound name: {error}"));
        let user_ref = user.entity_ref().map_err(unsound)?;
        let direct = user.groups("memberOf");
        let groups = if self.transitive_groups { groups::with_parents(&self.client, direct).await? } else { direct };
        Ok(SignIn::user(user_ref).owning(groups))
    }

    async fn find(&self, by: &By, email: &Email<'_>, namespace: Option<&str>) -> Result<Vec<Entity>, SignInError> {
        let question = by.question(email, namespace);
        let found = match by {
            By::LocalPart => self.client.entity(&question).await?.into_iter().collect(),
            By::ProfileEmail | By::Annotation(_) => self.client.entities(&question).await?,
        };
        let full = found.len() == LIMIT;
        let (fitting, others): (Vec<Entity>, Vec<Entity>) =
            found.into_iter().partition(|entity| by.fits(entity, email, namespace));
        if !others.is_empty() {
            if self.client.misfits.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the catalog was asked for {} and gave {} entities that do not fit; they are passed over",
                    by.describe(),
                    others.len()
                );
            }
            if full && fitting.len() < 2 {
                return Err(SignInError::ambiguous(format!(
                    "the catalog was asked for {LIMIT} entities at most and gave as many, not all of which are {}: there may \
                     be more that are",
                    by.describe()
                )));
            }
        }
        Ok(fitting)
    }

    /// No user carries what was asked for.
    fn nobody(&self, email: &Email<'_>, claims: &Claims) -> Result<SignIn, SignInError> {
        if self.without_user {
            let names = Names::in_namespace(self.namespace.as_deref().unwrap_or("default"));
            let user = names.user(email.local_part);
            let none = |error| SignInError::refused(format!("the email gives no user name: {error}"));
            return user.map(SignIn::user).map_err(none);
        }
        if self.client.hints.is_due() {
            // The user does not wait for it.
            let _ = spawn(self.clone().hint(claims.clone()));
        }
        Err(SignInError::not_found(format!("the catalog has no {}", self.by.user())))
    }

    /// Logs which other resolver would have found a user, if one would.
    async fn hint(self, claims: Claims) {
        let Ok(email) = self.rule.admit(&claims) else { return };
        let others = [By::ProfileEmail, By::Annotation("microsoft.com/email".to_owned()), By::LocalPart];
        for other in others.iter().filter(|other| **other != self.by) {
            if self.find(other, &email, None).await.is_ok_and(|found| !found.is_empty()) {
                tracing::info!(
                    target: "tower_alb_auth",
                    "the catalog has no {}, but {}, if no later resolver does",
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
        // What can be refused without the catalog is: strangers' emails cost it nothing.
        if let Err(error) = self.rule.admit(claims) {
            return error.into();
        }
        Resolution::waiting(self.clone().ask(claims.clone()))
    }

    fn policy(&self) -> Policy {
        let mut policy =
            Policy::new(format!("{} of the catalog at {}", self.by.describe(), self.client.base())).described();
        let namespace = match self.by {
            By::LocalPart => self.namespace.as_deref().or(Some("default")),
            By::ProfileEmail | By::Annotation(_) => self.namespace.as_deref(),
        };
        if let Some(namespace) = namespace {
            policy = policy.in_namespace(namespace);
        }
        if self.by == By::LocalPart && self.rule.accepts_any_domain() {
            policy = policy.warning("users of any email domain are signed in: list your domains");
        }
        if let Some(places) = self.rule.several_places().filter(|_| self.by == By::LocalPart) {
            policy = policy.warning(one_user_of_several_places(&places));
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
        if self.without_user && self.by != By::LocalPart {
            return Err(format!(
                "dangerously_sign_in_without_catalog_user() needs a name for the user, which {} has none to give",
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
