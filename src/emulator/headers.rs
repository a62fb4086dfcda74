//! The load balancer's headers and its signing keys.

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{config::ReservedClaims, session::Session};
use crate::internal::{
    ACCESS_TOKEN, Arc, DATA, IDENTITY, Mutex, OidcHeaders,
    signer::{AlbSigner, Members, TOKEN_LIFETIME, TokenOrigin, payload, to_json},
};

/// Maximum number of public keys that are kept; the oldest is dropped first. At the shortest
/// rotation interval of one second, a key stays long enough for the life of its tokens and the
/// verifiers' wait.
const MAX_KEYS: usize = 256;

/// Signs as a load balancer does, and keeps the public keys of the tokens that it signed.
pub(super) struct LoadBalancer {
    pub(super) signer: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    reserved_claims: ReservedClaims,
    key: ArcSwap<AlbSigner>,
    /// Kid and PEM of every key; the one in use is the last.
    public: Mutex<Vec<(String, String)>>,
}

impl LoadBalancer {
    pub(super) fn new(
        signer: String,
        issuer: String,
        client_id: String,
        reserved_claims: ReservedClaims,
    ) -> Result<Self, String> {
        let key = AlbSigner::generate().map_err(|_| "the operating system provides no random bytes".to_owned())?;
        let public = Mutex::new(vec![(key.kid().to_owned(), key.public_key_pem())]);
        Ok(Self { signer, issuer, client_id, reserved_claims, key: ArcSwap::from_pointee(key), public })
    }

    /// Removes the headers that only a load balancer may set, including look-alikes with
    /// underscores.
    pub(super) fn strip(headers: &mut HeaderMap) {
        let found = OidcHeaders::scan(headers).to_strip();
        found.strip_all(headers);
    }

    /// Sets the three headers of this user. As at a load balancer, every request gets a new token.
    pub(super) fn sign_in(&self, headers: &mut HeaderMap, session: &Session, now: u64) -> Result<(), &'static str> {
        let key = self.key.load_full();
        let expires_at = now.saturating_add(TOKEN_LIFETIME);
        let origin = TokenOrigin { signer: &self.signer, issuer: &self.issuer, client_id: &self.client_id };
        let header = to_json(&key.header(origin, expires_at));
        let payload = to_json(&self.payload(&session.claims, expires_at));
        let token = key.sign(header.as_bytes(), payload.as_bytes(), true).map_err(|_| "the token cannot be signed")?;
        let values =
            [(DATA, token.as_str()), (IDENTITY, session.subject.as_str()), (ACCESS_TOKEN, &session.access_token)];
        for (name, value) in values {
            // UTF-8 included, which a subject may contain.
            let mut value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| "sub or access token is not a valid header value")?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }

    /// The claims of userinfo, with `exp` and `iss` once each.
    fn payload(&self, userinfo: &[(String, Value)], expires_at: u64) -> Members {
        let is_reserved = |name: &str| matches!(name, "exp" | "iss");
        let others: Members = userinfo.iter().filter(|(name, _)| !is_reserved(name)).cloned().collect();
        let mut payload = payload(&others, &self.issuer, expires_at);
        if self.reserved_claims == ReservedClaims::Keep {
            for (name, value) in userinfo.iter().filter(|(name, _)| is_reserved(name)) {
                if let Some((_, held)) = payload.iter_mut().find(|(held, _)| held == name) {
                    held.clone_from(value);
                }
            }
        }
        payload
    }

    /// Rotates the signing key. Returns the new kid.
    pub(super) fn rotate(&self) -> Result<String, String> {
        let key = AlbSigner::generate().map_err(|_| "the operating system provides no random bytes".to_owned())?;
        let kid = key.kid().to_owned();
        {
            // Published before it signs.
            let mut public = self.public.lock();
            public.push((kid.clone(), key.public_key_pem()));
            let over = public.len().saturating_sub(MAX_KEYS);
            public.drain(..over);
        }
        self.key.store(Arc::new(key));
        Ok(kid)
    }

    /// The kid of the signing key.
    pub(super) fn kid(&self) -> String {
        self.key.load().kid().to_owned()
    }

    /// The public key with this kid.
    pub(super) fn public_key(&self, kid: &str) -> Option<String> {
        self.public.lock().iter().find(|(held, _)| held == kid).map(|(_, pem)| pem.clone())
    }
}
