//! Builds an upstream.

use std::{fmt, sync::Arc, time::Duration};

use http::uri::Scheme;

use super::{Inner, OwnPaths, Upstream};
use crate::{
    ConfigError,
    backstage::own_paths,
    config::{Problem, ProblemKind},
    internal::{
        HttpUrl, HttpUrlError, http_client, is_loopback,
        proxy::{Forwarder, HopMark, RESPONSE_TIMEOUT, tcp_connector},
        strip_oidc_headers,
        tls::Roots,
    },
};

const MAX_RESPONSE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Collects settings; [`build`](Self::build) checks them. Created by [`Upstream::at`].
#[must_use = "nothing is checked before build()"]
pub struct UpstreamBuilder {
    url: String,
    roots: Roots,
    response_timeout: Duration,
    keeps_identity_headers: bool,
    plain_http: bool,
    mounts: Vec<String>,
    passes_own_paths: bool,
}

impl Upstream {
    /// The backend at this address, without a path: `https://backend.internal.example.com` or
    /// `http://127.0.0.1:7008`. An address on another machine must be https, unless that is
    /// [waived](UpstreamBuilder::dangerously_over_plain_http).
    pub fn at(url: impl Into<String>) -> UpstreamBuilder {
        UpstreamBuilder {
            url: url.into(),
            roots: Roots::default(),
            response_timeout: RESPONSE_TIMEOUT,
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

    /// How long the upstream may take until its response begins; the rest of the response has no
    /// limit. Default 60 s, a load balancer's idle timeout; range 50 ms to 1 h.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Declares that the [`router`](crate::backstage::router) is also mounted at this path, `/auth`
    /// for example, in addition to `/api/auth`: paths there that could be interpreted as own routes
    /// are never passed on. May be called several times.
    pub fn mounted_at(mut self, path: impl Into<String>) -> Self {
        self.mounts.push(path.into());
        self
    }

    /// Allows plain http to another machine. An attacker on the network path can read the users'
    /// cookies and tokens, and respond in the upstream's place. Appropriate if the network itself
    /// is protected: by a service mesh with encryption, or on a network inside one host.
    pub fn dangerously_over_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Also passes on the paths of this auth backend's own routes, and those that another server
    /// could interpret as such. The less strict one of this service and the upstream then decides
    /// who a user is. Appropriate only if the upstream is this auth backend itself, and this
    /// process stands in for a load balancer's rules.
    pub fn dangerously_pass_own_paths(mut self) -> Self {
        self.passes_own_paths = true;
        self
    }

    /// Passes `x-amzn-oidc-data`, `-identity` and `-accesstoken` on unchanged. Look-alikes are
    /// still removed.
    ///
    /// This service does not verify them. Appropriate for an upstream that verifies them itself and
    /// checks the load balancer: a service with this crate's layer, or a plugin that has the
    /// `signer` configured.
    pub fn dangerously_keep_identity_headers(mut self) -> Self {
        self.keeps_identity_headers = true;
        self
    }

    /// Checks everything. Reads root certificates if requested; opens no connection.
    ///
    /// # Errors
    /// Every problem.
    pub fn build(self) -> Result<Upstream, ConfigError> {
        let mut problems: Vec<Problem> = Vec::new();
        let address = self.address().map_err(|problem| problems.push(problem)).ok();
        if !(Duration::from_millis(50)..=MAX_RESPONSE_TIMEOUT).contains(&self.response_timeout) {
            let timeout = self.response_timeout;
            let text = format!("the upstream's response_timeout is {timeout:?}; set it to a value from 50 ms to 1 h");
            problems.push(Problem::sentence(ProblemKind::OutOfRange, text));
        }
        for mount in self.mounts.iter().filter(|mount| !own_paths::is_mount(mount)) {
            let shown = crate::internal::quoted(mount);
            let text = format!("the upstream's mounted_at({shown}) is not a mount path: write it as /api/auth");
            problems.push(Problem::invalid(text));
        }
        let hop = HopMark::new();
        if hop.is_none() {
            let text = "the operating system provides no random bytes, which are needed to detect loops";
            problems.push(Problem::sentence(ProblemKind::System, text));
        }
        let tls = self.roots.client_config().map_err(|problem| problems.push(Problem::invalid(problem))).ok();
        let (Some((scheme, authority)), Some(tls), Some(hop), true) = (address, tls, hop, problems.is_empty()) else {
            return Err(ConfigError::new(problems));
        };
        let mut tcp = tcp_connector();
        tcp.enforce_http(false);
        let connector = http_client::https_or_http(tls, tcp);
        let forwarder = Forwarder::new(connector, self.response_timeout, strip_oidc_headers).resending_safe();
        if scheme == Scheme::HTTP && !is_loopback(authority.host()) {
            tracing::warn!(
                target: "tower_alb_auth",
                "dangerously_over_plain_http: requests to the upstream {scheme}://{authority} use plain http, so an attacker on \
                 the network path can read the users' cookies and tokens"
            );
        }
        let own_paths = if self.passes_own_paths { OwnPaths::Waived } else { OwnPaths::MountedAt(self.mounts) };
        let keeps_identity_headers = self.keeps_identity_headers;
        let warnings = Default::default();
        Ok(Upstream(Arc::new(Inner { scheme, authority, keeps_identity_headers, own_paths, hop, forwarder, warnings })))
    }

    fn address(&self) -> Result<(Scheme, http::uri::Authority), Problem> {
        let shown = crate::internal::quoted(&self.url);
        let wanted = "write it as http://127.0.0.1:7008 or https://auth.internal.example.com, without a path";
        let more_than_a_host =
            || Problem::invalid(format!("the upstream's URL {shown} has more than a host: {wanted}"));
        match HttpUrl::parse(&self.url) {
            // The URL is not shown, because it may contain a password.
            Err(HttpUrlError::UserInfo) => {
                Err(Problem::invalid("the upstream's URL must name a host, without user name and password".to_owned()))
            }
            Err(HttpUrlError::Fragment) => Err(more_than_a_host()),
            Err(_) => Err(Problem::invalid(format!("the upstream's URL {shown} is invalid: {wanted}"))),
            Ok(url) if !url.is_server() => Err(more_than_a_host()),
            Ok(url) if !url.is_protected() && !self.plain_http => {
                let text = format!(
                    "the upstream's URL {shown} is plain http to another machine, so an attacker on the network path could \
                     read the users' cookies and tokens"
                );
                let problem = Problem::new(ProblemKind::Insecure, text).with_fix("use https");
                Err(problem.with_waiver("dangerously_over_plain_http"))
            }
            Ok(url) => Ok(url.into_server()),
        }
    }
}

impl fmt::Debug for UpstreamBuilder {
    /// Without the URL, which is not checked yet and may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamBuilder").finish_non_exhaustive()
    }
}
