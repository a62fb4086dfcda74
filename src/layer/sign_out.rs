//! Ends the load balancer's session of a browser.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header, uri::Authority};

use crate::{
    alb::TraceId,
    net::{encoded, is_loopback},
    settings::ConfigError,
    telemetry::audit::{AuditTrail, Details, Subject, What},
};

/// The session cookie of an Application Load Balancer, unless the listener rule names another.
const SESSION_COOKIE: &str = "AWSELBAuthSessionCookie";
/// The cookie of a sign-in in progress.
const NONCE_COOKIE: &str = "AWSALBAuthNonce";
/// Maximum number of cookies of a session, `-0`, `-1`, ...: 16 KiB in cookies of 4 KiB.
const SHARDS: usize = 4;

/// Ends the load balancer's session of a browser: expires its cookies, and sends the browser on to
/// the provider's end-session address, if one is configured.
///
/// ```
/// use http::{HeaderMap, Method, Response};
/// use tower_alb_auth::SignOut;
///
/// let sign_out = SignOut::builder()
///     .end_session("https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/oauth2/v2.0/logout")
///     .query("post_logout_redirect_uri", "https://app.example.com/goodbye")
///     .build()?;
///
/// let response: Response<String> = sign_out.response(&Method::POST, &HeaderMap::new());
/// assert_eq!(response.status(), 303);
/// assert_eq!(response.headers().get_all("set-cookie").iter().count(), 5);
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
///
/// # What ends, and what does not
/// - The **load balancer's session** ends, in this browser: its next request has to sign in again.
/// - The **provider's session** ends only at the end-session address. Without one, the next sign-in
///   succeeds without a prompt.
/// - **Tokens** that the load balancer has already signed stay valid for 120 s.
/// - A **copied cookie** stays valid: it contains the session, and the load balancer keeps no list
///   of sessions. It expires with the listener rule's `SessionTimeout`, seven days by default.
/// - The page that the browser returns to must be on a path whose listener rule does not
///   authenticate, otherwise the browser signs in again at once.
#[derive(Debug, Clone)]
pub struct SignOut {
    expired: Vec<HeaderValue>,
    location: Option<HeaderValue>,
    origins: Vec<String>,
    audit: Option<AuditTrail>,
}

impl SignOut {
    /// Collects settings.
    pub fn builder() -> SignOutBuilder {
        SignOutBuilder {
            cookie_name: SESSION_COOKIE.to_owned(),
            end_session: None,
            query: Vec::new(),
            origins: Vec::new(),
            audit: None,
        }
    }

    /// The response to a sign-out request; its body is empty.
    ///
    /// | request | response |
    /// |---|---|
    /// | POST | 303 to the end-session address, or 204 without one, with every cookie expired |
    /// | POST from another site, by `Origin` or `Sec-Fetch-Site` | 403: another site must not sign users out |
    /// | another method | 405: a link, an image or a prefetch must not sign users out |
    ///
    /// No cache stores it.
    pub fn response<B: Default>(&self, method: &Method, headers: &HeaderMap) -> Response<B> {
        if method == Method::POST && self.is_own(headers) {
            if let Some(trail) = &self.audit {
                let details = || Details { trace_id: TraceId::In(headers).text(), ..Details::default() };
                trail.succeeded(What::SignedOut, Some("awsalb"), Subject::User(None, None), details);
            }
            return self.ended();
        }
        let mut response = Response::new(B::default());
        let fields = response.headers_mut();
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = if method != Method::POST {
            fields.insert(header::ALLOW, HeaderValue::from_static("POST"));
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::FORBIDDEN
        };
        *response.status_mut() = status;
        response
    }

    /// The response to a request that may sign out.
    pub(crate) fn ended<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        let fields = response.headers_mut();
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for expired in &self.expired {
            fields.append(header::SET_COOKIE, expired.clone());
        }
        let status = match &self.location {
            Some(location) => {
                fields.insert(header::LOCATION, location.clone());
                StatusCode::SEE_OTHER
            }
            None => StatusCode::NO_CONTENT,
        };
        *response.status_mut() = status;
        response
    }

    /// Whether `Origin` is one of the allowed origins.
    #[cfg(feature = "backstage")]
    pub(crate) fn names(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (Some(origin), None) => self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
            _ => false,
        }
    }

    /// Whether the request comes from a page of this host, or of an allowed origin.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            let mut origins = headers.get_all(header::ORIGIN).iter();
            let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
            let Ok(origin) = origin.to_str() else { return false };
            return self.origins.iter().any(|allowed| allowed == origin) || is_of_host(origin, headers);
        }
        // A browser that sends no Origin with a POST sends this header. A client that sends neither
        // is not a browser, so no other site can make it send the user's cookie.
        headers
            .get_all("sec-fetch-site")
            .iter()
            .all(|site| matches!(site.as_bytes(), b"none" | b"same-origin" | b"same-site"))
    }
}

