//! The application: what any axum service behind such a load balancer looks like.

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, BackstageIdentity, ConfigError, EntityRef, RequireLayer,
    SignOut,
    sign_in::{EmailLocalPart, FirstMatch, GroupOwnership, Subject},
};

use crate::pages::{self, Page};

/// Whoever may see the admin page.
pub const ADMINS: &str = "group:default/platform-admins";

/// Paths that the load balancer forwards without asking who it is.
pub const PUBLIC_PATHS: [&str; 4] = ["/goodbye", "/sign-out", "/style.css", "/icon.svg"];

/// Paths for programs, where whoever has no session gets 401 instead of a redirect.
pub const PROGRAM_PATHS: &str = "/api/*";

/// Who becomes whom: staff by their address, staff without one by their subject in a namespace of its own, guests not at all.
/// What the provider calls `platform-admins` is a group here too.
pub fn sign_in(config: AlbAuthConfigBuilder) -> Result<AlbAuthConfig, ConfigError> {
    let users =
        FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new().in_namespace("by-subject"));
    config.sign_in(GroupOwnership::of(users).claim("groups").map("platform-admins", ADMINS)).build()
}

/// What pages need to know of their surroundings.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where people find the application: the load balancer.
    pub url: String,
    /// Where they choose who they are.
    pub provider: String,
    /// The client that the load balancer is at the provider.
    pub client_id: String,
}

impl Site {
    /// Where the provider sends people after sign-out.
    pub fn goodbye(&self) -> String {
        format!("{}/goodbye", self.url)
    }
}

pub fn application(layer: AlbAuthLayer, site: Site) -> Result<Router, ConfigError> {
    // Without the provider's part, the next click would sign the user in again without a question.
    let sign_out = SignOut::builder()
        .end_session(format!("{}/logout", site.provider))
        .query("client_id", &site.client_id)
        .query("post_logout_redirect_uri", site.goodbye())
        .build()?;
    let (not_let_in, not_for_you) = (site.clone(), site.clone());
    let admins = RequireLayer::owner_of_any([ADMINS])?
        .refuse_with(move |error, _| (error.status(), pages::not_for_you(&not_for_you)).into_response());
    let for_users = Router::new()
        .route("/admin", get(admin).route_layer(admins))
        .route("/", get(profile))
        .route("/api/me", get(me))
        .fallback(nothing)
        .layer(layer.refuse_with(move |error, _| pages::not_let_in(error.status(), &not_let_in).into_response()));
    // Outside of the layer, since nobody need be signed in.
    let router = Router::new()
        .route("/goodbye", get(goodbye))
        .route(
            "/sign-out",
            post(async move |method: Method, headers: HeaderMap| -> Response<Body> {
                sign_out.answer(&method, &headers)
            }),
        )
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE)))
        .route("/icon.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], pages::ICON)));
    Ok(router.merge(for_users).with_state(site))
}

async fn profile(user: BackstageIdentity, State(site): State<Site>) -> Page {
    pages::profile(&user, &site)
}

async fn admin(user: BackstageIdentity, State(site): State<Site>) -> Page {
    pages::admin(&user, &site)
}

/// The same for programs.
async fn me(user: BackstageIdentity) -> Json<Value> {
    let owns: Vec<&str> = user.ownership_entity_refs().iter().map(EntityRef::as_str).collect();
    Json(json!({ "user": user.user_entity_ref().as_str(), "name": user.profile().display_name(), "owns": owns }))
}

async fn nothing(State(site): State<Site>) -> (StatusCode, Page) {
    (StatusCode::NOT_FOUND, pages::not_found(&site))
}

async fn goodbye(State(site): State<Site>) -> Page {
    pages::goodbye(&site)
}
