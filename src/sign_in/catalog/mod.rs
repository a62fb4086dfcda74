//! Sign-in by Backstage's catalog: the user is the catalog's user with the email or the name.
//!
//! ```no_run
//! use tower_alb_auth::sign_in::{Catalog, FirstMatch};
//!
//! # fn policy() -> Result<(), tower_alb_auth::ConfigError> {
//! let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("<token of an external caller>").build()?;
//! let policy = FirstMatch::of(catalog.by_profile_email()).or(catalog.by_annotation("microsoft.com/email"));
//! # let _ = policy;
//! # Ok(())
//! # }
//! ```
//!
//! | response of the catalog | result |
//! |---|---|
//! | one user with the email or name | signed in; the groups of its `memberOf` relations are added to the ownership |
//! | no user, or entities without the email or name | not found: the next policy of [`FirstMatch`](super::FirstMatch), otherwise 403 |
//! | several users | ambiguous: 409 |
//! | none, 5xx, 429, or an invalid body | unavailable: 503; a cached result is used for a limited time |
//! | 401, 403, any other status | misconfigured: 503; no cached result is used |
//!
//! Results are cached as for every policy that waits: see [`CacheLimits`](crate::CacheLimits). An
//! email becomes part of a query only if it is a plain address. The returned entities are compared
//! with it, so that the result does not depend on how a catalog evaluates a filter.

mod builder;
mod client;
mod connections;
mod encoding;
mod entity;
mod groups;
mod lookup;
mod policy;

pub use self::{builder::CatalogBuilder, policy::CatalogSignIn};

use std::{fmt, sync::Arc};

use self::{
    client::Client,
    lookup::{LookupKey, QUERY_LIMIT},
};

/// Backstage's catalog. Made by [`Catalog::at`]; its methods return policies that query it. A clone
/// counts one reference.
#[derive(Clone)]
pub struct Catalog(Arc<Client>);

impl Catalog {
    /// The catalog at this address: the base URL of a backend, followed by `/api/catalog`.
    pub fn at(url: impl Into<String>) -> CatalogBuilder {
        CatalogBuilder::new(url.into())
    }

    /// Finds the user whose `spec.profile.email` is the email. Letter case is ignored.
    pub fn by_profile_email(&self) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), LookupKey::ProfileEmail, None)
    }

    /// Finds the user whose annotation of this name is the email. Letter case is ignored. Catalogs
    /// filled from Microsoft Graph have `microsoft.com/email`.
    pub fn by_annotation(&self, annotation: impl Into<String>) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), LookupKey::Annotation(annotation.into()), None)
    }

    /// Finds the user named like the local part of the email, for emails in these domains:
    /// `jane.doe@example.com` is `user:default/jane.doe`, if that user exists.
    pub fn by_email_local_part(&self, domains: impl IntoIterator<Item = impl Into<String>>) -> CatalogSignIn {
        let domains = domains.into_iter().map(Into::into).collect();
        CatalogSignIn::new(self.client(), LookupKey::LocalPart, Some(domains))
    }

    /// As [`by_email_local_part`](Self::by_email_local_part), for emails in any domain:
    /// `admin@anything` is then `user:default/admin`.
    ///
    /// Use it only if the provider has addresses in one domain, has no guests, and lets no user
    /// change an address.
    pub fn dangerously_by_local_part_of_any_domain(&self) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), LookupKey::LocalPart, None)
    }

    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Catalog").field(&self.0).finish()
    }
}
