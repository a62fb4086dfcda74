//! Starts the proxy from its settings.

use std::{fmt, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{
    assertion::{Assertion, AssertionKeys},
    counters,
    error_response::ErrorResponses,
    ext_authz::ExtAuthz,
    forward_auth::{ForwardAuth, RulesBy},
    gate::Gate,
    health::{Admin, Health},
    reverse_proxy::{ReverseProxy, Upstream},
    rules::Rules,
    serve::{self, Respond},
    settings::{AuditSettings, Settings, UpstreamSettings},
    tls_files::{Acceptors, Watching, read},
};
use crate::{
    AlbAuthLayer, AuditTrail, BackgroundTask, ConfigError, ConnectionLimits,
    config::{Problem, ProblemKind},
    deny_list::DenyList,
    internal::{
        KeyAt,
        proxy::{Forwarder, HopMark, tcp_connector},
        strip_oidc_headers,
        tls::Roots,
    },
};

/// A running proxy. It stops serving when this value is dropped; [`shutdown`](Self::shutdown) ends it
/// without losing a request.
pub struct AuthProxy {
    addresses: Addresses,
    health: Health,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    audit: Option<AuditTrail>,
    _refresh: BackgroundTask,
    _keys: Option<BackgroundTask<ConfigError>>,
    _upkeep: Option<Upkeep>,
    _certificates: Option<Watching>,
}

/// Where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Addresses {
    /// The reverse proxy.
    pub reverse_proxy: Option<SocketAddr>,
    /// Forward auth.
    pub forward_auth: Option<SocketAddr>,
    /// Envoy's `ext_authz` over gRPC.
    pub ext_authz: Option<SocketAddr>,
    /// Envoy's `ext_authz` over HTTP.
    pub ext_authz_http: Option<SocketAddr>,
    /// The key set and the discovery document of assertions.
    pub assertion: Option<SocketAddr>,
    /// Health and metrics.
    pub admin: Option<SocketAddr>,
}

