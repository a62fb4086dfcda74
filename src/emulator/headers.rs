//! The load balancer's headers, and its keys.

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};

use super::session::Session;
use crate::internal::{
    ACCESS_TOKEN, Arc, DATA, IDENTITY, Mutex, OidcHeaders,
    signer::{AlbSigner, TOKEN_LIFETIME, TokenOrigin, payload, to_json},
};

/// So many public keys are given; the oldest goes first. With a rotation each second, which is the shortest interval, a key is
/// there for as long as a token by it lives and verifiers wait.
const MAX_KEYS: usize = 256;

/// Signs as a load balancer does, and knows the public keys of what it signed.
pub(super) struct LoadBalancer {
    pub(super) signer: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    key: ArcSwap<AlbSigner>,
    /// Kid and PEM of every key, the one in use last.
    public: Mutex<Vec<(String, String)>>,
}

impl LoadBalancer {
    pub(super) fn new(signer: String, issuer: String, client_id: String) -> Result<Self, String> {
        let key = AlbSigner::generate().map_err(|_| "the system gives no random bytes".to_owned())?;
        let public = Mutex::new(vec![(key.kid().to_owned(), key.public_key_pem())]);
        Ok(Self { signer, issuer, client_id, key: ArcSwap::from_pointee(key), public })
    }

    /// Takes off whatever a client sent in the load balancer's name, look-alikes with underscores included.
    pub(super) fn strip(headers: &mut HeaderMap) {
        let found = OidcHeaders::scan(headers).to_strip();
        found.strip_all(headers);
    }

    /// The three headers of this user. The token is signed anew each time, as a load balancer does.
    pub(super) fn sign_in(&self, headers: &mut HeaderMap, session: &Session, now: u64) -> Result<(), &'static str> {
        let key = self.key.load_full();
        let expires_at = now.saturating_add(TOKEN_LIFETIME);
        let origin = TokenOrigin { signer: &self.signer, issuer: &self.issuer, client_id: &self.client_id };
        let header = to_json(&key.header(origin, expires_at));
        let payload = to_json(&payload(&session.claims, &self.issuer, expires_at));
        let token = key.sign(header.as_bytes(), payload.as_bytes(), true).map_err(|_| "the token cannot be signed")?;
        let values =
            [(DATA, token.as_str()), (IDENTITY, session.subject.as_str()), (ACCESS_TOKEN, &session.access_token)];
        for (name, value) in values {
            // Of UTF-8 too, which a subject may be.
            let mut value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| "sub or access token do not fit into a header")?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }

    /// Signs with a new key from now on. Gives its kid.
    pub(super) fn rotate(&self) -> Result<String, String> {
        let key = AlbSigner::generate().map_err(|_| "the system gives no random bytes".to_owned())?;
        let kid = key.kid().to_owned();
        {
            // Given before it signs.
            let mut public = self.public.lock();
            public.push((kid.clone(), key.public_key_pem()));
            let over = public.len().saturating_sub(MAX_KEYS);
            public.drain(..over);
        }
        self.key.store(Arc::new(key));
        Ok(kid)
    }

    /// The id of the key that signs.
    pub(super) fn kid(&self) -> String {
        self.key.load().kid().to_owned()
    }

    /// The public key of that id.
    pub(super) fn public_key(&self, kid: &str) -> Option<String> {
        self.public.lock().iter().find(|(held, _)| held == kid).map(|(_, pem)| pem.clone())
    }
}
