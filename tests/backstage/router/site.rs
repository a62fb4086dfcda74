//! The auth backend on a free port, nested at `/api/auth`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthLayer,
    backstage::{
        BackstageAuth, BackstageAuthBuilder, TokenIssuer, router,
        store::{
            MemoryPublicKeys, MemoryUserInfo, PublicKeyStore, StoreError, StoreFuture, StoredKey, UserInfo,
            UserInfoStore,
        },
    },
    test_util::{MockAlb, MockRequest, TestClock, User},
};

use crate::support::wire::{Answer, Caller, Http};

/// The origin of the auth backend, and of the front end that it serves.
pub const ORIGIN: &str = "https://backstage.example.com";
/// The message of each response to a user who is signed in and rejected.
pub const SAYS_403: &str = "You are signed in, but this application does not let you in.";

pub struct Site {
    pub alb: MockAlb,
    pub clock: TestClock,
    pub tokens: TokenIssuer,
    pub stores: Stores,
    caller: Caller,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub async fn with(configure: impl FnOnce(BackstageAuthBuilder) -> BackstageAuthBuilder) -> Self {
        Self::of(MockAlb::layer, configure).await
    }

    /// With the layer that this makes of the load balancer.
    pub async fn of(
        layer: impl FnOnce(&MockAlb) -> AlbAuthLayer,
        configure: impl FnOnce(BackstageAuthBuilder) -> BackstageAuthBuilder,
    ) -> Self {
        Self::serve(layer, configure, |auth| Router::new().nest("/api/auth", router(auth))).await
    }

    /// With the application that this makes of the auth backend.
    pub async fn serve(
        layer: impl FnOnce(&MockAlb) -> AlbAuthLayer,
        configure: impl FnOnce(BackstageAuthBuilder) -> BackstageAuthBuilder,
        app: impl FnOnce(BackstageAuth) -> Router,
    ) -> Self {
        // 2026-01-01T00:00:00Z.
        let clock = TestClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
        let alb = MockAlb::new().with_clock(&clock);
        let stores = Stores::default();
        let tokens = TokenIssuer::builder(format!("{ORIGIN}/api/auth")).clock(clock.clone()).user_keys(stores.clone());
        let tokens = tokens.build().expect("a sound configuration");
        let builder = BackstageAuth::builder(layer(&alb).handle(), tokens.clone()).user_info(stores.clone());
        let app = app(configure(builder).build().expect("a sound configuration"));
        Self { alb, clock, tokens, stores, caller: Caller::new(Http::One, listen(app).await) }
    }

    /// A request below `/api/auth`, without a user so far.
    pub fn request(&self, path: &str) -> MockRequest<'_> {
        self.alb.request(&format!("/api/auth{path}"))
    }

    pub async fn call(&self, request: MockRequest<'_>) -> Answer {
        self.caller.call(request).await
    }

    /// With a body.
    pub async fn send(&self, request: http::Request<String>) -> Answer {
        self.caller.call(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(self.request(path)).await
    }

    pub async fn refresh(&self, user: &User) -> Answer {
        self.call(self.request("/awsalb/refresh").user(user)).await
    }

    /// The Backstage token that a user gets.
    pub async fn token(&self, user: &User) -> String {
        token(&self.refresh(user).await)
    }

    pub async fn user_info(&self, token: &str) -> Answer {
        self.call(self.request("/v1/userinfo").header("authorization", format!("Bearer {token}"))).await
    }
}

/// Serves an application on a free port.
pub async fn listen(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

pub fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("JSON: {answer:?}"))
}

/// The Backstage token in a session.
pub fn token(answer: &Answer) -> String {
    json(answer)["backstageIdentity"]["token"].as_str().expect("a token").to_owned()
}

/// Status, headers in their order and body, with what differs from run to run named.
pub fn shown(answer: &Answer) -> String {
    let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")));
    let mut headers: Vec<String> = headers.collect();
    headers.sort();
    let mut body = answer.body.clone();
    if let Some(token) = serde_json::from_str::<Value>(&body)
        .ok()
        .and_then(|v| v["backstageIdentity"]["token"].as_str().map(str::to_owned))
    {
        body = body.replace(&token, "<JWT>");
    }
    format!("{}\n{}\n\n{body}", answer.status.as_u16(), headers.join("\n"))
}

/// What an error says: its name and its sentence.
pub fn said(answer: &Answer) -> (u16, String, String) {
    let body = json(answer);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert_eq!(body["response"]["statusCode"], answer.status.as_u16());
    (answer.status.as_u16(), text(&body["error"]["name"]), text(&body["error"]["message"]))
}

/// Stores in memory that can be out of reach.
#[derive(Clone, Default)]
pub struct Stores {
    keys: MemoryPublicKeys,
    users: MemoryUserInfo,
    pub keys_down: Arc<AtomicBool>,
    pub users_down: Arc<AtomicBool>,
}

fn down<T: Send>(switch: &AtomicBool) -> Option<StoreFuture<'static, T>> {
    let error = || StoreError::new("the connection to the database was refused");
    switch.load(Ordering::SeqCst).then(|| Box::pin(async move { Err(error()) }) as _)
}

impl PublicKeyStore for Stores {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        down(&self.keys_down).unwrap_or_else(|| self.keys.publish(key))
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        down(&self.keys_down).unwrap_or_else(|| self.keys.list())
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        down(&self.keys_down).unwrap_or_else(|| self.keys.remove(kids))
    }
}

impl UserInfoStore for Stores {
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()> {
        down(&self.users_down).unwrap_or_else(|| self.users.put(info, expires_at))
    }

    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        down(&self.users_down).unwrap_or_else(|| self.users.find(user_entity_ref))
    }
}
