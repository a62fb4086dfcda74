//! The issuer's discovery document (OpenID Connect Discovery 1.0 section 4) and its keys.

use std::time::Duration;

use serde::Deserialize;

use super::jwk::{IssuerKey, read_key_set};
use crate::{
    config::{AccessTokenRule, KeysAt, is_safe_url},
    error::quoted,
    sync::Arc,
};

/// Maximum size in bytes of a discovery document and of a key set. Entra ID's key set, with its
/// certificates, has 20 KiB.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// The problem with [`KeysAt::NotFetched`].
pub(super) const NOT_FETCHED: &str =
    "an explanation fetches them only with SignatureKey::fetched(), so the access token was not checked";

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the keys of the issuer. Each of the two requests may take `timeout`.
///
/// # Errors
/// What was found, for the operator's log.
pub(super) async fn fetch_keys(rule: &AccessTokenRule, timeout: Duration) -> Result<Vec<Arc<IssuerKey>>, String> {
    let address = match &rule.keys {
        KeysAt::NotFetched => return Err(NOT_FETCHED.to_owned()),
        KeysAt::Jwks(url) => url.clone(),
        KeysAt::Discovery(url) => {
            let document = fetch(rule, url, timeout).await?;
            let Discovery { issuer, jwks_uri } = serde_json::from_slice(&document)
                .map_err(|_| format!("{url} is not a discovery document with issuer and jwks_uri"))?;
            // Section 4.3: the issuer must be the one whose document was requested.
            if issuer != rule.issuer {
                let (found, expected) = (quoted(&issuer), quoted(&rule.issuer));
                return Err(format!("the issuer in {url} is {found}, expected {expected}"));
            }
            if !is_safe_url(&jwks_uri) {
                return Err(format!("the jwks_uri in {url} is {}, expected an https URL", quoted(&jwks_uri)));
            }
            jwks_uri
        }
    };
    let keys = fetch(rule, &address, timeout).await?;
    read_key_set(&keys).map_err(|problem| format!("{} {problem}", quoted(&address)))
}

async fn fetch(rule: &AccessTokenRule, url: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    match tokio::time::timeout(timeout, rule.source.document(url, MAX_DOCUMENT_BYTES)).await {
        Ok(document) => document.map_err(|error| error.to_string()),
        Err(_) => Err(format!("{} did not respond within fetch_timeout", quoted(url))),
    }
}
