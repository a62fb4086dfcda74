//! Sign-in by Backstage's catalog: the user is whoever there carries the email, or the name.
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
//! | the catalog says | the user is |
//! |---|---|
//! | one user, who carries what was asked for | signed in, owning for the groups of its `memberOf` relations |
//! | nobody, or somebody who does not carry it | not found: the next of [`FirstMatch`](super::FirstMatch), else 403 |
//! | several users | ambiguous: 409 |
//! | nothing, 5xx, 429, nonsense | unavailable: 503, and who was signed in of late stays so for a while |
//! | 401, 403, any other status | misconfigured: 503, and nobody is signed in from memory |
//!
//! Answers are remembered as those of every policy that waits: see [`CacheLimits`](crate::CacheLimits). An email reaches a
//! query only if it is a plain address, and the entity that comes back is compared with it, so that what a catalog makes of
//! a filter decides nothing.

mod builder;
mod by;
mod client;
mod entity;
mod groups;
mod policy;

pub use self::{builder::CatalogBuilder, policy::CatalogSignIn};

use std::{fmt, sync::Arc};

use self::{
    by::{By, LIMIT},
    client::Client,
};

/// Backstage's catalog. Made by [`Catalog::at`]; gives policies that ask it. A clone counts one reference.
#[derive(Clone)]
pub struct Catalog(Arc<Client>);

impl Catalog {
    /// The catalog at this address: a backend's base URL and `/api/catalog`.
    pub fn at(url: impl Into<String>) -> CatalogBuilder {
        CatalogBuilder::new(url.into())
    }

    /// The user whose `spec.profile.email` is the email, letter case apart.
    pub fn by_profile_email(&self) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), By::ProfileEmail, None)
    }

    /// The user who has this annotation with the email as its value, letter case apart. Catalogs filled from Microsoft Graph
    /// write `microsoft.com/email`.
    pub fn by_annotation(&self, annotation: impl Into<String>) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), By::Annotation(annotation.into()), None)
    }

    /// The user who is named as the local part of the email, for emails of these domains: `jane.doe@example.com` is
    /// `user:default/jane.doe`, if there is one.
    pub fn by_email_local_part(&self, domains: impl IntoIterator<Item = impl Into<String>>) -> CatalogSignIn {
        let domains = domains.into_iter().map(Into::into).collect();
        CatalogSignIn::new(self.client(), By::LocalPart, Some(domains))
    }

    /// The same for emails of any domain: `admin@anything` is then `user:default/admin`.
    ///
    /// Right only where the provider holds addresses of one domain and no guests, and nobody can change an address.
    pub fn dangerously_by_local_part_of_any_domain(&self) -> CatalogSignIn {
        CatalogSignIn::new(self.client(), By::LocalPart, None)
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
