//! Settings of the auth service, from the `app-config.yaml` that a Backstage has already.
//!
//! [`BackstageSettings::read`] reads the settings of an auth service.
//! [`AppConfig::alb_auth_in_catalog`](crate::config::AppConfig::alb_auth_in_catalog) reads trust and sign-in from the same files.
//!
//! | keys | what they set |
//! |---|---|
//! | `backend.baseUrl`, `app.baseUrl`, `backend.cors.origin` | the address of the service, and the origins whose pages may send requests |
//! | `backend.listen` | the address that accepts connections |
//! | `auth.backstageTokenExpiration`, `auth.omitIdentityTokenOwnershipClaim` | what its tokens are |
//! | `auth.keyStore`, `backend.auth.pluginKeyStore`, `backend.database` | where signing keys and their public halves are |
//! | `backend.lifecycle.serverShutdownDelay`, `backend.health.headers` | how the service ends, and what probes get |
//! | `discovery.endpoints`, `backend.auth.externalAccess` | the address of the catalog, and the credentials for it |
//! | `sessionCookieName`, `signOutUrl`, `exposeAccessToken` of `auth.providers.awsalb` | sign-out, and what a session shows |
//! | `auth.providers.guest` | guests, for development |
//!
//! All problems are reported at once, each with its file and line. Settings without effect are named among the
//! [`warnings`](BackstageSettings::warnings).
//!
//! `table.rs` declares each setting once: its path, kind, default, range and effect. What reads the files, the warnings about keys
//! without effect and [`Check`] go through that table, and its test compares docs/CONFIGURATION.md with it.

mod catalog;
mod check;
mod database;
mod discovery;
mod duration;
mod external_access;
mod fields;
mod guest;
mod health;
mod key_store;
mod keys;
mod listen;
mod read;
mod reader;
mod rules;
mod secret;
mod setting;
mod sign_out;
mod table;
mod urls;

#[cfg(feature = "postgres")]
pub(super) use self::database::PostgresUrl;
pub use self::{
    catalog::{CatalogCredentials, CatalogSettings},
    check::Check,
    database::{DatabaseSettings, DatabaseTls, RdsSettings},
    fields::BackstageSettings,
    guest::GuestSettings,
    key_store::{KeyStoreSettings, StaticKey},
    listen::ListenSettings,
    secret::Secret,
};
