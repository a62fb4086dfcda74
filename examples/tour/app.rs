//! The application: what any axum service behind such a load balancer looks like.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, BackstageIdentity, ConfigError, EntityRef,
    sign_in::{EmailLocalPart, FirstMatch, GroupOwnership, Subject},
};

use crate::pages::{self, Page};

/// Whoever may see the admin page.
pub const ADMINS: &str = "group:default/platform-admins";

/// Paths that the load balancer forwards without asking who it is.
pub const PUBLIC_PATHS: [&str; 4] = ["/goodbye", "/sign-out", "/style.css", "/icon.svg"];

/// A load balancer's session: up to four cookies.
const SESSION_COOKIES: [&str; 4] = [
    "AWSELBAuthSessionCookie-0",
    "AWSELBAuthSessionCookie-1",
    "AWSELBAuthSessionCookie-2",
    "AWSELBAuthSessionCookie-3",
];

/// Who becomes whom: staff by their address, staff without one by their subject in a namespace of its own, guests not at all.
/// What the provider calls `platform-admins` is a group here too.
pub fn sign_in(config: AlbAuthConfigBuilder) -> Result<AlbAuthConfig, ConfigError> {
    let users = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new().in_namespace("by-subject"));
    config.sign_in(GroupOwnership::of(users).map("platform-admins", ADMINS)).build()
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
    pub fn goodbye(&self) -> String {
        format!("{}/goodbye", self.url)
    }
}

pub fn application(layer: AlbAuthLayer, site: Site) -> Router {
    let refusals = site.clone();
    let protected = Router::new()
        .route("/", get(profile))
        .route("/admin", get(admin))
        .route("/api/me", get(me))
        .fallback(nothing)
        .layer(layer.refuse_with(move |error, _| pages::refusal(error.status(), &refusals).into_response()));
    // Outside of the layer, since nobody need be signed in.
    Router::new()
        .route("/goodbye", get(goodbye))
        .route("/sign-out", post(sign_out))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE) }))
        .route("/icon.svg", get(|| async { ([(header::CONTENT_TYPE, "image/svg+xml")], pages::ICON) }))
        .merge(protected)
        .with_state(site)
}

async fn profile(user: BackstageIdentity, State(site): State<Site>) -> Page {
    pages::profile(&user, &site)
}

/// Ownership decides, as it would in any other handler.
async fn admin(user: BackstageIdentity, State(site): State<Site>) -> Result<Page, Response> {
    let admins: EntityRef = ADMINS.parse().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
    if user.owns(&admins) {
        Ok(pages::admin(&user, &site))
    } else {
        Err((StatusCode::FORBIDDEN, pages::not_for_you(&user, &site)).into_response())
    }
}

/// The same for programs. The load balancer answers 401 here to whoever has no session, where a page would be redirected.
async fn me(user: BackstageIdentity) -> Json<Value> {
    let owns: Vec<&str> = user.ownership_entity_refs().iter().map(EntityRef::as_str).collect();
    Json(json!({ "user": user.user_entity_ref().as_str(), "name": user.profile().display_name(), "owns": owns }))
}

async fn nothing(_: BackstageIdentity, State(site): State<Site>) -> impl IntoResponse {
    (StatusCode::NOT_FOUND, pages::not_found(&site))
}

/// Ends the load balancer's session by expiring its cookies, then the provider's. Doing only the first would sign the user in
/// again at the next click, without a question.
async fn sign_out(State(site): State<Site>, headers: HeaderMap) -> Response {
    // Browsers say whose form it was. Nobody else is to sign our users out.
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(from, None | Some(b"same-origin" | b"none")) {
        return (StatusCode::FORBIDDEN, "this form belongs to another site\n").into_response();
    }
    let expired = |name: &str| -> (HeaderName, String) {
        (header::SET_COOKIE, format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"))
    };
    let provider = format!(
        "{}/logout?client_id={}&post_logout_redirect_uri={}",
        site.provider,
        pages::in_query(&site.client_id),
        pages::in_query(&site.goodbye())
    );
    (AppendHeaders(SESSION_COOKIES.map(expired)), Redirect::to(&provider)).into_response()
}

async fn goodbye(State(site): State<Site>) -> Page {
    pages::goodbye(&site)
}
