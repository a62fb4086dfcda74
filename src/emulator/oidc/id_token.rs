//! The check of the ID token, by jsonwebtoken's verifiers.
//!
//! They come from a crypto provider that this crate names, never from the process-wide one: if
//! another crate of the program enables jsonwebtoken's other provider, there is no default and
//! jsonwebtoken panics.

use http::Request;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::aws_lc,
    decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    error::{OidcError, Step},
    http_client::HttpClient,
};
use crate::emulator::config::Endpoints;
use crate::internal::Mutex;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Tolerated difference to the provider's clock, in seconds.
const LEEWAY: u64 = 60;

/// The keys of the provider's ID tokens, as last fetched.
#[derive(Default)]
pub(super) struct IdTokenKeys(Mutex<Option<JwkSet>>);

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    #[serde(default)]
    azp: Option<String>,
    exp: u64,
}

impl IdTokenKeys {
    /// The subject of a valid token.
    pub(super) async fn check(
        &self,
        http: &HttpClient,
        endpoints: &Endpoints,
        client_id: &str,
        token: &str,
        now: u64,
    ) -> Result<String, OidcError> {
        let header = decode_header(token).map_err(|_| invalid("its header is invalid".to_owned()))?;
        if header.crit.is_some() {
            return Err(invalid("its header has crit, which names an unsupported extension".to_owned()));
        }
        let held = self.0.lock().as_ref().and_then(|set| find(set, header.kid.as_deref(), header.alg));
        if held.is_none_or(|key| verify(token, &key, header.alg).is_err()) {
            // The provider may have rotated its key, and some reuse the key id.
            let set = fetch(http, endpoints).await?;
            let found = find(&set, header.kid.as_deref(), header.alg);
            *self.0.lock() = Some(set);
            let key = found.ok_or_else(|| invalid(format!("the provider has no matching key ({:?})", header.alg)))?;
            verify(token, &key, header.alg)?;
        }
        let payload = token.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
        let claims: Claims =
            // The message of serde_json could contain a claim.
            serde_json::from_slice(&payload).map_err(|_| invalid("iss, sub, aud, azp or exp is missing or has the wrong type".to_owned()))?;
        claims.check(endpoints, client_id, now)
    }
}

impl Claims {
    /// OpenID Connect Core 1.0 section 3.1.3.7.
    fn check(self, endpoints: &Endpoints, client_id: &str, now: u64) -> Result<String, OidcError> {
        if self.iss != endpoints.issuer {
            return Err(invalid(format!(
                "iss is {}, expected is {}",
                crate::internal::quoted(&self.iss),
                crate::internal::quoted(&endpoints.issuer)
            )));
        }
        let (for_us, several) = match &self.aud {
            Value::String(aud) => (aud == client_id, false),
            Value::Array(all) => (all.iter().any(|aud| aud.as_str() == Some(client_id)), all.len() > 1),
            _ => (false, false),
        };
        let party = self.azp.as_deref();
        if !for_us || (several && party.is_none()) || party.is_some_and(|party| party != client_id) {
            return Err(invalid(format!("it was not issued for the client {}", crate::internal::quoted(client_id))));
        }
        if self.exp.saturating_add(LEEWAY) <= now {
            return Err(invalid("it has expired: compare the clocks".to_owned()));
        }
        Ok(self.sub)
    }
}

async fn fetch(http: &HttpClient, endpoints: &Endpoints) -> Result<JwkSet, OidcError> {
    let request = Request::get(&endpoints.jwks).body(String::new());
    let request = request.map_err(|_| invalid("the URL of its keys is invalid".to_owned()))?;
    let (status, body) = http.send(Step::IdToken, request).await?;
    if status != 200 {
        let shown = crate::internal::quoted(&endpoints.jwks);
        return Err(invalid(format!("the provider's keys: {shown} responded with status {status}")));
    }
    serde_json::from_slice(&body).map_err(|error| invalid(format!("the provider's keys are invalid: {error}")))
}

/// The key with this id, if its kind fits the algorithm; without an id the only key that fits.
pub(super) fn find(set: &JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Option<Jwk> {
    let mut fitting = set.keys.iter().filter(|key| fits(key, algorithm));
    match kid {
        Some(kid) => fitting.find(|key| key.common.key_id.as_deref() == Some(kid)).cloned(),
        None => {
            let first = fitting.next()?;
            fitting.next().is_none().then(|| first.clone())
        }
    }
}

/// Asymmetric algorithms only, each with its own kind of key, and with the key's declared algorithm
/// if it has one.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let declared = key.common.key_algorithm.filter(|declared| *declared != KeyAlgorithm::UNKNOWN_ALGORITHM);
    if declared.is_some_and(|declared| Algorithm::try_from(declared).ok() != Some(algorithm)) {
        return false;
    }
    if matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption)) {
        return false;
    }
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => matches!(
            algorithm,
            Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512
        ),
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => algorithm == Algorithm::ES256,
            EllipticCurve::P384 => algorithm == Algorithm::ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        _ => false,
    }
}

pub(super) fn verify(token: &str, key: &Jwk, algorithm: Algorithm) -> Result<(), OidcError> {
    let unsound = |_| invalid("its signature does not match the provider's key".to_owned());
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| invalid("it is not a JWT".to_owned()))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("it is not a JWT".to_owned()))?;
    let key = DecodingKey::from_jwk(key)
        .map_err(|error| invalid(format!("the provider's signing key is invalid: {error}")))?;
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key)
        .map_err(|error| invalid(format!("the provider's signing key is invalid: {error}")))?;
    verifier.verify(message.as_bytes(), &signature).map_err(unsound)
}

fn invalid(reason: String) -> OidcError {
    OidcError::invalid(Step::IdToken, reason)
}
