//! How an upstream is reached.

use std::{fmt, sync::Arc, time::Duration};

use http::{Uri, uri::Scheme};
use hyper_rustls::HttpsConnectorBuilder;

use super::{Inner, OwnPaths, Upstream, hop::HopMark};
use crate::{
    ConfigError,
    backstage::own_paths,
    internal::{
        is_loopback,
        proxy::{ANSWER_TIMEOUT, Forwarder, tcp_connector},
        tls::Roots,
    },
};

const MAX_RESPONSE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Collects how an upstream is reached; [`build`](Self::build) checks it. Made by [`Upstream::at`].
#[must_use = "nothing is checked before build()"]
pub struct UpstreamBuilder {
    url: String,
    roots: Roots,
    answer_timeout: Duration,
    keeps_identity_headers: bool,
    plain_http: bool,
    mounts: Vec<String>,
    passes_own_paths: bool,
}

impl Upstream {
    /// The backend at this address, without a path: `https://backend.internal.example.com` or `http://127.0.0.1:7008`.
    /// An address on another machine must be https, unless that is
    /// [waived](UpstreamBuilder::dangerously_over_plain_http).
    pub fn at(url: impl Into<String>) -> UpstreamBuilder {
        UpstreamBuilder {
            url: url.into(),
            roots: Roots::default(),
            answer_timeout: ANSWER_TIMEOUT,
            keeps_identity_headers: false,
            plain_http: false,
            mounts: Vec::new(),
            passes_own_paths: false,
        }
    }
}

impl UpstreamBuilder {
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

    /// How long it may take to begin its answer; how long the rest takes is not bounded. Default 60 s, a load balancer's idle
    /// time-out; range 50 ms to 1 h.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }

    /// Says that the [`router`](crate::backstage::router) is mounted at this place, `/auth` for instance, and not only at
    /// `/api/auth`: paths that could be read as one of its own there never go on. May be called several times.
    pub fn mounted_at(mut self, path: impl Into<String>) -> Self {
        self.mounts.push(path.into());
        self
    }

    /// Sends requests over plain http to another machine. Whoever is in between reads the users' cookies and tokens, and can
    /// answer in the upstream's place. Right where the network itself keeps others out: a service mesh that encrypts, or a
    /// network of one host.
    pub fn dangerously_over_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Passes on the paths of this auth backend's own routes too, and those that another server could read as such. The one
    /// that is less strict of this service and the upstream then decides who a user is. Right only for an upstream that is this
    /// auth backend itself, where this process stands in for a load balancer's rules.
    pub fn dangerously_pass_own_paths(mut self) -> Self {
        self.passes_own_paths = true;
        self
    }

    /// Passes `x-amzn-oidc-data`, `-identity` and `-accesstoken` on as they came. Look-alikes are taken off all the same.
    ///
    /// Nothing here has verified them on that way. Right for an upstream that verifies them itself and knows its load
    /// balancer: a service with this crate's layer, or a plugin that names the `signer`.
    pub fn dangerously_keep_identity_headers(mut self) -> Self {
        self.keeps_identity_headers = true;
        self
    }

    /// Checks everything. Reads root certificates if that is asked for; opens no connection.
    ///
    /// # Errors
    /// All that is wrong, a sentence each.
    pub fn build(self) -> Result<Upstream, ConfigError> {
        let mut problems = Vec::new();
        let address = self.address().map_err(|problem| problems.push(problem)).ok();
        if !(Duration::from_millis(50)..=MAX_RESPONSE_TIMEOUT).contains(&self.answer_timeout) {
            problems.push(format!(
                "the upstream's answer_timeout is {:?}; set it to a value from 50 ms to 1 h",
                self.answer_timeout
            ));
        }
        for mount in self.mounts.iter().filter(|mount| !own_paths::is_mount(mount)) {
            let shown = crate::internal::quoted(mount);
            problems.push(format!("the upstream's mounted_at({shown}) is no place of routes: write it as /api/auth"));
        }
        let hop = HopMark::new();
        if hop.is_none() {
            problems.push("the system gives no random bytes, by which a request that comes back is known".to_owned());
        }
        let tls = self.roots.client_config().map_err(|problem| problems.push(problem)).ok();
        let (Some((scheme, authority)), Some(tls), Some(hop), true) = (address, tls, hop, problems.is_empty()) else {
            return Err(ConfigError::new(problems));
        };
        let mut tcp = tcp_connector();
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let forwarder = Forwarder::new(connector, self.answer_timeout);
        if scheme == Scheme::HTTP && !is_loopback(authority.host()) {
            tracing::warn!(
                target: "tower_alb_auth",
                "dangerously_over_plain_http: the upstream {scheme}://{authority} is asked over plain http, so whoever stands \
                 between reads the users' cookies and tokens"
            );
        }
        let own_paths = if self.passes_own_paths { OwnPaths::Waived } else { OwnPaths::MountedAt(self.mounts) };
        let keeps_identity_headers = self.keeps_identity_headers;
        Ok(Upstream(Arc::new(Inner { scheme, authority, keeps_identity_headers, own_paths, hop, forwarder })))
    }

    fn address(&self) -> Result<(Scheme, http::uri::Authority), String> {
        if self.url.contains('@') {
            // Not shown: what stands there may be a password.
            return Err("the upstream's address must name a host, without user or password".to_owned());
        }
        let shown = crate::internal::quoted(&self.url);
        let wanted = "write it as http://127.0.0.1:7008 or https://auth.internal.example.com, without a path";
        let none = || format!("the upstream's address {shown} is none: {wanted}");
        let uri: Uri = self.url.parse().map_err(|_| none())?;
        let parts = uri.into_parts();
        let has_path = parts.path_and_query.as_ref().is_some_and(|path| path.as_str() != "/");
        match (parts.scheme, parts.authority) {
            _ if has_path || self.url.contains('#') => {
                Err(format!("the upstream's address {shown} has more than a host: {wanted}"))
            }
            (Some(scheme), Some(authority))
                if scheme == Scheme::HTTP
                    && !self.plain_http
                    && !authority.host().is_empty()
                    && !is_loopback(authority.host()) =>
            {
                Err(format!(
                    "the upstream's address {shown} is plain http to another machine, so whoever stands between reads the users' \
                     cookies and tokens: use https, or waive it by dangerously_over_plain_http()"
                ))
            }
            (Some(scheme), Some(authority))
                if (scheme == Scheme::HTTP || scheme == Scheme::HTTPS) && !authority.host().is_empty() =>
            {
                Ok((scheme, authority))
            }
            _ => Err(none()),
        }
    }
}

impl fmt::Debug for UpstreamBuilder {
    /// Without the address, which is not checked yet: there may be a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamBuilder").finish_non_exhaustive()
    }
}
