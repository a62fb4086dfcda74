//! A provider that says what a test wants it to say.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_alb_auth::emulator::{EmulatorConfig, Endpoints, IdentityProvider};

/// What it answers, each part of which a test may change.
#[derive(Clone)]
pub struct Script {
    pub token_status: u16,
    pub token: Value,
    pub id_token: Value,
    pub id_token_header: Value,
    /// Signs with a key that it does not publish.
    pub foreign_key: bool,
    pub userinfo_status: u16,
    pub userinfo: Value,
    /// Keeps silent at this path.
    pub silent: Option<&'static str>,
    /// More keys of its set, before its own.
    pub more_keys: Vec<Value>,
    /// What its own key says that it is for.
    pub key_algorithm: &'static str,
    /// Where the token endpoint sends its clients.
    pub token_location: Option<String>,
}

/// A form of the token endpoint, and the header `authorization`.
pub type Asked = (HashMap<String, String>, Option<String>);

#[derive(Clone)]
pub struct Scripted(Arc<Inner>);

struct Inner {
    issuer: String,
    key: Mutex<EcdsaKeyPair>,
    foreign: EcdsaKeyPair,
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
}

pub const SUBJECT: &str = "subject-1";

impl Scripted {
    pub async fn start(now: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Script {
            token_status: 200,
            token: json!({ "access_token": "access-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-1" }),
            id_token: json!({ "iss": issuer, "sub": SUBJECT, "aud": "alb-emulator", "exp": now + 600, "iat": now }),
            id_token_header: json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }),
            foreign_key: false,
            userinfo_status: 200,
            userinfo: json!({ "sub": SUBJECT, "email": "jane@example.com", "name": "Jane" }),
            silent: None,
            more_keys: Vec::new(),
            key_algorithm: "ES256",
            token_location: None,
        };
        let (key, foreign) = (Mutex::new(new_key()), new_key());
        let inner = Inner { issuer, key, foreign, script: Mutex::new(script), asked: Mutex::default() };
        let scripted = Self(Arc::new(inner));
        let app = Router::new()
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/jwks", get(jwks))
            .with_state(scripted.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        scripted
    }

    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.0.script.lock().unwrap());
    }

    /// As after a restart: another key, of the same id.
    pub fn change_key(&self) {
        *self.0.key.lock().unwrap() = new_key();
    }

    fn script(&self) -> Script {
        self.0.script.lock().unwrap().clone()
    }

    /// What the token endpoint was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    pub fn endpoints(&self) -> Endpoints {
        let at = |path: &str| format!("{}{path}", self.0.issuer);
        Endpoints {
            issuer: self.0.issuer.clone(),
            authorization: at("/authorize"),
            token: at("/token"),
            userinfo: at("/userinfo"),
            jwks: at("/jwks"),
        }
    }

    pub fn configure(&self, config: EmulatorConfig) -> EmulatorConfig {
        config.provider(IdentityProvider::endpoints(self.endpoints())).client("alb-emulator", "s:ecret%")
    }

    async fn silence(&self, path: &str) {
        if self.script().silent == Some(path) {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    }
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

async fn token(
    State(scripted): State<Scripted>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    scripted.silence("/token").await;
    let authorization = headers.get("authorization").map(|value| value.to_str().expect("ASCII").to_owned());
    scripted.0.asked.lock().unwrap().push((form, authorization));
    let script = scripted.script();
    let mut answer = script.token;
    if let (Value::Object(members), false) = (&mut answer, script.id_token.is_null()) {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&script.id_token_header), encode(&script.id_token));
        let own = scripted.0.key.lock().unwrap();
        let key = if script.foreign_key { &scripted.0.foreign } else { &*own };
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        members.insert("id_token".to_owned(), json!(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))));
    }
    let status = StatusCode::from_u16(script.token_status).expect("a status");
    match script.token_location {
        Some(location) => (status, [("location", location)]).into_response(),
        None => (status, Json(answer)).into_response(),
    }
}

async fn userinfo(State(scripted): State<Scripted>) -> Response {
    scripted.silence("/userinfo").await;
    let script = scripted.script();
    (StatusCode::from_u16(script.userinfo_status).expect("a status"), Json(script.userinfo)).into_response()
}

async fn jwks(State(scripted): State<Scripted>) -> Json<Value> {
    let script = scripted.script();
    let point = scripted.0.key.lock().unwrap().public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(32);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let own = json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": script.key_algorithm, "x": encode(x), "y": encode(y),
    });
    let keys: Vec<Value> = script.more_keys.into_iter().chain([own]).collect();
    Json(json!({ "keys": keys }))
}
