//! The application: an axum service behind a load balancer.

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

/// Members of this group may open the admin page.
pub const ADMINS: &str = "group:default/platform-admins";

/// Paths that the load balancer forwards without authentication.
pub const PUBLIC_PATHS: [&str; 4] = ["/goodbye", "/sign-out", "/style.css", "/icon.svg"];

/// Paths for programs: without a session they respond with 401 instead of a redirect.
pub const PROGRAM_PATHS: &str = "/api/*";

/// Names users by their email; users without an email by their subject, in a separate namespace. Emails of other domains are
/// rejected. The provider's group `platform-admins` becomes a Backstage group.
pub fn sign_in(config: AlbAuthConfigBuilder) -> Result<AlbAuthConfig, ConfigError> {
    let users =
        FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new().in_namespace("by-subject"));
    // Like Entra ID, the demo provider sends no email_verified for some users. This acknowledges it, which ends a warning.
    let config = config.accept_missing_email_verified();
    config.sign_in(GroupOwnership::of(users).claim("groups").map("platform-admins", ADMINS)).build()
}

/// The addresses that the pages contain.
#[derive(Debug, Clone)]
pub struct Site {
    /// The address of the application for browsers: that of the load balancer.
    pub url: String,
    /// The address of the identity provider.
    pub provider: String,
    /// The load balancer's client id at the provider.
    pub client_id: String,
}

impl Site {
    /// The page to which the provider redirects after sign-out.
    pub fn goodbye(&self) -> String {
        format!("{}/goodbye", self.url)
    }
}

pub fn application(layer: AlbAuthLayer, site: Site) -> Result<Router, ConfigError> {
    // Without the sign-out at the provider, the next request would sign the user in again without a login page.
    let sign_out = SignOut::builder()
        .end_session(format!("{}/logout", site.provider))
        .query("client_id", &site.client_id)
        .query("post_logout_redirect_uri", site.goodbye())
        .build()?;
    let (no_access, not_for_you) = (site.clone(), site.clone());
    let admins = RequireLayer::owner_of_any([ADMINS])?
        .refuse_with(move |error, _| (error.status(), pages::not_for_you(&not_for_you)).into_response());
    let for_users = Router::new()
        .route("/admin", get(admin).route_layer(admins))
        .route("/", get(profile))
        .route("/api/me", get(me))
        .fallback(nothing)
        .layer(layer.refuse_with(move |error, _| pages::no_access(error.status(), &no_access).into_response()));
    // Outside the layer: these routes need no user.
    let router = Router::new()
        .route("/goodbye", get(goodbye))
        .route(
            "/sign-out",
            post(async move |method: Method, headers: HeaderMap| -> Response<Body> {
                sign_out.response(&method, &headers)
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

/// The same as JSON.
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
