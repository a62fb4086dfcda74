//! Where the catalog is, and what it is asked with.

use super::{
    Secret,
    discovery::{Endpoints, Side},
    reader::{Reader, place},
    urls::absolute,
};
use crate::{
    internal::{Section, is_loopback},
    sign_in::{Catalog, CatalogBuilder},
};

const PLUGIN: &str = "catalog";
const PLAIN_HTTP: &str = "dangerouslyAskCatalogOverPlainHttp";

/// Where the catalog is, and what it is asked with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CatalogSettings {
    /// Its address, `https://<backend>/api/catalog`: of `discovery.endpoints`, else below `backend.baseUrl`.
    pub url: String,
    /// What it is asked with.
    pub credentials: CatalogCredentials,
    plain_http: bool,
}

/// What the catalog is asked with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CatalogCredentials {
    /// A token of `backend.auth.externalAccess`.
    Static {
        /// The token.
        token: Secret,
        /// Where it stands: `backend.auth.externalAccess[0].options.token (app-config.yaml:12)`.
        place: String,
    },
    /// None is there that may ask the catalog: a token of the auth plugin's own, which is minted anew.
    Minted,
}

impl CatalogSettings {
    /// A builder that asks there. With [`CatalogCredentials::Minted`] it wants its
    /// [`token_from`](CatalogBuilder::token_from) yet.
    pub fn builder(&self) -> CatalogBuilder {
        let mut builder = Catalog::at(&self.url);
        if let CatalogCredentials::Static { token, .. } = &self.credentials {
            builder = builder.token(token.expose());
        }
        if self.plain_http { builder.dangerously_over_plain_http() } else { builder }
    }
}

pub(super) fn read_catalog(reader: &Reader<'_>, base: &str) -> Option<CatalogSettings> {
    let endpoint = Endpoints::read(reader).of(PLUGIN, Side::Internal);
    let (url, of) = match endpoint {
        Some((url, of)) => (url, of),
        None => (format!("{base}/api/{PLUGIN}"), "backend.baseUrl".to_owned()),
    };
    let credentials = read_credentials(reader)?;
    let sign_in = reader.section("auth.providers.awsalb.signIn");
    let plain_http = reader.flag_or(&sign_in, PLAIN_HTTP, false);
    let Some(url) = absolute(&url) else {
        reader.problem(format!(
            "{of} gives the catalog's address, which must be an http or https URL such as https://<backend>/api/catalog"
        ));
        return None;
    };
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    // Names below `localhost` are this machine (RFC 6761 section 6.3).
    let local = is_loopback(&host) || host.ends_with(".localhost");
    if url.starts_with("http://") && !local {
        let sentence =
            format!("{of}: the catalog's address is plain http, so whoever stands between could say who is who");
        if !plain_http {
            reader.problem(format!(
                "{sentence}: use https, name another in discovery.endpoints, or waive it by\nauth:\n  providers:\n    awsalb:\n      \
                 signIn:\n        {PLAIN_HTTP}: true\nwhere the network itself keeps others out"
            ));
            return None;
        }
        reader.warn(sentence);
    }
    Some(CatalogSettings { url, credentials, plain_http: plain_http || local })
}

/// The first static token that may ask the catalog.
fn read_credentials(reader: &Reader<'_>) -> Option<CatalogCredentials> {
    for entry in reader.section("backend.auth").sections("externalAccess").unwrap_or_default() {
        if entry.written("type") != Some("static") || !may_ask_the_catalog(&entry) {
            continue;
        }
        let Some(options) = entry.section("options") else { continue };
        if options.is_unset("token") {
            return None;
        }
        let Some(token) = options.text("token") else { continue };
        // As stock back ends check it.
        if token.len() < 8 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            reader.problem(format!("{} must be 8 visible ASCII characters at least", place(&options, "token")));
            return None;
        }
        return Some(CatalogCredentials::Static { token: Secret::new(token), place: place(&options, "token") });
    }
    Some(CatalogCredentials::Minted)
}

fn may_ask_the_catalog(entry: &Section<'_>) -> bool {
    let Some(restrictions) = entry.sections("accessRestrictions") else { return true };
    // With permissions named besides it may be one that reads nothing, so it is passed over.
    restrictions.iter().any(|restriction| {
        restriction.written("plugin") == Some(PLUGIN)
            && restriction.find("permission").is_none()
            && restriction.find("permissionAttribute").is_none()
    })
}
