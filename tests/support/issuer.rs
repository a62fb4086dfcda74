//! An identity provider on loopback, of which the layer verifies access tokens: a discovery document, keys, and tokens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The provider. Its server ends with it.
pub struct Issuer {
    pub url: String,
    state: Arc<Served>,
    task: JoinHandle<()>,
}

struct Served {
    url: String,
    keys: Mutex<Vec<SigningKey>>,
    /// The status of all responses, if it is not 200.
    failure: Mutex<Option<StatusCode>>,
    /// A discovery document instead of the right one.
    discovery: Mutex<Option<Value>>,
    key_fetches: AtomicUsize,
}

/// A key of the provider.
#[derive(Clone)]
pub struct SigningKey {
    pub kid: String,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>),
}

impl SigningKey {
    pub fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        Self { kid: kid.to_owned(), pair: Pair::Rsa(Arc::new(pair)) }
    }

    pub fn ec(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("an EC key");
        Self { kid: kid.to_owned(), pair: Pair::Ec(Arc::new(pair)) }
    }

    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// The public key as its issuer publishes it.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(_) => {
                json!({ "kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": encode(self.public()), "e": "AQAB" })
            }
            Pair::Ec(_) => {
                let point = self.public();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256", "x": x, "y": y })
            }
        }
    }

    /// The modulus, or the point.
    pub fn public(&self) -> &[u8] {
        match &self.pair {
            // RSAPublicKey (RFC 8017 A.1.1) of 2048 bits: the modulus follows 9 bytes, the exponent is 65537.
            Pair::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                assert_eq!(
                    (&der[..9], &der[265..]),
                    (&b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00"[..], &b"\x02\x03\x01\x00\x01"[..])
                );
                &der[9..265]
            }
            Pair::Ec(pair) => pair.public_key().as_ref(),
        }
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&format!("{}.{}", encode(header.to_string()), encode(claims.to_string())))
    }

    pub fn sign_text(&self, text: &str) -> String {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, text.as_bytes()).expect("a signature").as_ref().to_vec(),
        };
        format!("{text}.{}", encode(signature))
    }

    /// The JOSE header that the provider writes.
    pub fn header(&self) -> Value {
        json!({ "alg": self.alg(), "kid": self.kid, "typ": "JWT" })
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    /// With one key for RS256.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/pool", listener.local_addr().expect("an address"));
        let state = Arc::new(Served {
            url: url.clone(),
            keys: Mutex::new(vec![SigningKey::rsa("first")]),
            failure: Mutex::default(),
            discovery: Mutex::default(),
            key_fetches: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/pool/.well-known/openid-configuration", get(discovery))
            .route("/pool/keys", get(keys))
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, state, task }
    }

    pub fn key(&self) -> SigningKey {
        self.state.keys.lock().unwrap()[0].clone()
    }

    pub fn set_keys(&self, keys: impl Into<Vec<SigningKey>>) {
        *self.state.keys.lock().unwrap() = keys.into();
    }

    /// Lets every response have this status; `None`: 200.
    pub fn fail_with(&self, status: Option<StatusCode>) {
        *self.state.failure.lock().unwrap() = status;
    }

    pub fn set_discovery(&self, document: Value) {
        *self.state.discovery.lock().unwrap() = Some(document);
    }

    /// How often the keys were requested.
    pub fn key_fetches(&self) -> usize {
        self.state.key_fetches.load(Ordering::SeqCst)
    }

    /// A token with these claims, by the first key.
    pub fn token(&self, claims: &Value) -> String {
        let key = self.key();
        key.sign(&key.header(), claims)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn discovery(State(state): State<Arc<Served>>) -> impl IntoResponse {
    let url = &state.url;
    let document = state.discovery.lock().unwrap().clone();
    let document = document.unwrap_or_else(|| json!({ "issuer": url, "jwks_uri": format!("{url}/keys?set=all") }));
    (state.status(), document.to_string())
}

async fn keys(State(state): State<Arc<Served>>) -> impl IntoResponse {
    state.key_fetches.fetch_add(1, Ordering::SeqCst);
    let keys: Vec<Value> = state.keys.lock().unwrap().iter().map(SigningKey::jwk).collect();
    (state.status(), json!({ "keys": keys }).to_string())
}

impl Served {
    fn status(&self) -> StatusCode {
        self.failure.lock().unwrap().unwrap_or(StatusCode::OK)
    }
}
