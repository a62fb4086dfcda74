//! Where browsers find the backend and the application, and whose pages may ask.

use http::Uri;

use super::reader::{Reader, missing, place};
use crate::{
    backstage::origins::{WHY_INSECURE, is_insecure, is_public_https},
    internal::{Once, Section},
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
    Some(urls)
}

/// The origins of the application, of `backend.cors.origin` and of the backend, beside an address on https.
fn check_origins(reader: &Reader<'_>, urls: &Urls, public: &str) {
    let of_app = origin_of(&urls.app);
    for origin in urls.origins.iter().filter(|origin| is_insecure(origin)) {
        let found = match of_app.as_ref() == Some(origin) {
            true => place(&reader.section("app"), "baseUrl"),
            false => place(&reader.section("backend.cors"), "origin"),
        };
        reader.problem(format!(
            "{found}: {} is not an origin for pages of a site on https ({public}): {WHY_INSECURE}; name the application's own \
             origin, such as {}, or waive it by auth.providers.awsalb.{INSECURE_ORIGINS}: true",
            crate::internal::quoted(origin),
            origin_of(public).unwrap_or_default()
        ));
    }
    if is_insecure(&urls.base) {
        reader.problem(insecure_address(&place(&reader.section("backend"), "baseUrl"), &urls.base, public));
    }
}

/// The problem with an address of the backend.
pub(super) fn insecure_address(found: &str, address: &str, public: &str) -> String {
    format!(
        "{found}: {} is not an address beside a site on https ({public}): {WHY_INSECURE}; use https, or waive it by \
         auth.providers.awsalb.{INSECURE_ORIGINS}: true",
        crate::internal::quoted(address)
    )
}

fn read_url(reader: &Reader<'_>, section: &Section<'_>, example: &str) -> Option<String> {
    const KEY: &str = "baseUrl";
    if section.is_unset(KEY) {
        return None;
    }
    if section.find(KEY).is_none() {
        reader.problem(missing(&format!("{}.{KEY}", section.path), example));
        return None;
    }
    let text = section.text(KEY)?;
    let url = absolute(&text);
    if url.is_none() {
        reader.problem(format!(
            "{} must be a URL such as {example}, without user, query or fragment",
            place(section, KEY)
        ));
    }
    url
}

/// The URL without a slash at its end, if it is one that something can be found below.
pub(super) fn absolute(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let sound = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
        && !text.contains(['#', '@']);
    sound.then(|| text.trim_end_matches('/').to_owned())
}

/// What browsers write into `Origin` for pages of that URL (RFC 6454 section 6.2): the usual port is left out.
pub(super) fn origin_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
    Some(match (scheme, uri.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

/// `backend.cors.origin`: a text, a list of them, or false.
fn read_origins(reader: &Reader<'_>, cors: &Section<'_>) -> Vec<String> {
    const KEY: &str = "origin";
    reader.tell_unset(cors, KEY);
    if cors.find(KEY).is_none_or(|node| matches!(node.value, crate::internal::Value::Bool(false))) {
        return Vec::new();
    }
    let mut origins = Vec::new();
    for text in cors.texts(KEY).unwrap_or_default() {
        // There may be a password before an at-sign.
        let shown = if text.contains('@') { "what stands there".to_owned() } else { crate::internal::quoted(&text) };
        if text.contains(['*', '?', '[', '{', '(', '!', '+']) && !text.contains("://[") {
            // Whoever may register a name below it could sign in here as whoever visits.
            reader.warn(format!(
                "{}: {shown} is a pattern, which is not matched here, so its pages may not ask: list origins, such as \
                 https://app.example.com",
                place(cors, KEY)
            ));
            continue;
        }
        let origin = absolute(&text).filter(|url| url.split("://").nth(1).is_some_and(|rest| !rest.contains('/')));
        match origin.and_then(|url| origin_of(&url)) {
            Some(origin) => origins.push(origin),
            None => reader.problem(format!(
                "{}: {shown} is not an origin: write it as https://app.example.com, without a path",
                place(cors, KEY)
            )),
        }
    }
    origins
}
