//! Replicas of ours, users, and who verifies their tokens.

use std::time::{Duration, SystemTime};

use axum::{Router, body::Body};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc, jwk::JwkSet};
use serde_json::Value;
use tower::ServiceExt;
use tower_alb_auth::{
    AlbAuthLayer, EntityRef,
    backstage::{
        BackstageAuth, PublicJwk, TokenIssuer, router,
        store::{StoredKey, UserInfo, postgres::Postgres},
    },
    test_util::{MockAlb, User},
};

pub const ISSUER: &str = "https://backstage.example.com/api/auth";
pub const JANE: &str = "user:default/jane.doe";
pub const USER_KEYS: &str = "/api/auth/.well-known/jwks.json";
pub const PLUGIN_KEYS: &str = "/api/auth/.backstage/auth/v1/jwks.json";

/// A replica of ours, behind a load balancer.
pub struct Replica {
    alb: MockAlb,
    app: Router,
    pub tokens: TokenIssuer,
    pub auth: BackstageAuth,
}

impl Replica {
    pub fn start(database: &Postgres) -> Self {
        Self::start_with(database, |layer| layer)
    }

    /// With the layer that this makes of the load balancer's.
    pub fn start_with(database: &Postgres, layer: impl FnOnce(AlbAuthLayer) -> AlbAuthLayer) -> Self {
        let alb = MockAlb::new();
        let tokens = TokenIssuer::builder(ISSUER)
            .user_keys(database.user_keys())
            .plugin_keys(database.plugin_keys())
            .build()
            .expect("a sound configuration");
        let auth = BackstageAuth::builder(layer(alb.layer()).handle(), tokens.clone()).user_info(database.user_info());
        let auth = auth.build().expect("a sound configuration");
        let app = Router::new().nest("/api/auth", router(auth.clone()));
        Self { alb, app, tokens, auth }
    }

    /// What Jane's browser gets.
    pub async fn session(&self) -> (u16, String) {
        self.ask(self.alb.request("/api/auth/awsalb/refresh").user(&User::jane()).body(Body::empty())).await
    }

    /// Jane's token.
    pub async fn sign_in(&self) -> String {
        let (status, session) = self.session().await;
        assert_eq!(status, 200, "{session}");
        let session: Value = serde_json::from_str(&session).expect("JSON");
        session["backstageIdentity"]["token"].as_str().expect("a token").to_owned()
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.ask(request.body(Body::empty()).expect("a request")).await
    }

    pub async fn json(&self, path: &str, token: Option<&str>) -> Value {
        let (status, text) = self.get(path, token).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
    }

    async fn ask(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.app.clone().oneshot(request).await.expect("infallible");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
    }
}

/// Somebody who has nothing but a key set, and a library of others: says whom the token is of.
#[track_caller]
pub fn verified_by(key_set: &Value, token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).expect("a header");
    let keys: JwkSet = serde_json::from_value(key_set.clone()).expect("a key set");
    let kid = header.kid.expect("a kid");
    let key =
        DecodingKey::from_jwk(keys.find(&kid).unwrap_or_else(|| panic!("{kid} is not published"))).expect("a key");
    let (input, signature) = token.rsplit_once('.').expect("a JWT");
    let decoded = |segment: &str| URL_SAFE_NO_PAD.decode(segment).expect("base64url");
    // By the library's own parts, since its `decode` goes through a provider of the whole process.
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key).expect("ES256");
    verifier.verify(input.as_bytes(), &decoded(signature)).expect("a good signature");
    let claims: Value = serde_json::from_slice(&decoded(input.split_once('.').expect("a payload").1)).expect("claims");
    claims["sub"].as_str().expect("a sub").to_owned()
}

pub fn entity(text: &str) -> EntityRef {
    text.parse().expect("an entity ref")
}

/// Jane, who is in team A.
pub fn jane() -> UserInfo {
    let refs = [JANE, "group:default/team-a"].map(entity);
    UserInfo::new(refs[0].clone(), refs)
}

/// A public key of RFC 7517, appendix A.1.
pub fn key(kid: &str, created_at: SystemTime) -> StoredKey {
    let text = format!(
        r#"{{"kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","crv":"P-256","kid":"{kid}","alg":"ES256"}}"#
    );
    StoredKey::new(PublicJwk::parse(&text).expect("a public key"), created_at, None)
}

pub fn at(unix: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix)
}

pub fn kids(keys: &[StoredKey]) -> Vec<&str> {
    keys.iter().map(|stored| stored.key.kid()).collect()
}
