//! axum applications behind the layer, over real connections.

use std::net::SocketAddr;

use crate::support::wire::{Answer, Caller, Http, SAYS_401, SAYS_403, SAYS_500, SAYS_503};
use axum::{
    Extension, Router, ServiceExt,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tokio::net::TcpListener;
use tower::Layer;
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity, Claims,
    sign_in::ClaimsOnly,
    test_util::{KeyServerMode, MockAlb, MockRequest, User},
};

/// One route an extractor.
fn extractors() -> Router {
    Router::new()
        .route("/identity", get(|user: BackstageIdentity| async move { user.user_entity_ref().to_string() }))
        .route("/maybe-identity", get(maybe_identity))
        .route("/claims", get(|claims: Claims| async move { claims.subject().to_owned() }))
        .route("/maybe-claims", get(maybe_claims))
}

async fn maybe_identity(user: Option<BackstageIdentity>) -> String {
    user.map_or("nobody".to_owned(), |user| user.user_entity_ref().to_string())
}

async fn maybe_claims(claims: Option<Claims>) -> String {
    claims.map_or("nobody".to_owned(), |claims| claims.subject().to_owned())
}

/// Serves it on a free port until the test ends.
async fn serve(app: Router) -> Caller {
    let (listener, server) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Caller::new(Http::One, server)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn claims_only(alb: &MockAlb) -> AlbAuthLayer {
    AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration"))
}

/// A request to this path of a user.
type Somebody = for<'a> fn(&'a MockAlb, &str) -> MockRequest<'a>;

fn jane<'a>(alb: &'a MockAlb, path: &str) -> MockRequest<'a> {
    alb.request(path).user(&User::jane())
}

fn nobody<'a>(alb: &'a MockAlb, path: &str) -> MockRequest<'a> {
    alb.request(path)
}

fn forger<'a>(alb: &'a MockAlb, path: &str) -> MockRequest<'a> {
    alb.request(path).token(&MockAlb::with_keys_of(alb).sign(&User::jane()))
}

