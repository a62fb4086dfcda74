//! The address of the catalog, and the credentials for it.

use super::{
    Secret,
    discovery::{Endpoints, Side, not_an_address},
    external_access::read_token,
    reader::{Path, Reader, Warning},
    urls::{BASE_URL, absolute},
};
use crate::{
    config::{Problem, ProblemKind},
    internal::{HttpUrl, KeyAt},
    sign_in::{Catalog, CatalogBuilder},
};

const PLUGIN: &str = "catalog";
/// Waives that a catalog on another machine is queried over https.
pub(super) const PLAIN_HTTP: Path = Path::new("auth.providers.awsalb.signIn.dangerouslyAskCatalogOverPlainHttp");

/// The address of the catalog, and the credentials for it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CatalogSettings {
    /// Its address, `https://<backend>/api/catalog`: of `discovery.endpoints`, else below `backend.baseUrl`.
    pub url: String,
    /// The credentials for it.
    pub credentials: CatalogCredentials,
    /// The key of the static token.
    pub(super) token_at: Option<KeyAt>,
    plain_http: bool,
}

/// The credentials for the catalog.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CatalogCredentials {
    /// A token of `backend.auth.externalAccess`.
    Static {
        /// The token.
        token: Secret,
        /// Where it is written: `backend.auth.externalAccess[0].options.token (app-config.yaml:12)`.
        place: String,
    },
    /// No static token is allowed to query the catalog: the auth plugin mints its own tokens.
    Minted,
}

impl CatalogSettings {
    /// A builder for this address. With [`CatalogCredentials::Minted`] it still needs
    /// [`token_from`](CatalogBuilder::token_from).
    pub fn builder(&self) -> CatalogBuilder {
        let mut builder = Catalog::at(&self.url);
        if let CatalogCredentials::Static { token, .. } = &self.credentials {
            builder = builder.token(token.expose());
        }
        if self.plain_http { builder.dangerously_over_plain_http() } else { builder }
    }
}

pub(super) fn read_catalog(reader: &Reader<'_>, external_access: Path, base: &str) -> Option<CatalogSettings> {
    let endpoint = Endpoints::read(reader).of(PLUGIN, Side::Internal);
    let (url, of) = match endpoint {
        Some((url, of)) => (url, of),
        None => (format!("{base}/api/{PLUGIN}"), KeyAt::path(BASE_URL.whole())),
    };
    let token = read_token(reader, external_access);
    let plain_http = reader.flag_or(&reader.section(PLAIN_HTTP.section()), PLAIN_HTTP.key(), false);
    let Some(url) = absolute(&url) else {
        reader.problem(not_an_address(of, &url, "the catalog's address"));
        return None;
    };
    let (is_https, is_local) =
        HttpUrl::parse(&url).map_or((false, false), |url| (url.is_https(), url.is_on_this_machine()));
    if !is_https && !is_local {
        let clause =
            "the catalog's address is plain http, so an attacker on the network could change which user is signed in";
        if !plain_http {
            let lines = format!("{} true\nif the network itself keeps others out", PLAIN_HTTP.yaml());
            let problem = Problem::clause(ProblemKind::Insecure, [of], clause);
            reader
                .problem(problem.with_lines("use https, name another in discovery.endpoints, or waive it by", &lines));
            return None;
        }
        reader.warn(Warning::of(of, clause));
    }
    let (credentials, token_at) = match token? {
        Some((token, at)) => (CatalogCredentials::Static { token, place: at.to_string() }, Some(at)),
        None => (CatalogCredentials::Minted, None),
    };
    Some(CatalogSettings { url, credentials, token_at, plain_http: plain_http || is_local })
}
