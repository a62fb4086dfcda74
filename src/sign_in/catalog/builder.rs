//! The connection settings of the catalog.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use super::{
    Catalog,
    client::{Client, Credentials},
};
use crate::{
    net::{HttpUrl, HttpUrlError, tls::Roots},
    settings::{ConfigError, Problem, ProblemKind},
    sign_in::SignInError,
};

/// Builds a [`Catalog`]. Made by [`Catalog::at`]; [`build`](Self::build) checks the settings.
#[must_use = "call build() to get a Catalog"]
pub struct CatalogBuilder {
    url: String,
    credentials: Option<Credentials>,
    roots: Roots,
    timeout: Duration,
    transitive_groups: bool,
    plain_http: bool,
}

impl CatalogBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            credentials: None,
            roots: Roots::default(),
            timeout: Duration::from_secs(5),
            transitive_groups: false,
            plain_http: false,
        }
    }

    /// Authenticates to the catalog with this token: one of `backend.auth.externalAccess` in the
    /// backend's `app-config.yaml`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials = Some(Credentials::fixed(token.into()));
        self
    }

    /// Authenticates to the catalog with a token from this closure, which is called for each query.
    /// For tokens that are issued on demand or read from a location where they are renewed.
    pub fn token_from<F, Fut>(mut self, give: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, SignInError>> + Send + 'static,
    {
        self.credentials = Some(Credentials::given(move || Box::pin(give()) as Pin<Box<_>>));
        self
    }

    /// Trusts the roots of the operating system instead of Mozilla's.
    pub fn system_roots(mut self) -> Self {
        self.roots = Roots::System;
        self
    }

    /// Trusts these roots instead: one or more PEM blocks `CERTIFICATE`.
    pub fn pem_roots(mut self, pem: impl Into<String>) -> Self {
        self.roots = Roots::Pem(pem.into());
        self
    }

    /// Sets the timeout of one query, including its retry. Default 5 s, range 50 ms to 60 s.
    /// [`CacheLimits::sign_in_timeout`](crate::CacheLimits) also limits the whole sign-in.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds the parents of a user's groups to the ownership, and their parents. Backstage itself
    /// adds direct groups only. Limits: 16 levels, 1,000 groups.
    pub fn transitive_groups(mut self) -> Self {
        self.transitive_groups = true;
        self
    }

    /// Permits an address on plain http that is not on this machine.
    ///
    /// An attacker on the network path can then read the token and impersonate the catalog, and so
    /// sign in as any user. Use it only if the network itself is protected, for example in a
    /// cluster with mutual TLS.
    pub fn dangerously_over_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Checks all settings. Reads root certificates if configured; opens no connection.
    ///
    /// # Errors
    /// All invalid settings, one message each.
    pub fn build(self) -> Result<Catalog, ConfigError> {
        let mut problems = Vec::new();
        let base = self.base().map_err(|problem| problems.push(problem)).ok();
        if !(Duration::from_millis(50)..=Duration::from_secs(60)).contains(&self.timeout) {
            let text = format!("the catalog's timeout is {:?}; set it to a value from 50 ms to 60 s", self.timeout);
            problems.push(Problem::sentence(ProblemKind::OutOfRange, text));
        }
        let credentials = match &self.credentials {
            None => {
                let text = "the catalog requires a token: add .token(..) with one of backend.auth.externalAccess in \
                            app-config.yaml";
                problems.push(Problem::sentence(ProblemKind::Missing, text));
                None
            }
            Some(credentials) => credentials.check().map_err(|text| problems.push(Problem::invalid(text))).ok(),
        };
        let tls = self.roots.client_config().map_err(|text| problems.push(Problem::invalid(text))).ok();
        match (base, credentials, tls) {
            (Some(base), Some(credentials), Some(tls)) if problems.is_empty() => {
                let client = Client::new(base, credentials, tls, self.timeout, self.transitive_groups);
                Ok(Catalog(Arc::new(client)))
            }
            _ => Err(ConfigError::new(problems)),
        }
    }

    /// The address without trailing slashes.
    fn base(&self) -> Result<String, Problem> {
        let shown = crate::error::quoted(&self.url);
        let base = self.url.trim_end_matches('/');
        match HttpUrl::parse(base) {
            // Not shown, because it may contain a password.
            Err(HttpUrlError::UserInfo) => {
                Err(Problem::invalid("the catalog's address must name a host, without user or password".to_owned()))
            }
            Err(HttpUrlError::Scheme) => {
                Err(Problem::invalid(format!("the catalog's address {shown} must begin with https://")))
            }
            Ok(url) if url.is_protected() && !url.has_query() => Ok(base.to_owned()),
            Ok(url) if self.plain_http && !url.has_query() => Ok(base.to_owned()),
            Ok(url) if !url.has_query() => {
                let text = format!(
                    "the catalog's address {shown} is plain http, so an attacker on the network path could sign in as any \
                     user: use https, or permit it by dangerously_over_plain_http()"
                );
                Err(Problem::sentence(ProblemKind::Insecure, text))
            }
            Ok(_) | Err(_) => Err(Problem::invalid(format!(
                "the catalog's address {shown} is invalid: write https://<backend>/api/catalog, without a query"
            ))),
        }
    }
}

impl fmt::Debug for CatalogBuilder {
    /// Omits the address: it is not checked yet, and may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogBuilder").finish_non_exhaustive()
    }
}