/// Whether the origin names the host that the request was sent to.
fn is_of_host(origin: &str, headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::HOST) {
        // Over HTTP/2 the host is in the URI. The browser has compared both, and no page can set
        // this header.
        let mut sites = headers.get_all("sec-fetch-site").iter();
        return matches!((sites.next(), sites.next()), (Some(site), None) if site == "same-origin");
    }
    let own: Option<Authority> =
        headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse().ok());
    let theirs: Option<Authority> = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
        .and_then(|authority| authority.parse().ok());
    // `null`, of a sandboxed page for instance, has no authority.
    own.is_some() && own == theirs
}

/// The settings of a [`SignOut`]; [`build`](Self::build) checks them. Made by [`SignOut::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing is checked before build()"]
pub struct SignOutBuilder {
    cookie_name: String,
    end_session: Option<String>,
    query: Vec<(String, String)>,
    origins: Vec<String>,
    audit: Option<AuditTrail>,
}

impl SignOutBuilder {
    /// The name of the load balancer's session cookie, if the listener rule's authenticate action
    /// sets one (`SessionCookieName`). Default `AWSELBAuthSessionCookie`.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = name.into();
        self
    }

    /// Where the provider ends its own session: `end_session_endpoint` in its discovery document
    /// (OpenID Connect RP-Initiated Logout 1.0 section 2.1), or `https://<domain>/logout` of
    /// Cognito.
    pub fn end_session(mut self, url: impl Into<String>) -> Self {
        self.end_session = Some(url.into());
        self
    }

    /// A parameter of that address, encoded here: `post_logout_redirect_uri`, `client_id`,
    /// Cognito's `logout_uri`.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Allows pages of this origin to sign users out: `https://app.example.com`. Pages of the
    /// service's own host are always allowed.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Records each sign-out in this audit trail, without the user: the rule of a sign-out path has no authenticate action, so no
    /// identity reaches it. The trace id leads to the access log. An auth backend with an audit trail needs no other.
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.audit = Some(trail.clone());
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All problems at once.
    pub fn build(self) -> Result<SignOut, ConfigError> {
        let mut problems = Vec::new();
        if !is_cookie_name(&self.cookie_name) {
            problems.push(format!(
                "{} is not the name of a cookie: take SessionCookieName of the listener rule's authenticate action",
                crate::error::quoted(&self.cookie_name)
            ));
        }
        let shards = (0..SHARDS).map(|shard| format!("{}-{shard}", self.cookie_name));
        let names = shards.chain([NONCE_COOKIE.to_owned()]);
        let expired = names.filter_map(|name| HeaderValue::from_str(&expiry(&name)).ok()).collect();
        let location = match self.location() {
            Ok(location) => location,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        for origin in self.origins.iter().filter(|origin| !is_origin(origin)) {
            problems.push(format!(
                "{} is not an origin: write it as https://app.example.com, without a path",
                crate::error::quoted(origin)
            ));
        }
        if problems.is_empty() {
            Ok(SignOut { expired, location, origins: self.origins, audit: self.audit })
        } else {
            Err(ConfigError::invalid(problems))
        }
    }

    fn location(&self) -> Result<Option<HeaderValue>, String> {
        let Some(url) = &self.end_session else {
            return if self.query.is_empty() {
                Ok(None)
            } else {
                Err("the query belongs to an end-session address: add .end_session(..)".to_owned())
            };
        };
        let shown = crate::error::quoted(url);
        let uri: Uri = url.parse().map_err(|_| format!("the end-session address {shown} is not a URL"))?;
        if url.contains('#') {
            // Parameters would be appended to the fragment, which browsers do not send.
            return Err(format!("the end-session address {shown} must have no fragment"));
        }
        let host = uri.host().unwrap_or_default();
        // The emulator and its demo provider are on this machine.
        let local = is_loopback(host) || host.ends_with(".localhost");
        if host.is_empty() || !matches!((uri.scheme_str(), local), (Some("https"), _) | (Some("http"), true)) {
            return Err(format!("the end-session address {shown} must begin with https:// and name a host"));
        }
        let mut location = url.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            location.push(if index == 0 && uri.query().is_none() { '?' } else { '&' });
            location.extend(encoded(name));
            location.push('=');
            location.extend(encoded(value));
        }
        HeaderValue::from_str(&location).map(Some).map_err(|_| format!("the end-session address {shown} is not a URL"))
    }
}

/// A browser identifies a cookie by name, path and host; the load balancer sets `Path=/` and no
/// domain. `Secure` is left out unless the name requires it: over https it makes no difference to a
/// deletion, and over the emulator's plain http a browser would ignore the header.
fn expiry(name: &str) -> String {
    let prefixed = name.starts_with("__Secure-") || name.starts_with("__Host-");
    let secure = if prefixed { "; Secure" } else { "" };
    format!("{name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly{secure}")
}

/// A token of RFC 9110 section 5.6.2, as RFC 6265 section 4.1.1 requires.
fn is_cookie_name(name: &str) -> bool {
    let separators = b"()<>@,;:\\\"/[]?={} \t";
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !separators.contains(&byte))
}

fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|authority| {
        !authority.contains(['/', '@']) && authority.parse::<Authority>().is_ok_and(|parsed| !parsed.host().is_empty())
    })
}
