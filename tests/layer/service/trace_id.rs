//! F-65: a refusal joins the load balancer's access log by the trace id.

use http::{Method, Request, Response};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    RequireLayer,
    layer::trace_id,
    test_util::{MockAlb, MockRequest},
};

use crate::{
    service::inside::jane,
    support::{
        App,
        traced::{Fields, Traced},
    },
};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

/// The lines about refusals.
fn refusals(traced: &Traced) -> Vec<Fields> {
    let events = std::mem::take(&mut traced.0.lock().unwrap().events);
    let lines = events.into_iter().map(|(_, fields)| fields);
    lines.filter(|fields| fields["message"].starts_with("refused: ")).collect()
}

fn traced_by(fields: &[Fields]) -> Vec<Option<&str>> {
    fields.iter().map(|fields| fields.get("trace_id").map(String::as_str)).collect()
}

#[tokio::test]
async fn f_65_the_span_of_a_decision_and_the_line_of_a_refusal_have_the_trace_id() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    let stranger = MockAlb::with_keys_of(&alb);
    let with_trace = |request: MockRequest<'static>| request.header("x-amzn-trace-id", ROOT);
    let (alb, stranger): (&'static MockAlb, &'static MockAlb) =
        (Box::leak(Box::new(alb)), Box::leak(Box::new(stranger)));
    for (case, request, refused) in [
        ("a key that is fetched", jane(alb), false),
        ("a key that is known", jane(alb), false),
        ("no token", alb.request("/"), true),
        ("another load balancer", jane(stranger), true),
        ("no token of any kind", alb.request("/").token("bad"), true),
    ] {
        app.call(with_trace(request.clone())).await;
        assert_eq!(traced_by(&traced.take("alb_auth")), [Some(ROOT)], "{case}");
        let expected: &[_] = if refused { &[Some(ROOT)] } else { &[] };
        assert_eq!(traced_by(&refusals(&traced)), expected, "{case}");

        app.call(request).await;
        assert_eq!(traced_by(&traced.take("alb_auth")), [None], "{case}, without a trace id");
        assert_eq!(traced_by(&refusals(&traced)).into_iter().flatten().count(), 0, "{case}, without a trace id");
    }
}

#[tokio::test]
async fn f_65_a_refusal_after_the_key_was_fetched_has_it_too() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let guest = tower_alb_auth::test_util::User::jane().claim("email", "jane@partner.example");
    App::new(alb.layer()).call(alb.request("/").user(&guest).header("x-amzn-trace-id", ROOT)).await;
    assert_eq!(traced_by(&traced.take("alb_auth")), [Some(ROOT)]);
    assert_eq!(traced_by(&refusals(&traced)), [Some(ROOT)]);
}

#[tokio::test]
async fn f_65_a_requirement_that_is_not_met_has_it_too() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let inner = service_fn(async |_: Request<String>| Ok::<_, std::convert::Infallible>(Response::new(String::new())));
    let mut service = alb.layer().optional().layer(RequireLayer::signed_in().layer(inner));
    let request: Request<String> = alb.request("/").header("x-amzn-trace-id", ROOT).into();
    assert_eq!(service.ready().await.unwrap().call(request).await.unwrap().status(), 401);
    assert_eq!(traced_by(&refusals(&traced)), [Some(ROOT)]);
}

/// The reasons that a request without a token shows: a preflight request, and an exempt path with the prefix of a nested router.
#[tokio::test]
async fn f_65_a_refusal_with_a_hint_has_it_too() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let app = App::new(alb.layer().exempt_path("/api/healthz"));
    let preflight = alb.request("/api").method(Method::OPTIONS).header("origin", "https://app.example.com");
    let preflight = preflight.header("access-control-request-method", "PUT");
    // The first request of a nested path is a warning, beside the line of its refusal.
    for (case, request, lines) in [("CORS preflight", preflight, 1), ("nested router", alb.request("/healthz"), 2)] {
        app.call(request.header("x-amzn-trace-id", ROOT)).await;
        let refusals = refusals(&traced);
        assert!(refusals.iter().all(|fields| fields["message"].contains(case)), "{refusals:?}");
        assert_eq!(traced_by(&refusals), vec![Some(ROOT); lines], "{case}");
    }
}

/// Without the layer: a service that authenticates by the handle.
#[tokio::test]
async fn f_65_a_refusal_of_the_handle_has_it_too() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let request: Request<String> = alb.request("/").header("x-amzn-trace-id", ROOT).into();
    alb.layer().handle().authenticate(request.headers()).await.expect_err("no token");
    assert_eq!(traced_by(&refusals(&traced)), [Some(ROOT)]);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn f_65_a_refusal_of_an_extractor_has_it_too() {
    use axum::{Router, body::Body, routing::get};
    use tower_alb_auth::{BackstageIdentity, Claims, sign_in::ClaimsOnly};

    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let routes = || {
        Router::new()
            .route("/identity", get(|_: BackstageIdentity| async {}))
            .route("/claims", get(|_: Claims| async {}))
            .route("/maybe", get(|_: Option<Claims>| async {}))
    };
    let claims_only = alb.config_builder().sign_in(ClaimsOnly).build().expect("sound");
    let claims_only = tower_alb_auth::AlbAuthLayer::new(claims_only);
    let jane = |path: &str| alb.request(path).user(&tower_alb_auth::test_util::User::jane());
    for (case, app, request, status, line) in [
        ("no user", routes().layer(alb.layer().optional()), alb.request("/claims"), 401, "refused: a handler"),
        ("no layer", routes(), alb.request("/claims"), 500, "no AlbAuthLayer is around"),
        ("no layer, an option", routes(), alb.request("/maybe"), 500, "no AlbAuthLayer is around"),
        ("claims only", routes().layer(claims_only), jane("/identity"), 500, "the sign-in policy ClaimsOnly"),
    ] {
        let request = request.header("x-amzn-trace-id", ROOT).body(Body::empty());
        traced.0.lock().unwrap().events.clear();
        assert_eq!(app.oneshot(request).await.expect("infallible").status(), status, "{case}");
        let events = std::mem::take(&mut traced.0.lock().unwrap().events);
        let lines: Vec<Fields> = events.into_iter().map(|(_, fields)| fields).collect();
        let lines: Vec<Fields> = lines.into_iter().filter(|fields| fields["message"].starts_with(line)).collect();
        assert_eq!(traced_by(&lines), [Some(ROOT)], "{case}");
    }
}

#[tokio::test]
async fn s_141_a_client_cannot_write_into_the_log_by_its_trace_id() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let value = [b"Root=1 outcome=user\t\x80\xff".as_slice(), &[b'x'; 4_000]].concat();
    App::new(alb.layer()).call(alb.request("/").header("x-amzn-trace-id", &value)).await;
    let spans = traced.take("alb_auth");
    for fields in [spans, refusals(&traced)] {
        let shown = fields[0]["trace_id"].as_str();
        assert!(shown.starts_with("Root=1outcome=userxxx") && shown.len() <= 512, "{shown}");
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
    }
    let request: Request<String> = alb.request("/").header("x-amzn-trace-id", &value).into();
    assert!(trace_id(request.headers()).is_some_and(|id| id.to_string().len() <= 512));
}