#[tokio::test]
async fn each_extractor_distinguishes_a_user_an_anonymous_client_and_a_mistake() {
    let alb = MockAlb::new().serve().await;
    let exempt = ["/identity", "/maybe-identity", "/claims", "/maybe-claims"]
        .iter()
        .fold(alb.layer(), |layer, path| layer.exempt_path(*path));
    let (identity, subject) = ((200, "user:default/jane.doe"), (200, "AAAAAAAAAAAAAAAAAAAAAIjane.doe"));
    let (no_one, refused) = ((200, "nobody"), (401, SAYS_401));
    let (no_layer, no_identity) = ((500, SAYS_500), (500, SAYS_500));
    type Expected = (u16, &'static str);
    // What /identity, /maybe-identity, /claims and /maybe-claims answer.
    let cases: [(&str, Option<AlbAuthLayer>, Somebody, [Expected; 4]); 11] = [
        ("a user", Some(alb.layer()), jane, [identity, identity, subject, subject]),
        ("nobody", Some(alb.layer()), nobody, [refused; 4]),
        ("a forger", Some(alb.layer()), forger, [refused; 4]),
        ("optional, a user", Some(alb.layer().optional()), jane, [identity, identity, subject, subject]),
        ("optional, nobody", Some(alb.layer().optional()), nobody, [refused, no_one, refused, no_one]),
        ("optional, a forger", Some(alb.layer().optional()), forger, [refused; 4]),
        ("exempt path, a user", Some(exempt), jane, [refused, no_one, refused, no_one]),
        ("claims only, a user", Some(claims_only(&alb)), jane, [no_identity, no_identity, subject, subject]),
        ("claims only, nobody", Some(claims_only(&alb)), nobody, [refused; 4]),
        (
            "claims only, optional, nobody",
            Some(claims_only(&alb).optional()),
            nobody,
            [refused, no_one, refused, no_one],
        ),
        ("no layer, a user", None, jane, [no_layer; 4]),
    ];
    for (name, layer, somebody, expected) in cases {
        let app = match layer {
            Some(layer) => extractors().layer(layer),
            None => extractors(),
        };
        let app = serve(app).await;
        let paths = ["/identity", "/maybe-identity", "/claims", "/maybe-claims"];
        for (path, expected) in paths.into_iter().zip(expected) {
            assert_eq!(app.call(somebody(&alb, path)).await.said(), expected, "{name}, {path}");
        }
    }
}

#[tokio::test]
async fn s_62_an_extractor_refuses_as_the_layer_does() {
    let alb = MockAlb::new();
    let inside = serve(extractors().layer(alb.layer().optional())).await;
    let outside = serve(extractors().layer(alb.layer())).await;
    for path in ["/identity", "/claims"] {
        let (by_extractor, by_layer) = (inside.call(alb.request(path)).await, outside.call(alb.request(path)).await);
        assert_eq!(by_layer.said(), (401, SAYS_401));
        assert_eq!(by_extractor, by_layer, "{path}");
    }
}

#[tokio::test]
async fn a_handler_alone_is_tested_with_an_identity_in_the_extensions() {
    let jane = BackstageIdentity::builder("user:default/jane").claims(User::jane()).build().expect("an entity ref");
    let alb = MockAlb::new();
    let app = serve(extractors().layer(Extension(jane))).await;
    let (identity, subject) = ("user:default/jane", "AAAAAAAAAAAAAAAAAAAAAIjane.doe");
    let routes =
        [("/identity", identity), ("/maybe-identity", identity), ("/claims", subject), ("/maybe-claims", subject)];
    for (path, expected) in routes {
        assert_eq!(app.call(alb.request(path)).await.said(), (200, expected), "{path}");
    }
}

#[tokio::test]
async fn refusals_have_their_text_in_axums_body() {
    let mut alb = MockAlb::new().serve().await;
    let app = serve(extractors().layer(alb.layer())).await;
    let json = serve(extractors().layer(alb.layer().refuse_with_backstage_json())).await;
    let guest = User::jane().claim("email", "jane@partner.example");

    let refused = app.call(alb.request("/identity")).await;
    assert_eq!(refused.said(), (401, SAYS_401));
    assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(refused.header("content-length"), Some(SAYS_401.len().to_string().as_str()));
    assert_eq!(refused.header("www-authenticate"), Some("AlbOidc"));

    let head = app.call(alb.request("/identity").method(Method::HEAD)).await;
    assert_eq!((head.said(), &head.headers), ((401, ""), &refused.headers));

    let refused = app.call(alb.request("/identity").user(&guest)).await;
    assert_eq!(refused.said(), (403, SAYS_403));
    assert_eq!(refused.header("www-authenticate"), None);

    let refused = json.call(alb.request("/identity?page=2")).await;
    let expected = r#"{"error":{"name":"AuthenticationError","message":"This needs a sign-in through the load balancer."},"request":{"method":"GET","url":"/identity?page=2"},"response":{"statusCode":401}}"#;
    assert_eq!(refused.said(), (401, expected));
    assert_eq!(refused.header("content-type"), Some("application/json; charset=utf-8"));

    alb.set_key_server(KeyServerMode::Status(500));
    alb.rotate();
    let refused = app.call(alb.request("/identity").user(&User::jane())).await;
    assert_eq!(refused.said(), (503, SAYS_503));
    let seconds: u64 = refused.header("retry-after").expect("a time to come back").parse().expect("whole seconds");
    assert!((1..=30).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn s_77_answers_for_users_are_private_and_refusals_are_not_stored() {
    let alb = MockAlb::new();
    let cached = || async { ([(header::CACHE_CONTROL, "public, max-age=60")], "a logo") };
    let app = Router::new().route("/page", get(maybe_identity)).route("/logo", get(cached));
    let app = app.route("/healthz", get(|| async { "well" }));
    let app = serve(app.layer(alb.layer().optional().exempt_path("/healthz"))).await;
    let cases: [(&str, MockRequest<'_>, Option<&str>); 5] = [
        ("a user's page", jane(&alb, "/page"), Some("private")),
        ("anybody's page", nobody(&alb, "/page"), Some("private")),
        ("a handler's own", jane(&alb, "/logo"), Some("public, max-age=60")),
        ("a refusal", forger(&alb, "/page"), Some("no-store")),
        ("an exempt path", nobody(&alb, "/healthz"), None),
    ];
    for (name, request, expected) in cases {
        assert_eq!(app.call(request).await.header("cache-control"), expected, "{name}");
    }
}

#[tokio::test]
async fn keys_come_over_a_connection_once_a_kid() {
    let mut alb = MockAlb::new().serve().await;
    let app = serve(extractors().layer(alb.layer())).await;
    for fetches in [1, 2] {
        for path in ["/identity", "/maybe-identity"] {
            assert_eq!(app.call(jane(&alb, path)).await.said(), (200, "user:default/jane.doe"));
            assert_eq!(alb.key_fetches(), fetches, "{path}");
        }
        alb.rotate();
    }
}

/// Where `.layer` stands decides what it covers. What it leaves out is never open by accident: an extractor there is a 500.
#[tokio::test]
async fn the_layer_covers_what_was_added_before_it() {
    let alb = MockAlb::new();
    let late = || get(|user: BackstageIdentity| async move { user.user_entity_ref().to_string() });
    let layered = extractors().layer(alb.layer());
    let late_route = extractors().layer(alb.layer()).route("/late", late());
    let late_fallback = extractors().layer(alb.layer()).fallback(|| async { (StatusCode::NOT_FOUND, "not here") });
    let routes_only = extractors().route_layer(alb.layer());
    let nobody: Somebody = nobody;
    let cases = [
        ("a route that is not there", layered.clone(), nobody, "/nowhere", (401, SAYS_401)),
        ("a route that is not there, a user", layered.clone(), jane, "/nowhere", (404, "")),
        ("a route added later", late_route.clone(), jane, "/late", (500, SAYS_500)),
        ("a route added before", late_route, jane, "/identity", (200, "user:default/jane.doe")),
        ("a fallback set later", late_fallback, nobody, "/nowhere", (404, "not here")),
        ("route_layer, a route that is not there", routes_only.clone(), nobody, "/nowhere", (404, "")),
        ("route_layer, a route", routes_only, nobody, "/identity", (401, SAYS_401)),
    ];
    for (name, app, somebody, path, expected) in cases {
        assert_eq!(serve(app).await.call(somebody(&alb, path)).await.said(), expected, "{name}");
    }
    let layered = serve(layered).await;
    assert_eq!(layered.call(nobody(&alb, "/identity").method(Method::DELETE)).await.said(), (401, SAYS_401));
    assert_eq!(layered.call(jane(&alb, "/identity").method(Method::DELETE)).await.said(), (405, ""));
}

/// The surest place: around the router there is nothing that a later line could add outside of it.
#[tokio::test]
async fn around_the_router_the_layer_covers_everything() {
    let alb = MockAlb::new();
    let router = extractors().fallback(|| async { (StatusCode::NOT_FOUND, "not here") });
    let app = alb.layer().layer(router);
    let (listener, server) = listen().await;
    tokio::spawn(async move { axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await });
    let app = Caller::new(Http::One, server);
    let cases: [(Somebody, &str, (u16, &str)); 4] = [
        (nobody, "/nowhere", (401, SAYS_401)),
        (nobody, "/identity", (401, SAYS_401)),
        (jane, "/nowhere", (404, "not here")),
        (jane, "/identity", (200, "user:default/jane.doe")),
    ];
    for (somebody, path, expected) in cases {
        assert_eq!(app.call(somebody(&alb, path)).await.said(), expected, "{path}");
    }
}

#[tokio::test]
async fn s_03_the_handler_sees_none_of_the_headers() {
    let alb = MockAlb::new();
    let names = |headers: HeaderMap| async move {
        let names = headers.keys().filter(|name| name.as_str().replace('_', "-").starts_with("x-amzn-oidc"));
        names.map(|name| name.as_str()).collect::<Vec<_>>().join(",")
    };
    let app = Router::new().route("/", get(names)).route("/healthz", get(names));
    let app = serve(app.layer(alb.layer().exempt_path("/healthz"))).await;
    for path in ["/", "/healthz"] {
        let smuggled = jane(&alb, path).header("x_amzn_oidc_data", "a.b.c").header("x-amzn_oidc-identity", "admin");
        assert_eq!(app.call(smuggled).await.said(), (200, ""), "{path}");
    }
}

/// As tower-http's `CorsLayer` does it, in short: it answers preflight requests itself and marks other answers.
async fn cors(request: Request, next: Next) -> Response {
    let allowed = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example.com")];
    if request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method") {
        return (StatusCode::NO_CONTENT, allowed).into_response();
    }
    (allowed, next.run(request).await).into_response()
}

/// A preflight request carries no cookie, so no load balancer signs a user in for it.
#[tokio::test]
async fn s_68_cors_stands_outside_and_options_is_a_method_like_any_other() {
    let alb = MockAlb::new();
    let routes = || Router::new().route("/", any(maybe_identity));
    let without = serve(routes().layer(alb.layer())).await;
    let inside = serve(routes().layer(from_fn(cors)).layer(alb.layer())).await;
    let outside = serve(routes().layer(alb.layer()).layer(from_fn(cors))).await;
    let preflight = || nobody(&alb, "/").method(Method::OPTIONS).header("access-control-request-method", "GET");
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").is_some();

    let refused = without.call(preflight()).await;
    assert_eq!((refused.said(), allowed(&refused)), ((401, SAYS_401), false));
    let refused = inside.call(preflight()).await;
    assert_eq!((refused.said(), allowed(&refused)), ((401, SAYS_401), false));
    let answered = outside.call(preflight()).await;
    assert_eq!((answered.said(), allowed(&answered)), ((204, ""), true));
    // So that a page can read why it was refused.
    let refused = outside.call(nobody(&alb, "/")).await;
    assert_eq!((refused.said(), allowed(&refused)), ((401, SAYS_401), true));

    let by_jane = without.call(jane(&alb, "/").method(Method::OPTIONS)).await;
    assert_eq!(by_jane.said(), (200, "user:default/jane.doe"));
    let by_nobody = without.call(nobody(&alb, "/").method(Method::OPTIONS)).await;
    assert_eq!(by_nobody.said(), (401, SAYS_401));
}