impl AuthProxy {
    /// Opens the listeners and starts to serve. Keys are fetched in the background.
    ///
    /// # Errors
    /// A file cannot be used, or an address is taken.
    pub async fn start(settings: Settings) -> Result<Self, ConfigError> {
        let problems = settings.unusable_files(|key| KeyAt::path(key));
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let metrics = settings.admin_listen.and_then(|_| counters::recorder());
        let mut config = settings.config_builder();
        if settings.record_user {
            config = config.record_user_in_spans();
        }
        let mut layer = AlbAuthLayer::new(config.build()?);
        if settings.keep_alb_headers {
            layer = layer.keep_headers();
        }
        let audit = trail(settings.audit)?;
        if let Some(trail) = &audit {
            layer = layer.audit_trail(trail);
        }
        if let Some(path) = settings.deny_list {
            layer = layer.deny_list(&DenyList::from_file(path)?);
        }
        let https_issuer = settings.assertion.as_ref().is_some_and(|of| of.issuer.starts_with("https://"));
        let assertion =
            settings.assertion.map(|assertion| Assertion::new(assertion, audit.clone())).transpose()?.map(Arc::new);
        let issuer = assertion.as_ref().map(|assertion| assertion.issuer().clone());
        let rules = Rules::new(settings.rules);
        let strip = &settings.strip_headers;
        let gate = |layer: AlbAuthLayer| {
            let (rules, headers) = (rules.clone(), settings.headers.clone());
            Arc::new(Gate::new(
                layer,
                rules,
                strip,
                settings.keep_alb_headers,
                headers,
                assertion.clone(),
                audit.clone(),
            ))
        };
        let handle = layer.handle();
        let health = Health::new(handle.clone(), issuer.clone());
        let tls = settings.tls.map(Acceptors::open).transpose()?;

        let certificates = tls.as_ref().map(|tls| tls.watch(audit.clone()));
        let mut parts = Parts { addresses: Addresses::default(), listeners: Vec::new() };
        if let Some(upstream) = settings.upstream {
            let gate = gate(layer.clone());
            let upstream = upstream_of(upstream)?;
            let proxy = ReverseProxy {
                gate,
                upstream,
                max_body: settings.max_body,
                health: health.clone(),
                errors: ErrorResponses::default(),
                end_streams_with_token: settings.end_streams_with_token,
            };
            parts.addresses.reverse_proxy = Some(parts.listen("listen", settings.listen, tls.clone(), proxy).await?);
        }
        // A gateway reads the HTTP status, also of a gRPC call.
        let for_gateways = || gate(layer.clone().refuse_by_http_status());
        if let Some(address) = settings.forward_auth_listen {
            let rules_by = match settings.forward_auth_by_original_request {
                true => RulesBy::ForwardedHeaders,
                false => RulesBy::Nothing,
            };
            let forward_auth = ForwardAuth { gate: for_gateways(), rules_by };
            parts.addresses.forward_auth =
                Some(parts.listen("forward_auth_listen", address, tls.clone(), forward_auth).await?);
        }
        if let Some(address) = settings.ext_authz_http_listen {
            let ext_authz = ForwardAuth { gate: for_gateways(), rules_by: RulesBy::Query };
            parts.addresses.ext_authz_http =
                Some(parts.listen("ext_authz_http_listen", address, tls.clone(), ext_authz).await?);
        }
        if let Some(address) = settings.ext_authz_listen {
            let ext_authz = ExtAuthz { gate: for_gateways() };
            parts.addresses.ext_authz = Some(parts.listen("ext_authz_listen", address, tls.clone(), ext_authz).await?);
        }
        if let Some((address, assertion)) = settings.assertion_listen.zip(assertion.as_deref()) {
            // Of a plain issuer, which is on the loopback address.
            let tls = tls.clone().filter(|_| https_issuer);
            parts.addresses.assertion =
                Some(parts.listen("assertion_listen", address, tls, AssertionKeys::of(assertion)).await?);
        }
        let mut upkeep = None;
        if let Some(address) = settings.admin_listen {
            upkeep = metrics.clone().map(Upkeep::start);
            let admin = Admin { health: health.clone(), metrics };
            parts.addresses.admin = Some(parts.listen("admin_listen", address, None, admin).await?);
        }
        let (stop, stopped) = watch::channel(false);
        let mut listeners = JoinSet::new();
        for serve in parts.listeners {
            listeners.spawn(serve(settings.limits, stopped.clone()));
        }
        let addresses = parts.addresses;
        Ok(Self {
            addresses,
            health,
            stop,
            listeners,
            audit: audit.clone(),
            _refresh: handle.refresh_in_background(),
            _keys: issuer.map(|issuer| issuer.maintain_keys_in_background()),
            _upkeep: upkeep,
            _certificates: certificates,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The audit trail, if the settings want one: to open its file again after a rotation, and to wait for it at the end.
    pub fn audit_trail(&self) -> Option<&AuditTrail> {
        self.audit.as_ref()
    }

    /// Reports "not ready" from now on, so that load balancers send no more requests.
    pub fn report_not_ready(&self) {
        self.health.end();
    }

    /// Accepts no more connections, and returns when requests in progress have their responses, or after
    /// 20 s.
    pub async fn shutdown(mut self) {
        self.health.end();
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
    }
}

impl fmt::Debug for AuthProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthProxy").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = Box<dyn FnOnce(ConnectionLimits, watch::Receiver<bool>) -> Serving + Send>;

struct Parts {
    addresses: Addresses,
    listeners: Vec<Serve>,
}

impl Parts {
    /// Opens a listener; it serves later, when all of them are open.
    async fn listen<R: Respond>(
        &mut self,
        key: &str,
        address: SocketAddr,
        tls: Option<Acceptors>,
        responder: R,
    ) -> Result<SocketAddr, ConfigError> {
        let failed = |error: io::Error| {
            let flag = key.replace('_', "-");
            let text =
                format!("the proxy cannot listen at {address}: {error}; name another address by {key} (--{flag})");
            ConfigError::new([Problem::sentence(ProblemKind::System, text).caused_by(error)])
        };
        let listener: TcpListener = crate::listen(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        self.listeners.push(Box::new(move |limits, stop| {
            Box::pin(serve::serve(listener, tls, Arc::new(responder), limits, stop))
        }));
        Ok(bound)
    }
}

fn trail(settings: AuditSettings) -> Result<Option<AuditTrail>, ConfigError> {
    if !settings.is_on() {
        return Ok(None);
    }
    let mut trail = AuditTrail::builder("alb-auth-proxy");
    if let Some(path) = settings.file {
        trail = trail.file(path);
    }
    if settings.with_profile {
        trail = trail.with_profile();
    }
    let within = |problem: &Problem| problem.clone().within("audit_file (--audit-file)");
    let named = |error: ConfigError| ConfigError::new(error.problems().iter().map(within));
    trail.build().map(Some).map_err(named)
}

fn upstream_of(settings: UpstreamSettings) -> Result<Upstream, ConfigError> {
    let roots = match &settings.ca {
        None => Roots::default(),
        Some(path) => Roots::Pem(String::from_utf8_lossy(&read(path, "upstream_ca")?).into_owned()),
    };
    let connector = |over_http2| connector(&roots, over_http2);
    let forwarder = Forwarder::new(connector(false)?, settings.response_timeout, strip_oidc_headers);
    let mut forwarder = forwarder.resending_safe();
    if settings.over_http2 {
        forwarder = forwarder.over_http2(connector(true)?);
    }
    let hop = HopMark::new().ok_or_else(|| {
        let text = "the operating system provides no random bytes, which are needed to detect loops";
        ConfigError::of(ProblemKind::System, text)
    })?;
    Ok(Upstream { scheme: settings.scheme, authority: settings.authority, forwarder, hop })
}

fn connector(roots: &Roots, over_http2: bool) -> Result<HttpsConnector<HttpConnector>, ConfigError> {
    let tls = roots
        .client_config()
        .map_err(|error| ConfigError::of(ProblemKind::InvalidValue, format!("upstream_ca: {error}")))?;
    let mut tcp = tcp_connector();
    tcp.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match over_http2 {
        true => builder.enable_http2().wrap_connector(tcp),
        false => builder.enable_http1().wrap_connector(tcp),
    })
}

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Bounds what the recorder keeps of histograms between scrapes. Ends with the value.
struct Upkeep(JoinHandle<()>);

impl Upkeep {
    fn start(handle: PrometheusHandle) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                handle.run_upkeep();
            }
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}
