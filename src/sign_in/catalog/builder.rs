//! How the catalog is reached.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use http::Uri;

use super::{
    Catalog,
    client::{Client, Credentials},
};
use crate::{
    net::{is_loopback, tls::Roots},
    settings::ConfigError,
    sign_in::SignInError,
};

/// Collects how the catalog is reached; [`build`](Self::build) checks it. Made by [`Catalog::at`].
#[must_use = "nothing is asked before build()"]
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

    /// Asks with this token: one of `backend.auth.externalAccess` in the backend's `app-config.yaml`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials = Some(Credentials::fixed(token.into()));
        self
    }

    /// Asks with a token that this closure gives, anew for each question: one that is minted, or read from where it is
    /// renewed.
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

    /// How long one question may take, its second try included. Default 5 s, range 50 ms to 60 s. A whole sign-in is bounded
    /// by [`CacheLimits::sign_in_timeout`](crate::CacheLimits) besides.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets users own for the parents of their groups too, and for the parents of those. Backstage itself counts direct
    /// groups only. Bounded: 16 steps up, 1,000 groups.
    pub fn transitive_groups(mut self) -> Self {
        self.transitive_groups = true;
        self
    }

    /// Asks over plain http, where the address says so, other machines than this one.
    ///
    /// Whoever stands between can then read the token and say who is who. Right where the network itself keeps others out: a
    /// cluster with mutual TLS of its own.
    pub fn dangerously_over_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Checks everything. Reads root certificates if that is asked for; opens no connection.
    ///
    /// # Errors
    /// All that is wrong, a sentence each.
    pub fn build(self) -> Result<Catalog, ConfigError> {
        let mut problems = Vec::new();
        let base = self.base().map_err(|problem| problems.push(problem)).ok();
        if !(Duration::from_millis(50)..=Duration::from_secs(60)).contains(&self.timeout) {
            problems.push(format!("the catalog's timeout is {:?}; set it to a value from 50 ms to 60 s", self.timeout));
        }
        let credentials = match &self.credentials {
            None => {
                problems.push(
                    "the catalog wants a token: add .token(..) with one of backend.auth.externalAccess in app-config.yaml"
                        .to_owned(),
                );
                None
            }
            Some(credentials) => credentials.check().map_err(|problem| problems.push(problem)).ok(),
        };
        let tls = self.roots.client_config().map_err(|problem| problems.push(problem)).ok();
        match (base, credentials, tls) {
            (Some(base), Some(credentials), Some(tls)) if problems.is_empty() => {
                let client = Client::new(base, credentials, tls, self.timeout, self.transitive_groups);
                Ok(Catalog(Arc::new(client)))
            }
            _ => Err(ConfigError::new(problems)),
        }
    }

    /// The address without a slash at its end.
    fn base(&self) -> Result<String, String> {
        let shown = crate::error::quoted(&self.url);
        if self.url.contains('@') {
            // Not shown: what stands there may be a password.
            return Err("the catalog's address must name a host, without user or password".to_owned());
        }
        let base = self.url.trim_end_matches('/');
        let uri: Option<Uri> = base.parse().ok().filter(|uri: &Uri| uri.host().is_some_and(|host| !host.is_empty()));
        let uri = uri.filter(|uri| uri.query().is_none() && !self.url.contains('#'));
        let Some(uri) = uri else {
            return Err(format!(
                "the catalog's address {shown} is none: write https://<backend>/api/catalog, without a query"
            ));
        };
        match uri.scheme_str() {
            Some("https") => Ok(base.to_owned()),
            Some("http") if self.plain_http || uri.host().is_some_and(is_loopback) => Ok(base.to_owned()),
            Some("http") => Err(format!(
                "the catalog's address {shown} is plain http, so whoever stands between could say who is who: use https, \
                 or waive it by dangerously_over_plain_http()"
            )),
            _ => Err(format!("the catalog's address {shown} must begin with https://")),
        }
    }
}

impl fmt::Debug for CatalogBuilder {
    /// Without the address, which is not checked yet: there may be a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogBuilder").finish_non_exhaustive()
    }
}
