//! S-92: the refusals of all parts are the layer's, to the byte.

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use http::{HeaderValue, Method, Version};
use http_body_util::BodyExt as _;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind, BackstageIdentity, Claims, RequireLayer,
    layer::RefusedRequest,
    sign_in::{self, ClaimsOnly, EmailLocalPart, FirstMatch, SignIn, SignInError},
    test_util::{MockAlb, MockRequest, User},
};

/// Puts a layer that refuses in one form around an application.
type Form = (&'static str, fn(AlbAuthLayer, Router) -> Router);

fn by_closure(error: &AuthError, request: &RefusedRequest<'_>) -> Response {
    let RefusedRequest { method, uri, version, headers, .. } = request;
    let said = format!("{error} {method} {uri} {version:?} {:?}", headers.get("x-trace"));
    Response::builder().status(error.status()).header("x-own", "1").body(Body::from(said)).expect("a response")
}

const FORMS: [Form; 5] = [
    ("text", |layer, app| app.layer(layer)),
    ("JSON", |layer, app| app.layer(layer.refuse_with_backstage_json())),
    ("by HTTP status", |layer, app| app.layer(layer.refuse_by_http_status())),
    ("JSON by HTTP status", |layer, app| app.layer(layer.refuse_by_http_status().refuse_with_backstage_json())),
    ("a closure", |layer, app| app.layer(layer.refuse_with(by_closure))),
];

/// Requests that get refusals of several kinds.
const REQUESTS: [(&str, Method, Version, &str); 7] = [
    ("a page", Method::GET, Version::HTTP_11, "text/html"),
    ("HEAD", Method::HEAD, Version::HTTP_2, "text/html"),
    ("PUT", Method::PUT, Version::HTTP_2, "application/json"),
    ("a call of gRPC", Method::POST, Version::HTTP_2, "application/grpc"),
    ("gRPC over HTTP/1.1", Method::POST, Version::HTTP_11, "application/grpc+proto"),
    ("gRPC by HEAD", Method::HEAD, Version::HTTP_2, "application/grpc"),
    ("gRPC-Web", Method::POST, Version::HTTP_11, "application/grpc-web-text"),
];

/// Status, headers in their order, body.
type Shape = (u16, Vec<(String, String)>, String);

async fn ask(app: Router, request: MockRequest<'_>) -> (Shape, Option<AuthError>) {
    let response = app.oneshot(request.body(Body::empty())).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    ((parts.status.as_u16(), headers, body), parts.extensions.get().cloned())
}

/// All routes take any method: what refuses is the layer, the requirement or the extractor.
fn application() -> Router {
    let admins = RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    Router::new()
        .route("/identity", any(async |_: BackstageIdentity| "in"))
        .route("/maybe", any(async |_: Option<BackstageIdentity>| "in"))
        .route("/claims", any(async |_: Claims| "in"))
        .route("/sign-in", any(async || "in").layer(RequireLayer::signed_in()))
        .route("/admins", any(async || "in").layer(admins))
}

/// That these all refuse alike, each for this reason. The path is the same in length, so that only the JSON's differs.
async fn alike(case: &str, kind: AuthErrorKind, asked: Vec<(Router, MockRequest<'_>)>) {
    let mut shapes = Vec::new();
    for (app, request) in asked {
        let path = request.clone().body(()).uri().to_string();
        let ((status, mut headers, body), error) = ask(app, request).await;
        assert_eq!(error.as_ref().map(AuthError::kind), Some(kind), "{case}");
        assert!(headers.contains(&("cache-control".to_owned(), "no-store".to_owned())), "{case}: {headers:?}");
        assert!(!body.contains("AlbAuthLayer") && !body.contains("ClaimsOnly"), "{case}: {body}");
        headers.retain(|(name, _)| name != "content-length");
        shapes.push((status, headers, body.replace(&path, "PATH")));
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{case}: {shapes:#?}");
}

#[tokio::test]
async fn s_92_extractors_and_requirements_refuse_as_the_layer_does() {
    let alb = MockAlb::new();
    // Names users of one domain, and lets others in with their claims alone.
    let some = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(ClaimsOnly);
    let unnamed = || alb.config_builder().sign_in(some.clone()).build().expect("a sound configuration");
    let refused = sign_in::from_fn(|_| Err::<SignIn, _>(SignInError::not_found("no")));
    let refused = || alb.config_builder().sign_in(refused.clone()).build().expect("a sound configuration");
    let claims_only = || alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
    for (form, around) in FORMS {
        for (name, method, version, content_type) in &REQUESTS {
            let request = |path: &str| {
                let request = alb.request(path).method(method.clone()).version(*version).header("x-trace", "7");
                request.header("content-type", content_type)
            };
            let by = |layer: AlbAuthLayer| around(layer, application());
            let case = |status: u16| format!("{status}, {form}, {name}");

            let mut asked = vec![(by(alb.layer()), request("/claims?tab=1"))];
            for path in ["/claims?tab=1", "/identity?tab=1", "/sign-in?tab=1", "/admins?tab=1"] {
                asked.push((by(alb.layer().optional()), request(path)));
                asked.push((by(alb.layer().exempt_path(path.trim_end_matches("?tab=1"))), request(path)));
            }
            alike(&case(401), AuthErrorKind::Missing, asked).await;

            // Without an email, so that the policy of emails passes the user by.
            let guest = User::okta("jane");
            let asked = vec![
                (by(AlbAuthLayer::new(refused())), request("/identity").user(&guest)),
                (by(AlbAuthLayer::new(unnamed())), request("/identity").user(&guest)),
            ];
            alike(&case(403), AuthErrorKind::UserNotFound, asked).await;

            let claims = || by(AlbAuthLayer::new(claims_only()));
            let asked = ["/identity", "/maybe", "/admins"].map(|path| (claims(), request(path).user(&guest)));
            alike(&case(500), AuthErrorKind::Misused, asked.into()).await;
        }
    }
    // By the usual form, where no layer is around to leave another.
    for (name, method, version, content_type) in &REQUESTS {
        let request = |path: &str| {
            let request = alb.request(path).method(method.clone()).version(*version);
            request.header("content-type", content_type)
        };
        let paths = ["/identity", "/maybe", "/claims", "/sign-in", "/admins"];
        let asked = paths.map(|path| (application(), request(path)));
        alike(&format!("500, no layer, {name}"), AuthErrorKind::Misused, asked.into()).await;
    }
}

#[tokio::test]
async fn s_92_an_extractor_sees_the_real_request_and_hides_the_reason() {
    let alb = MockAlb::new();
    let json = FORMS[1].1;
    let request = alb.request("/identity?tab=1").method(Method::PATCH);
    let ((status, headers, body), _) = ask(json(alb.layer().optional(), application()), request).await;
    let expected = r#"{"error":{"name":"AuthenticationError","message":"This needs a sign-in through the load balancer."},"request":{"method":"PATCH","url":"/identity?tab=1"},"response":{"statusCode":401}}"#;
    assert_eq!((status, body.as_str()), (401, expected));
    let expected = [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-store"),
        ("www-authenticate", "AlbOidc"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in expected {
        assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{name}: {headers:?}");
    }

    let closure = FORMS[4].1;
    let request = alb.request("/identity?tab=1").method(Method::PATCH).version(Version::HTTP_2).header("x-trace", "7");
    let ((status, headers, body), _) = ask(closure(alb.layer().optional(), application()), request).await;
    let expected = "This needs a sign-in through the load balancer. PATCH /identity?tab=1 HTTP/2.0 Some(\"7\")";
    assert_eq!((status, body.as_str()), (401, expected));
    assert!(headers.contains(&("x-own".to_owned(), "1".to_owned())), "{headers:?}");

    let ((status, _, body), error) = ask(application(), alb.request("/identity")).await;
    assert_eq!((status, body.as_str()), (500, "This part of the application is set up wrongly.\n"));
    let error = error.expect("for an outer layer");
    assert!(error.operator_message().contains("no AlbAuthLayer is around this route"), "{error:?}");
}

/// What a requirement says itself counts more than what the layer around left.
#[tokio::test]
async fn s_92_a_requirement_keeps_a_form_of_its_own() {
    let alb = MockAlb::new();
    let own =
        RequireLayer::signed_in().refuse_with(|_, _| Response::builder().status(418).body(Body::empty()).expect("one"));
    let app = Router::new()
        .route("/own", any(async || "in").layer(own))
        .route("/json", any(async || "in").layer(RequireLayer::signed_in().refuse_with_backstage_json()));
    let closure = |app: &Router| app.clone().layer(alb.layer().optional().refuse_with(by_closure));
    let ((status, ..), _) = ask(closure(&app), alb.request("/own")).await;
    assert_eq!(status, 418);
    let ((status, _, body), _) = ask(closure(&app), alb.request("/json")).await;
    assert!(status == 401 && body.starts_with(r#"{"error":{"name":"AuthenticationError""#), "{status} {body}");

    // By the HTTP status alone: that is for all behind the layer, whatever they write.
    let by_status = app.layer(alb.layer().optional().refuse_by_http_status());
    let call = alb.request("/json").method(Method::POST).version(Version::HTTP_2);
    let ((status, ..), _) = ask(by_status, call.header("content-type", "application/grpc")).await;
    assert_eq!(status, 401);
}

/// A closure that makes another body than the extractor needs cannot be used: the usual form stands in.
#[tokio::test]
async fn s_92_a_closure_of_another_body_is_not_for_extractors() {
    let alb = MockAlb::new();
    let layer = alb.layer().optional().refuse_with(|_, _| Response::new("own".to_owned()));
    let service = layer.layer(service_fn(async |request: Request| {
        let (parts, body) = application().oneshot(request).await.expect("infallible").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("UTF-8");
        Ok::<_, std::convert::Infallible>(Response::from_parts(parts, text))
    }));
    let answer = service.oneshot(alb.request("/identity").body(Body::empty())).await.expect("infallible");
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!(answer.body(), "This needs a sign-in through the load balancer.\n");
}

/// S-79: a closure given after the switch does not take the switch away from the refusals that cannot use the closure.
#[tokio::test]
async fn s_79_a_closure_of_another_body_leaves_refusals_by_http_status() {
    let alb = MockAlb::new();
    let layer = alb.layer().optional().refuse_by_http_status().refuse_with(|_, _| Response::new("own".to_owned()));
    let service = layer.layer(service_fn(async |request: Request| {
        let (parts, _) = application().oneshot(request).await.expect("infallible").into_parts();
        Ok::<_, std::convert::Infallible>(Response::from_parts(parts, String::new()))
    }));
    let request = alb.request("/identity").method(Method::POST).version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc").body(Body::from("12345"));
    let answer = service.oneshot(request).await.expect("infallible");
    assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (401, &HeaderValue::from_static("16")));
}
