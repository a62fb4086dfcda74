//! The check of a bearer token, for the action `jwt-validation`: RS256 only, by the keys of its issuer.
//!
//! | token | result |
//! |---|---|
//! | no header `authorization`, several, or another scheme | 401 |
//! | not a JWT, another `alg`, `crit` | 401, without a request to the issuer |
//! | a kid that the keys do not have | the keys are fetched again, at most once in 10 s if that succeeds; then 401 |
//! | an invalid signature; another `iss`; without `exp`, or expired; `nbf` or `iat` ahead | 401 |
//! | a claim of the rule that is missing or has another value or format | 401 |
//! | the keys cannot be fetched, are more than 10, or larger than 150 KB | 500; the next request tries again |
//! | otherwise | the request is forwarded as it is |
//!
//! One request at a time fetches a key set. Those that wait for it take its result, whether it succeeds or fails.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Request, header};
use jsonwebtoken::{Algorithm, decode_header, jwk::JwkSet};
use serde_json::Value;

use super::{
    error::{OidcError, Step},
    http_client::HttpClient,
    id_token::{find, verify},
    members::Members,
};
use crate::{
    emulator::rules::{JwtValidation, TokenIssuer},
    internal::{Mutex, SharedClock, quoted},
};

/// Maximum size of a key set, and number of its keys, as at a load balancer.
const MAX_KEY_SET_BYTES: usize = 150 * 1024;
const MAX_KEYS: usize = 10;
/// The shortest time between two requests for one key set.
const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// How long a key set is used without another request.
const LIFETIME: Duration = Duration::from_secs(300);

/// The key sets of issuers of bearer tokens, by their addresses.
#[derive(Default)]
pub(super) struct BearerKeys(Mutex<BTreeMap<String, Arc<KeySet>>>);

/// The key set of an address.
#[derive(Default)]
struct KeySet {
    /// How often it was fetched, with success or without.
    fetches: AtomicU64,
    /// Locked during a fetch.
    held: tokio::sync::Mutex<Option<Held>>,
}

struct Held {
    set: JwkSet,
    fetched_at: Instant,
}

impl BearerKeys {
    /// # Errors
    /// Why the token is not accepted. The message has no part of it.
    pub(super) async fn check(
        &self,
        http: &HttpClient,
        issuer: &TokenIssuer,
        rule: &JwtValidation,
        headers: &HeaderMap,
        clock: &SharedClock,
    ) -> Result<(), OidcError> {
        let token = bearer(headers).map_err(invalid)?;
        let decoded = decode_header(token).map_err(|_| invalid("it is not a JWT"))?;
        if decoded.alg != Algorithm::RS256 {
            return Err(invalid(&format!("its alg is {:?}, expected RS256", decoded.alg)));
        }
        if decoded.crit.is_some() {
            return Err(invalid("its header has crit, which names an unsupported extension"));
        }
        let kid = decoded.kid.as_deref();
        let mut set = self.set(http, &issuer.jwks, clock, LIFETIME).await?;
        if find(&set, kid, Algorithm::RS256).is_none() {
            set = self.set(http, &issuer.jwks, clock, MIN_INTERVAL).await?;
        }
        let key = find(&set, kid, Algorithm::RS256);
        let key = key.ok_or_else(|| invalid("the issuer has no RSA key with its kid"))?;
        verify(token, &key, Algorithm::RS256).map_err(|_| invalid("its signature does not match the issuer's key"))?;
        let payload = token.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
        let claims: Members = serde_json::from_slice(&payload)
            .map_err(|_| invalid("its claims are not a JSON object, or have a duplicate member"))?;
        let now = clock.unix_now().ok_or_else(|| invalid("the system clock is before 1970; correct it"))?;
        check_claims(&claims.0, issuer, rule, now).map_err(|reason| invalid(&reason))
    }

    /// The key set, not older than this.
    async fn set(
        &self,
        http: &HttpClient,
        url: &str,
        clock: &SharedClock,
        max_age: Duration,
    ) -> Result<JwkSet, OidcError> {
        let key_set = Arc::clone(self.0.lock().entry(url.to_owned()).or_default());
        let before = key_set.fetches.load(Ordering::SeqCst);
        let mut held = key_set.held.lock().await;
        let now = clock.monotonic();
        if let Some(held) = &*held
            && now.saturating_duration_since(held.fetched_at) < max_age
        {
            return Ok(held.set.clone());
        }
        if key_set.fetches.load(Ordering::SeqCst) != before {
            return Err(unusable(url, "could not be fetched a moment ago"));
        }
        let fetched = fetch(http, url).await;
        key_set.fetches.fetch_add(1, Ordering::SeqCst);
        let set = fetched?;
        *held = Some(Held { set: set.clone(), fetched_at: now });
        Ok(set)
    }
}

async fn fetch(http: &HttpClient, url: &str) -> Result<JwkSet, OidcError> {
    let request = Request::get(url).body(String::new()).map_err(|_| unusable(url, "is not a URL"))?;
    let (status, body) = http.send_up_to(Step::BearerKeys, request, MAX_KEY_SET_BYTES).await?;
    if status != 200 {
        return Err(unusable(url, &format!("responded with status {status}")));
    }
    let set: JwkSet = serde_json::from_slice(&body).map_err(|_| unusable(url, "is not a key set"))?;
    if set.keys.len() > MAX_KEYS {
        return Err(unusable(url, &format!("has {} keys; a load balancer accepts {MAX_KEYS} at most", set.keys.len())));
    }
    Ok(set)
}

fn unusable(url: &str, reason: &str) -> OidcError {
    OidcError::invalid(Step::BearerKeys, format!("{} {reason}", quoted(url)))
}

/// The token of the one header `authorization`.
fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => return Err("the request has no header authorization"),
        (Some(_), Some(_)) => return Err("the request has several headers authorization"),
    };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the header authorization is not of the form Bearer TOKEN");
    }
    Ok(token)
}

fn check_claims(
    claims: &[(String, Value)],
    issuer: &TokenIssuer,
    rule: &JwtValidation,
    now: u64,
) -> Result<(), String> {
    let claim = |name: &str| claims.iter().find(|(held, _)| held == name).map(|(_, value)| value);
    match claim("iss") {
        Some(Value::String(iss)) if *iss == issuer.issuer => {}
        Some(Value::String(iss)) => {
            return Err(format!("its iss is {}, expected {}", quoted(iss), quoted(&issuer.issuer)));
        }
        _ => return Err("its iss is missing or not a text".to_owned()),
    }
    match claim("exp").and_then(Value::as_u64) {
        Some(exp) if exp > now => {}
        Some(_) => return Err("it has expired".to_owned()),
        None => return Err("its exp is missing or not a number".to_owned()),
    }
    for name in ["nbf", "iat"] {
        match claim(name) {
            None => {}
            Some(value) if value.as_u64().is_some_and(|time| time <= now) => {}
            Some(_) => return Err(format!("its {name} is ahead, or not a number; compare the clocks")),
        }
    }
    // The value of a claim is not for the log.
    match rule.claims.iter().find(|required| !required.fits(claim(&required.name))) {
        Some(required) => {
            Err(format!("its claim {} does not have the values and the format of the rule", quoted(&required.name)))
        }
        None => Ok(()),
    }
}

fn invalid(reason: &str) -> OidcError {
    OidcError::invalid(Step::BearerToken, reason)
}
