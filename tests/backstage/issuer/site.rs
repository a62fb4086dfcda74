//! What the tests share: a store that can fail, tokens taken apart, a back end as the stock ones are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc, jwk::Jwk};
use serde_json::Value;
use tower_alb_auth::{
    Clock, EntityRef,
    backstage::{
        PublicJwk, TokenIssuer, TokenIssuerBuilder,
        store::{MemoryPublicKeys, PublicKeyStore, StoreError, StoreFuture, StoredKey},
    },
    test_util::TestClock,
};

pub const ISSUER: &str = "https://backstage.example.com/api/auth";
pub const MINUTE: Duration = Duration::from_secs(60);

pub fn second(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn jane() -> EntityRef {
    "user:default/jane.doe".parse().unwrap()
}

pub fn builder(clock: &TestClock) -> TokenIssuerBuilder {
    TokenIssuer::builder(ISSUER).clock(clock.clone())
}

/// A token of that issuer for Jane.
pub async fn token(issuer: &TokenIssuer) -> String {
    issuer.user_token(&jane(), &[jane()]).await.unwrap().expose().to_owned()
}

/// Lets what was started beside a request come to its end.
pub async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

pub fn kids(keys: &[PublicJwk]) -> Vec<String> {
    keys.iter().map(|key| key.kid().to_owned()).collect()
}

/// A segment of a token, decoded.
pub fn segment(token: &str, index: usize) -> String {
    let segment = token.split('.').nth(index).expect("three segments");
    String::from_utf8(URL_SAFE_NO_PAD.decode(segment).expect("base64url")).expect("UTF-8")
}

pub fn json(token: &str, index: usize) -> Value {
    serde_json::from_str(&segment(token, index)).expect("JSON")
}

pub fn kid(token: &str) -> String {
    json(token, 0)["kid"].as_str().expect("a kid").to_owned()
}

/// The limited token in a full one, as a stock back end makes it.
pub fn limited(token: &str) -> String {
    let (header, claims) = (json(token, 0), json(token, 1));
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = format!(r#"{{"typ":"vnd.backstage.limited-user","alg":{},"kid":{}}}"#, header["alg"], header["kid"]);
    let payload = format!(r#"{{"sub":{},"iat":{},"exp":{}}}"#, claims["sub"], claims["iat"], claims["exp"]);
    format!("{}.{}.{}", encode(header), encode(payload), claims["uip"].as_str().expect("a uip"))
}

/// Whether the signature is right, by a library that knows nothing of ours. By its parts, since its `decode` goes through a
/// provider of the whole process. Times are the business of the tests.
pub fn is_signed_by(token: &str, keys: &[PublicJwk]) -> bool {
    let kid = kid(token);
    let Some(key) = keys.iter().find(|key| key.kid() == kid) else { return false };
    let key: Jwk = serde_json::from_str(key.json()).expect("a JWK");
    let (signing_input, signature) = token.rsplit_once('.').expect("three segments");
    let key = DecodingKey::from_jwk(&key).expect("a key");
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key).expect("a verifier");
    verifier.verify(signing_input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).expect("base64url")).is_ok()
}

/// A back end as the stock ones are: holds a key set for ten minutes, and asks for a kid that is not in it, but not within
/// thirty seconds of having asked.
#[derive(Default)]
pub struct BackEnd {
    held: Option<(Vec<PublicJwk>, SystemTime)>,
}

impl BackEnd {
    /// Whether it takes this token; asks that replica for keys where it needs some.
    pub async fn takes(&mut self, token: &str, replica: &TokenIssuer, clock: &TestClock) -> bool {
        let age = |at: SystemTime| clock.now().duration_since(at).unwrap();
        let fresh_enough = self.held.take_if(|(_, at)| age(*at) < 10 * MINUTE);
        let kid = kid(token);
        self.held = match fresh_enough {
            Some((keys, at)) if keys.iter().any(|key| key.kid() == kid) || age(at) < second(30) => Some((keys, at)),
            _ => Some((replica.public_keys().await.unwrap(), clock.now())),
        };
        self.held.as_ref().is_some_and(|(keys, _)| is_signed_by(token, keys))
    }
}

/// A store that fails, hangs and counts.
#[derive(Clone, Default)]
pub struct Store {
    pub keys: MemoryPublicKeys,
    pub down: Arc<AtomicBool>,
    /// Responds only when it is released.
    pub slow: Arc<tokio::sync::Mutex<()>>,
    pub lists: Arc<AtomicUsize>,
    pub publications: Arc<AtomicUsize>,
}

impl Store {
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn lists(&self) -> usize {
        self.lists.load(Ordering::SeqCst)
    }

    pub fn publications(&self) -> usize {
        self.publications.load(Ordering::SeqCst)
    }

    pub async fn rows(&self) -> Vec<StoredKey> {
        self.keys.list().await.unwrap()
    }

    async fn answer(&self) -> Result<(), StoreError> {
        drop(self.slow.lock().await);
        if self.down.load(Ordering::SeqCst) { Err(StoreError::new("the database is down")) } else { Ok(()) }
    }
}

impl PublicKeyStore for Store {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        self.publications.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.answer().await?;
            self.keys.publish(key).await
        })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.answer().await?;
            self.keys.list().await
        })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.answer().await?;
            self.keys.remove(kids).await
        })
    }
}
