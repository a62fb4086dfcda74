//! The addresses of the backend and the application, and the origins whose pages may send requests.

use super::reader::{Reader, Warning, missing};
use crate::{
    backstage::origins::{WHY_INSECURE, is_insecure, is_public_https},
    config::{Problem, ProblemKind},
    internal::{HttpUrl, KeyAt, Once, Section, Value, quoted},
};

const INSECURE_ORIGINS: &str = "dangerouslyAllowInsecureOrigins";

/// Addresses, without a slash at their end.
pub(super) struct Urls {
    /// `backend.baseUrl`.
    pub(super) base: String,
    /// `app.baseUrl`.
    pub(super) app: String,
    /// The application's origin, then those of `backend.cors.origin`.
    pub(super) origins: Vec<String>,
    /// Whether origins on plain http and on the visitor's own machine are waived.
    pub(super) allow_insecure: bool,
}

impl Urls {
    /// The address on https beside which no origin may be insecure, unless that is waived.
    pub(super) fn public(&self) -> Option<&str> {
        let mut addresses = [&self.app, &self.base].into_iter().map(String::as_str);
        addresses.find(|address| is_public_https(address)).filter(|_| !self.allow_insecure)
    }
}

pub(super) fn read_urls(reader: &Reader<'_>) -> Option<Urls> {
    let base = read_url(reader, &reader.section("backend"), "https://<the backend's host, as browsers see it>");
    let app = read_url(reader, &reader.section("app"), "https://<the application's host>");
    let cors = reader.section("backend.cors");
    let own = app.as_deref().and_then(origin_of);
    let origins: Once = own.into_iter().chain(read_origins(reader, &cors)).collect();
    let origins = origins.into_list();
    let allow_insecure = reader.flag_or(&reader.section("auth.providers.awsalb"), INSECURE_ORIGINS, false);
    let urls = Urls { base: base?, app: app?, origins, allow_insecure };
    if let Some(public) = urls.public() {
        check_origins(reader, &urls, public);
    }
    warn_of_preflight_requests(reader, &urls);
    Some(urls)
}

/// Pages of one origin that call another one: a browser sends no cookie with the preflight request, so a load balancer that
/// authenticates it redirects it to the login page, and the browser gives up.
fn warn_of_preflight_requests(reader: &Reader<'_>, urls: &Urls) {
    let (Some(app), Some(base)) = (origin_of(&urls.app), origin_of(&urls.base)) else { return };
    if app != base && is_public_https(&urls.base) {
        let text = format!(
            "pages of {app} call another origin, {base}: browsers send a preflight request (OPTIONS) without cookies first, \
             which a listener rule that authenticates redirects to the login page; add a rule before it that forwards the \
             method OPTIONS for /api/* without authentication, or serve both at one origin"
        );
        reader.warn(Warning::of(reader.section("backend").at("baseUrl"), text));
    }
}

/// The origins of the application, of `backend.cors.origin` and of the backend, beside an address on https.
fn check_origins(reader: &Reader<'_>, urls: &Urls, public: &str) {
    let of_app = origin_of(&urls.app);
    for origin in urls.origins.iter().filter(|origin| is_insecure(origin)) {
        let found = match of_app.as_ref() == Some(origin) {
            true => reader.section("app").at("baseUrl"),
            false => reader.section("backend.cors").at("origin"),
        };
        let shown = quoted(origin);
        let clause = format!(
            "{shown} is not an origin for pages of a site on https ({public}): {WHY_INSECURE}; name the \
             application's own origin, such as {}, or waive it by auth.providers.awsalb.{INSECURE_ORIGINS}: true",
            origin_of(public).unwrap_or_default()
        );
        reader.problem(Problem::clause(ProblemKind::Insecure, [found], clause).with_found(shown));
    }
    if is_insecure(&urls.base) {
        reader.problem(insecure_address(reader.section("backend").at("baseUrl"), &urls.base, public));
    }
}

/// The problem with an address of the backend.
pub(super) fn insecure_address(key: KeyAt, address: &str, public: &str) -> Problem {
    let shown = quoted(address);
    let clause = format!(
        "{shown} is not an address beside a site on https ({public}): {WHY_INSECURE}; use https, or waive it by \
         auth.providers.awsalb.{INSECURE_ORIGINS}: true"
    );
    Problem::clause(ProblemKind::Insecure, [key], clause).with_found(shown)
}

fn read_url(reader: &Reader<'_>, section: &Section<'_>, example: &str) -> Option<String> {
    const KEY: &str = "baseUrl";
    if section.is_unset(KEY) {
        return None;
    }
    if section.find(KEY).is_none() {
        reader.problem(missing(&section.at(KEY).path, example));
        return None;
    }
    let text = section.text(KEY)?;
    let url = absolute(&text);
    if url.is_none() {
        let predicate = format!("must be a URL such as {example}, without user, query or fragment");
        reader.problem(Problem::of(ProblemKind::InvalidValue, section.at(KEY), predicate).with_expected(example));
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
fn read_origins(reader: &Reader<'_>, cors: &Section<'_>) -> Vec<String> {
    const KEY: &str = "origin";
    reader.tell_unset(cors, KEY);
    if cors.find(KEY).is_none_or(|node| matches!(node.value, Value::Bool(false))) {
        return Vec::new();
    }
    let mut origins = Vec::new();
    for text in cors.text_or_texts(KEY).unwrap_or_default() {
        // There may be a password before an at-sign.
        let shown = if text.contains('@') { "the value".to_owned() } else { quoted(&text) };
        if text.contains(['*', '?', '[', '{', '(', '!', '+']) && !text.contains("://[") {
            // The owner of any matching host name could sign in here as its visitor.
            let text = format!(
                "{shown} is a pattern. Patterns are not supported, so its pages may send no requests: list origins, such as \
                 https://app.example.com"
            );
            reader.warn(Warning::of(cors.at(KEY), text));
            continue;
        }
        let origin = absolute(&text).filter(|url| url.split("://").nth(1).is_some_and(|rest| !rest.contains('/')));
        match origin.and_then(|url| origin_of(&url)) {
            Some(origin) => origins.push(origin),
            None => {
                let clause = format!("{shown} is not an origin");
                let problem = Problem::clause(ProblemKind::InvalidValue, [cors.at(KEY)], clause);
                reader.problem(problem.with_fix("write it as https://app.example.com, without a path"));
            }
        }
    }
    origins
}
