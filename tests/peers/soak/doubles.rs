//! What stands around the services: the key endpoint, the catalog, and the services behind the proxies. Each can misbehave.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tower_alb_auth::test_util::MockAlb;

/// The kids of other people's load balancers begin with this. All of them exist.
pub const FOREIGN: &str = "f0000000-";

/// How a server behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Right,
    After(Duration),
    Status(u16),
    Body(String),
    /// The connection ends without a response.
    Reset,
    /// Only the key endpoint: it does not know the newest key yet.
    Behind,
}

pub type SharedMode = Arc<Mutex<Mode>>;

async fn serve(app: Router) -> SocketAddr {
    let listener = tower_alb_auth::listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A body that ends with an error, which closes the connection.
fn reset() -> Response {
    let broken = futures::stream::iter([Err::<String, _>(std::io::Error::other("reset"))]);
    Response::new(axum::body::Body::from_stream(broken))
}

/// The key endpoint of a region: the keys of one load balancer, and of others.
#[derive(Clone)]
pub struct Keys {
    pub url: String,
    pub mode: SharedMode,
    known: Arc<Mutex<Vec<(String, String)>>>,
    /// Whose key the foreign kids name.
    pub stranger: MockAlb,
}

impl Keys {
    pub async fn start() -> Self {
        let mut keys =
            Self { url: String::new(), mode: Arc::default(), known: Arc::default(), stranger: MockAlb::new() };
        let app = Router::new().route("/{kid}", get(key)).with_state(keys.clone());
        keys.url = format!("http://{}", serve(app).await);
        keys
    }

    pub fn add(&self, alb: &MockAlb) {
        self.known.lock().unwrap().push((alb.kid().to_owned(), alb.public_key_pem()));
    }

    fn found(&self, kid: &str) -> Option<String> {
        if kid.starts_with(FOREIGN) {
            return Some(self.stranger.public_key_pem());
        }
        self.known.lock().unwrap().iter().find(|(known, _)| known == kid).map(|(_, pem)| pem.clone())
    }
}

async fn key(State(keys): State<Keys>, Path(kid): Path<String>) -> Response {
    let mode = keys.mode.lock().unwrap().clone();
    match mode {
        Mode::Right => {}
        Mode::After(time) => tokio::time::sleep(time).await,
        Mode::Status(status) => return StatusCode::from_u16(status).expect("a status").into_response(),
        Mode::Body(text) => return text.into_response(),
        Mode::Reset => return reset(),
        Mode::Behind => {
            let newest = keys.known.lock().unwrap().last().is_some_and(|(newest, _)| *newest == kid);
            if newest {
                return StatusCode::FORBIDDEN.into_response();
            }
        }
    }
    keys.found(&kid).map_or(StatusCode::FORBIDDEN.into_response(), IntoResponse::into_response)
}

/// Backstage's catalog, with a user of each name.
#[derive(Clone, Default)]
pub struct Catalog {
    pub url: String,
    pub mode: SharedMode,
}

impl Catalog {
    pub async fn start() -> Self {
        let mut catalog = Self::default();
        let app = Router::new()
            .route("/api/catalog/entities/by-name/User/default/{name}", get(entity))
            .with_state(catalog.clone());
        catalog.url = format!("http://{}/api/catalog", serve(app).await);
        catalog
    }
}

/// An entity of the kind user, as the catalog returns it.
pub fn user(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "profile": { "email": format!("{name}@example.com") } },
        "relations": [{ "type": "memberOf", "targetRef": format!("group:default/team-of-{name}") }],
    })
}

async fn entity(State(catalog): State<Catalog>, Path(name): Path<String>) -> Response {
    let mode = catalog.mode.lock().unwrap().clone();
    match mode {
        Mode::After(time) => tokio::time::sleep(time).await,
        Mode::Status(status) => return StatusCode::from_u16(status).expect("a status").into_response(),
        Mode::Body(text) => return ([("content-type", "application/json")], text).into_response(),
        Mode::Reset => return reset(),
        Mode::Right | Mode::Behind => {}
    }
    Json(user(&name)).into_response()
}

/// A service that says which user its request names.
pub async fn service() -> SocketAddr {
    serve(Router::new().fallback(async |request: Request| {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Json(json!({ "user": text("x-webauth-user"), "path": request.uri().path() }))
    }))
    .await
}

/// gRPC's health service, which says which user its request names in the metadata of its response.
pub async fn grpc_service() -> SocketAddr {
    let (_, health) = tonic_health::server::health_reporter();
    let say = axum::middleware::from_fn(async |request: Request, next: axum::middleware::Next| {
        let user = request.headers().get("x-webauth-user").cloned();
        let mut response = next.run(request).await;
        if let Some(user) = user {
            response.headers_mut().insert("x-seen", user);
        }
        response
    });
    serve(tonic::service::Routes::new(health).into_axum_router().layer(say)).await
}
