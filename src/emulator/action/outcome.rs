//! The result for a request, its response to the client, and its log line.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::emulator::{counters::OutcomeLabel, rules::End};

/// A request that gets to the last action of its rule.
pub(in crate::emulator) struct Outcome<'t> {
    /// The executed actions, as a load balancer logs them.
    pub(in crate::emulator) actions: String,
    /// The last action.
    pub(in crate::emulator) end: &'t End,
    /// Cookies for the response: those of a refreshed session.
    pub(in crate::emulator) cookies: Vec<HeaderValue>,
}

impl<'t> Outcome<'t> {
    pub(super) fn without_sign_in(end: &'t End) -> Self {
        Self { actions: end.name().to_owned(), end, cookies: Vec::new() }
    }

    pub(super) fn validated(end: &'t End) -> Self {
        Self { actions: format!("jwt-validation,{}", end.name()), end, cookies: Vec::new() }
    }

    pub(super) fn authenticated(end: &'t End, cookies: Vec<HeaderValue>) -> Self {
        Self { actions: format!("authenticate,{}", end.name()), end, cookies }
    }

    pub(super) fn allowed(end: &'t End) -> Self {
        Self { actions: format!("authenticate,{} (no session)", end.name()), end, cookies: Vec::new() }
    }
}

/// A request that is not forwarded.
pub(super) struct Refusal {
    status: u16,
    /// The `error_reason` of a load balancer's access log; `-` if it has none.
    reason: &'static str,
    /// For the log. Contains no token, code, state or cookie.
    details: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    made_by: OutcomeLabel,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason, details: String::new(), headers: Vec::new(), made_by: OutcomeLabel::Rejected }
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.details = reason.into();
        self
    }

    /// A redirect.
    pub(super) fn to(location: HeaderValue) -> Self {
        let mut redirect = Self::new(302, "-");
        redirect.headers.push((header::LOCATION, location));
        redirect
    }

    pub(super) fn with_cookies(mut self, cookies: impl IntoIterator<Item = HeaderValue>) -> Self {
        self.headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// Names the action that made it. Without this, no rule got the request.
    pub(super) fn by(mut self, action: OutcomeLabel) -> Self {
        self.made_by = action;
        self
    }

    /// For the counters.
    pub(super) fn made_by(&self) -> (OutcomeLabel, u16) {
        (self.made_by, self.status)
    }

    /// Logs it like a load balancer's access log, with an explanation. The query is left out,
    /// because it contains codes.
    pub(super) fn log(&self, method: &Method, uri: &Uri) {
        let (status, reason, path) = (self.status, self.reason, shown(uri.path()));
        if self.details.is_empty() {
            tracing::info!(target: "alb_emulator", "{method} {path} {status} authenticate \"{reason}\"");
        } else {
            tracing::warn!(target: "alb_emulator", "{method} {path} {status} authenticate \"{reason}\": {}", self.details);
        }
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        // 561 is specific to load balancers.
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = if self.status == 302 { String::new() } else { page(self.status, self.reason) };
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response
    }
}

/// The path for a log that is read in a terminal: a path may contain non-ASCII characters, and some
/// of them control the terminal or change the text direction.
pub(in crate::emulator) fn shown(path: &str) -> String {
    let escaped = |c: char| if c.is_ascii_graphic() { c.to_string() } else { c.escape_unicode().to_string() };
    path.chars().map(escaped).collect()
}

/// A page as short as a load balancer's. It names the reason; the details are in the log.
fn page(status: u16, reason: &str) -> String {
    let title = match status {
        400 => "400 Bad Request",
        401 => "401 Authorization Required",
        500 => "500 Internal Server Error",
        507 => "507 Insufficient Storage",
        561 => "561 Authentication Error",
        _ => "Error",
    };
    // "-" is the access log's word for "no reason".
    let named = if reason == "-" { String::new() } else { format!("{reason}. ") };
    // A reload would only send the provider's answer again.
    let next = if status == 561 { " <a href=\"/\">Sign in again</a>" } else { "" };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>alb-emulator: \
         {named}See its log for details.{next}</p></html>\n"
    )
}
