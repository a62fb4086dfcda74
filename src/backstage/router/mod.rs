//! The routes of the auth backend. The [module above](super) documents their responses.
//!
//! A request passes these steps, from outside to inside:
//!
//! | step | what it does |
//! |---|---|
//! | [`site::cors`] | states which pages may read the response; responds to their preflight requests |
//! | [`error::shaped`] | writes an [`error::ApiError`], with the request's method and path |
//! | axum's routing | by exact path and method; unusual spellings are unknown paths |
//! | [`site::OwnSite`], [`site::MaySignOut`] | arguments of handlers that act for a user; they reject pages of other sites |
//! | the handler | |

mod behind;
mod discovery;
mod error;
mod fallback;
mod guest;
mod keys;
mod refresh;
mod response;
mod session;
mod site;
mod user_info;

use std::convert::Infallible;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::{MethodRouter, any, get, post},
};
use tower_service::Service;

use self::{behind::Behind, site::MaySignOut};
use super::BackstageAuth;

/// All paths that no other route matches. A route instead of a fallback, because axum drops the
/// fallback of a nested router if the router around it is nested too and has none.
const ALL: &str = "/{*rest}";

/// The routes below `/api/auth`, to be nested there, outside any
/// [`AlbAuthLayer`](crate::AlbAuthLayer). The
/// [module's](super) tables document the responses.
pub fn router(auth: BackstageAuth) -> Router {
    finished(with_guest(ours()).route("/", any(fallback::unknown)).route(ALL, any(fallback::unknown)), auth)
}

/// Like [`router`], and passes all other requests on to this service, for example to a stock auth
/// backend with other providers.
///
/// Own routes are `/awsalb` with everything below it, the key set and the discovery document of
/// `/.well-known`, `/v1/userinfo`, `/.backstage/auth/v1/jwks.json`, and `/guest` if guests are allowed. The service gets other
/// requests unchanged, with the path below the mount, including their `x-amzn-oidc-*` headers. It
/// never gets a path that could be interpreted as an own route: with `%`, `\`, `;`, `//`, a dot
/// segment or a non-ASCII character, or an own route in capitals.
///
/// The service may be an auth backend that signs in clients of its own: Backstage's command line and
/// MCP clients. So this router requests its discovery document and its key set by GET, and publishes
/// both together with the own ones: the document is the service's, with this issuer, key set and
/// userinfo, and the key set has the keys of both. A service whose response is no JSON object
/// changes neither.
pub fn router_with_fallback<S>(auth: BackstageAuth, others: S) -> Router
where
    S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let guests = auth.guest().is_some();
    let routes = if guests { with_guest(ours()) } else { ours() };
    let others = Router::new().route_service("/", others.clone()).route_service(ALL, others);
    let behind = Behind::new(others.clone());
    let others = others.layer(from_fn_with_state(guests, fallback::pass_other_paths)).layer(from_fn(error::shaped));
    // Without this crate's CORS: the service has its own.
    finished(routes, auth).layer(Extension(behind)).merge(others)
}

fn ours() -> Router<BackstageAuth> {
    let not_implemented = || get(fallback::not_implemented);
    let router = [
        ("/awsalb/refresh", get(refresh::refresh).post(refresh::refresh)),
        ("/awsalb/logout", post(sign_out)),
        ("/awsalb/start", not_implemented()),
        ("/awsalb/handler/frame", not_implemented().post(fallback::not_implemented)),
        ("/.well-known/jwks.json", get(keys::user_keys)),
        ("/.well-known/openid-configuration", get(discovery::discovery)),
        ("/.backstage/auth/v1/jwks.json", get(keys::plugin_keys)),
        ("/v1/userinfo", get(user_info::user_info)),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| with_or_without_slash(router, path, methods));
    nothing_else_below(router, "/awsalb")
}

fn with_guest(router: Router<BackstageAuth>) -> Router<BackstageAuth> {
    let router = with_or_without_slash(router, "/guest/refresh", get(guest::refresh).post(guest::refresh));
    nothing_else_below(router, "/guest")
}

fn with_or_without_slash(
    router: Router<BackstageAuth>,
    path: &str,
    methods: MethodRouter<BackstageAuth>,
) -> Router<BackstageAuth> {
    router.route(path, methods.clone()).route(&format!("{path}/"), methods)
}

fn nothing_else_below(router: Router<BackstageAuth>, path: &str) -> Router<BackstageAuth> {
    with_or_without_slash(router, path, any(fallback::unknown))
        .route(&format!("{path}/{{*rest}}"), any(fallback::unknown))
}

fn finished(routes: Router<BackstageAuth>, auth: BackstageAuth) -> Router {
    routes
        .method_not_allowed_fallback(fallback::wrong_method)
        .layer(from_fn(error::shaped))
        .layer(from_fn_with_state(auth.clone(), site::cors))
        .with_state(auth)
}

async fn sign_out(State(auth): State<BackstageAuth>, headers: HeaderMap, _may: MaySignOut) -> Response<Body> {
    auth.signed_out(&headers);
    auth.sign_out().ended()
}
