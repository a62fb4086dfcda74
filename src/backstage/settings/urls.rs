//! The addresses of the backend and the application, and the origins whose pages may send requests.

use super::reader::{Path, Reader, Warning, missing};
use crate::{
    backstage::origins::{WHY_INSECURE, is_insecure, is_public_https},
    config::{Problem, ProblemKind},
    internal::{HttpUrl, KeyAt, Once, Value, quoted},
};

pub(super) const BASE_URL: Path = Path::new("backend.baseUrl");
pub(super) const APP_URL: Path = Path::new("app.baseUrl");
pub(super) const CORS_ORIGINS: Path = Path::new("backend.cors.origin");
pub(super) const INSECURE_ORIGINS: Path = Path::new("auth.providers.awsalb.dangerouslyAllowInsecureOrigins");

/// Addresses, without a slash at their end.
#[derive(Clone, Copy)]
pub(super) struct Urls<'s> {
    /// `backend.baseUrl`.
    pub(super) base: &'s str,
    /// `app.baseUrl`.
    pub(super) app: &'s str,
    /// The application's origin, then those of `backend.cors.origin`.
    pub(super) origins: &'s [String],
    /// Whether origins on plain http and on the visitor's own machine are waived.
    pub(super) allow_insecure: bool,
}

impl<'s> Urls<'s> {
    /// The address on https beside which no origin may be insecure, unless that is waived.
    pub(super) fn public(&self) -> Option<&'s str> {
        [self.app, self.base].into_iter().find(|address| is_public_https(address)).filter(|_| !self.allow_insecure)
    }

    /// Reports origins that are insecure beside an address on https, and pages that cannot call the backend.
    pub(super) fn check(&self, reader: &Reader<'_>) {
        if let Some(public) = self.public() {
            check_origins(reader, self, public);
        }
        warn_of_preflight_requests(reader, self);
    }
}

/// The application's origin, then those of `backend.cors.origin`.
pub(super) fn allowed_origins(app: Option<&str>, of_cors: Vec<String>) -> Vec<String> {
    app.and_then(origin_of).into_iter().chain(of_cors).collect::<Once>().into_list()
}

/// A setting and its place.
fn place(reader: &Reader<'_>, path: Path) -> KeyAt {
    reader.section(path.section()).at(path.key())
}

/// Pages of one origin that call another one: a browser sends no cookie with the preflight request, so a load balancer that
/// authenticates it redirects it to the login page, and the browser gives up.
fn warn_of_preflight_requests(reader: &Reader<'_>, urls: &Urls<'_>) {
    let (Some(app), Some(base)) = (origin_of(urls.app), origin_of(urls.base)) else { return };
    if app != base && is_public_https(urls.base) {
        let text = format!(
            "pages of {app} call another origin, {base}: browsers send a preflight request (OPTIONS) without cookies first, \
             which a listener rule that authenticates redirects to the login page; add a rule before it that forwards the \
             method OPTIONS for /api/* without authentication, or serve both at one origin"
        );
        reader.warn(Warning::of(place(reader, BASE_URL), text));
    }
}

/// The origins of the application, of `backend.cors.origin` and of the backend, beside an address on https.
fn check_origins(reader: &Reader<'_>, urls: &Urls<'_>, public: &str) {
    let of_app = origin_of(urls.app);
    for origin in urls.origins.iter().filter(|origin| is_insecure(origin)) {
        let found = match of_app.as_ref() == Some(origin) {
            true => place(reader, APP_URL),
            false => place(reader, CORS_ORIGINS),
        };
        let shown = quoted(origin);
        let clause = format!(
            "{shown} is not an origin for pages of a site on https ({public}): {WHY_INSECURE}; name the \
             application's own origin, such as {}, or waive it by {}: true",
            origin_of(public).unwrap_or_default(),
            INSECURE_ORIGINS.whole()
        );
        reader.problem(Problem::clause(ProblemKind::Insecure, [found], clause).with_found(shown));
    }
    if is_insecure(urls.base) {
        reader.problem(insecure_address(place(reader, BASE_URL), urls.base, public));
    }
}

/// The problem with an address of the backend.
pub(super) fn insecure_address(key: KeyAt, address: &str, public: &str) -> Problem {
    let shown = quoted(address);
    let clause = format!(
        "{shown} is not an address beside a site on https ({public}): {WHY_INSECURE}; use https, or waive it by {}: true",
        INSECURE_ORIGINS.whole()
    );
    Problem::clause(ProblemKind::Insecure, [key], clause).with_found(shown)
}

/// A required address of an HTTP server.
pub(super) fn read_url(reader: &Reader<'_>, path: Path, example: &str) -> Option<String> {
    let (section, key) = (reader.section(path.section()), path.key());
    if section.is_unset(key) {
        return None;
    }
    if section.find(key).is_none() {
        reader.problem(missing(path, example));
        return None;
    }
    let text = section.text(key)?;
    let url = absolute(&text);
    if url.is_none() {
        let predicate = format!("must be a URL such as {example}, without user, query or fragment");
        reader.problem(Problem::of(ProblemKind::InvalidValue, section.at(key), predicate).with_expected(example));
    }
    url
}

/// The URL without a slash at its end, if it is one that something can be found below.
pub(super) fn absolute(text: &str) -> Option<String> {
    let is_base = HttpUrl::parse(text).is_ok_and(|url| !url.has_query());
    is_base.then(|| text.trim_end_matches('/').to_owned())
}

/// What browsers write into `Origin` for pages of that URL (RFC 6454 section 6.2): the usual port is left out.
pub(super) fn origin_of(url: &str) -> Option<String> {
    HttpUrl::parse(url).ok().map(|url| url.origin())
}

/// `backend.cors.origin`: a text, a list of them, or false.
pub(super) fn read_origins(reader: &Reader<'_>, path: Path) -> Vec<String> {
    let (cors, key) = (reader.section(path.section()), path.key());
    reader.tell_unset(&cors, key);
    if cors.find(key).is_none_or(|node| matches!(node.value, Value::Bool(false))) {
        return Vec::new();
    }
    let mut origins = Vec::new();
    for text in cors.text_or_texts(key).unwrap_or_default() {
        // There may be a password before an at-sign.
        let shown = if text.contains('@') { "the value".to_owned() } else { quoted(&text) };
        if text.contains(['*', '?', '[', '{', '(', '!', '+']) && !text.contains("://[") {
            // The owner of any matching host name could sign in here as its visitor.
            let text = format!(
                "{shown} is a pattern. Patterns are not supported, so its pages may send no requests: list origins, such as \
                 https://app.example.com"
            );
            reader.warn(Warning::of(cors.at(key), text));
            continue;
        }
        let origin = absolute(&text).filter(|url| url.split("://").nth(1).is_some_and(|rest| !rest.contains('/')));
        match origin.and_then(|url| origin_of(&url)) {
            Some(origin) => origins.push(origin),
            None => {
                let clause = format!("{shown} is not an origin");
                let problem = Problem::clause(ProblemKind::InvalidValue, [cors.at(key)], clause);
                reader.problem(problem.with_fix("write it as https://app.example.com, without a path"));
            }
        }
    }
    origins
}
