//! The switches of the layer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, Method, Request, header};

use crate::{
    alb::TraceId,
    error::quoted,
    identity::Carried,
    telemetry::{self, audit::AuditTrail},
};

/// Mode, exempt paths, and what the layer changes in requests and responses.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerSettings {
    pub(super) optional: bool,
    exempt_paths: Vec<ExemptPath>,
    pub(super) keep_headers: bool,
    pub(super) expose_access_token: bool,
    pub(super) leave_cache_control: bool,
    /// The form of refusals, for services behind the layer; `None` for the standard one.
    pub(super) form: Option<Carried>,
    pub(super) own_refusals: bool,
    pub(super) audit: Option<AuditTrail>,
    logged: Logged,
    /// Whether the warning about an exempt path with the prefix of a nested router was logged.
    nested_logged: Logged,
}

/// Whether the switches were logged. Settings are cloned in order to change them, so a clone starts
/// as not logged.
#[derive(Debug, Default)]
struct Logged(AtomicBool);

impl Clone for Logged {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A path whose requests pass without being read, for these methods.
#[derive(Debug, Clone)]
struct ExemptPath {
    path: String,
    methods: Vec<Method>,
}

impl LayerSettings {
    /// The settings, to change one of them. They are logged again at the next use.
    pub(super) fn edit(settings: &mut Arc<Self>) -> &mut Self {
        let settings = Arc::make_mut(settings);
        settings.logged = Logged::default();
        settings
    }

    /// Adds an exempt path, or logs why the path exempts nothing.
    ///
    /// # Panics
    /// The path does not begin with `/`.
    #[track_caller]
    pub(super) fn exempt(&mut self, path: String, methods: Vec<Method>) {
        assert!(path.starts_with('/'), "exempt_path({path:?}): a path begins with /, as in exempt_path(\"/healthz\")");
        if path == "/" {
            tracing::warn!(
                target: "tower_alb_auth",
                "exempt_path(\"/\"): this page has no user, even if one is signed in; for a page with and without a user use \
                 optional(), and for a health check a path of its own, such as /healthz"
            );
        }
        if path.contains(['?', '#', '*', '{']) {
            tracing::warn!(target: "tower_alb_auth", "exempt_path({path:?}) exempts nothing: a path has no pattern and no query");
        } else if methods.is_empty() {
            tracing::warn!(target: "tower_alb_auth", "exempt_path_for_methods({path:?}) exempts nothing: it names no method");
        } else {
            self.exempt_paths.push(ExemptPath { path, methods });
        }
    }

    /// Compares bytes: nothing is decoded, folded or collapsed.
    pub(super) fn is_exempt<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        self.exempt_paths.iter().any(|exempt| exempt.path == path && exempt.methods.contains(request.method()))
    }

    /// What a request without a token shows of the reason, for the log.
    pub(super) fn why_missing<B>(&self, request: &Request<B>) -> Option<String> {
        let path = request.uri().path();
        let nested = |exempt: &&ExemptPath| {
            exempt.path.len() > path.len() && exempt.path.ends_with(path) && exempt.methods.contains(request.method())
        };
        if path.len() > 1
            && let Some(exempt) = self.exempt_paths.iter().find(nested)
        {
            let hint = format!(
                "{} is exempt and the layer sees {}: if the layer is in a nested router, then exempt the path without \
                 the router's prefix",
                quoted(&exempt.path),
                quoted(path)
            );
            let trace_id = TraceId::In(request.headers());
            if !self.nested_logged.0.swap(true, Ordering::Relaxed) {
                tracing::warn!(target: "tower_alb_auth", trace_id = trace_id.shown(), "refused: no x-amzn-oidc-data header: {hint}");
            }
            return Some(hint);
        }
        (request.method() == Method::OPTIONS).then(|| why_preflight(request.headers())).flatten()
    }

    /// Logs the switches once, no matter how many services the layer and its clones make.
    pub(super) fn log_once(&self) {
        if !self.logged.0.swap(true, Ordering::Relaxed) {
            telemetry::switches(&self.switches());
        }
    }

    /// One text for each switch, with what it does.
    fn switches(&self) -> Vec<String> {
        let mut switches = vec![
            if self.optional {
                "requests without x-amzn-oidc-data pass, without a user (optional)"
            } else {
                "requests need a signed-in user"
            }
            .to_owned(),
        ];
        if !self.exempt_paths.is_empty() {
            let paths: Vec<String> = self.exempt_paths.iter().map(ExemptPath::describe).collect();
            switches.push(format!(
                "exempt paths: {} (without a user, even if one is signed in; in a nested router, without its prefix)",
                paths.join(", ")
            ));
        }
        for (on, switch) in [
            (self.keep_headers, "the x-amzn-oidc-* headers of signed-in users are kept (keep_headers)"),
            (self.expose_access_token, "handlers get the provider's access token (expose_access_token)"),
            (self.leave_cache_control, "responses without Cache-Control are not made private (leave_cache_control)"),
            (self.own_refusals, "refusals are made by the application (refuse_with)"),
        ] {
            if on {
                switches.push(switch.to_owned());
            }
        }
        switches
    }
}

/// What a CORS preflight request without a token shows of the reason. Its headers tell it (Fetch, section 3.3.2): only browsers send
/// `Access-Control-Request-Method`, and with no other request.
pub(super) fn why_preflight(headers: &HeaderMap) -> Option<String> {
    let is_preflight =
        headers.contains_key(header::ORIGIN) && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    is_preflight.then(|| {
        "it is a CORS preflight request, which browsers send without cookies: put the CORS layer outside of \
         AlbAuthLayer, so that it responds first, and let a listener rule for the method OPTIONS forward without an \
         authenticate action"
            .to_owned()
    })
}

impl ExemptPath {
    /// The path, with its methods unless these are GET and HEAD.
    fn describe(&self) -> String {
        let path = quoted(&self.path);
        if self.methods == [Method::GET, Method::HEAD] {
            return path;
        }
        let methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        format!("{path} ({})", methods.join(", "))
    }
}
