//! The routes of the auth backend. What they answer stands in the [module above](super).
//!
//! A request passes, from outside to inside:
//!
//! | step | what it does |
//! |---|---|
//! | [`site::cors`] | says to browsers whose pages may read the answer; answers their preflight requests |
//! | [`error::shaped`] | writes an [`error::ApiError`] out, with the request's method and path |
//! | axum's routing | by exact path and method; what is written in an odd way is unknown |
//! | [`site::OwnSite`], [`site::MaySignOut`] | arguments of handlers that act for a user: no stranger's page comes past them |
//! | the handler | |

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
    Router,
    body::Body,
    extract::{Request, State},
    http::Response,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::{MethodRouter, any, get, post},
};
use tower_service::Service;

use self::site::MaySignOut;
use super::BackstageAuth;

/// All paths that no other route takes. A route and no fallback: axum forgets a nested router's fallback where the router
/// around it is nested too and has none.
const ALL: &str = "/{*rest}";

/// The routes below `/api/auth`, to be nested there, outside any [`AlbAuthLayer`](crate::AlbAuthLayer). What it answers
/// stands in the [module's](super) tables.
pub fn router(auth: BackstageAuth) -> Router {
    finished(with_guest(ours()).route("/", any(fallback::unknown)).route(ALL, any(fallback::unknown)), auth)
}

/// As [`router`], and hands all that is not ours on to this service: to a stock auth backend with the other providers, for
/// instance.
///
/// Ours are `/awsalb` and `/.well-known` with all below them, `/v1/userinfo`, `/.backstage/auth/v1/jwks.json`, and `/guest`
/// where guests are allowed. The service sees other requests as they came, with the path below the mount, their
/// `x-amzn-oidc-*` headers included. It never sees a path that could be read as one of ours: with `%`, `\`, `;`, `//`, a dot
/// segment or a letter that is not ASCII, or one of ours in capitals.
pub fn router_with_fallback<S>(auth: BackstageAuth, others: S) -> Router
where
    S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let guests = auth.guest().is_some();
    let routes = if guests { with_guest(ours()) } else { ours() };
    let others = Router::new()
        .route_service("/", others.clone())
        .route_service(ALL, others)
        .layer(from_fn_with_state(guests, fallback::of_others_alone))
        .layer(from_fn(error::shaped));
    // Without our CORS: it has its own.
    finished(routes, auth).merge(others)
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
    ["/awsalb", "/.well-known"].into_iter().fold(router, nothing_else_below)
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

async fn sign_out(State(auth): State<BackstageAuth>, _may: MaySignOut) -> Response<Body> {
    auth.sign_out().ended()
}
