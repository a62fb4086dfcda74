//! Audit events of what stands behind the layer: requirements, extractors and sign-out.

use std::{convert::Infallible, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuditTrail, RequireLayer, SignOut,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, MockRequest, User},
};

use crate::support::audited::AuditFile;

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
/// Longer than a disk takes.
const LONG: Duration = Duration::from_secs(30);

fn trail(file: &AuditFile) -> AuditTrail {
    AuditTrail::builder("orders").file(file.path()).build().expect("a file")
}

/// The events since the last time, as name, kind, status and user.
fn refusals(trail: &AuditTrail, file: &AuditFile) -> Vec<[Value; 4]> {
    assert!(trail.flush(LONG), "it is not written");
    let events = file.events();
    let refused = events.iter().filter(|event| event["unmapped"]["event"] != "signed_in");
    refused
        .map(|event| {
            assert_eq!(event["metadata"]["correlation_uid"], ROOT, "{event:#}");
            ["/unmapped/event", "/status_detail", "/status_code", "/user"]
                .map(|pointer| event.pointer(pointer).cloned().unwrap_or_default())
        })
        .collect()
}

fn refused(kind: &str, status: u16, user: Value) -> [Value; 4] {
    [json!("refused"), json!(kind), json!(status.to_string()), user]
}

async fn call(layer: &AlbAuthLayer, requirement: RequireLayer, request: MockRequest<'_>) -> StatusCode {
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let request: Request<String> = request.header("x-amzn-trace-id", ROOT).into();
    layer.layer(requirement.layer(inner)).oneshot(request).await.expect("infallible").status()
}

#[tokio::test]
async fn a_requirement_that_is_not_met_is_recorded_with_its_user() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = alb.layer().optional().audit_trail(&trail);
    let jane = || alb.request("/").user(&User::jane());
    let admins = || RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    assert_eq!(call(&layer, RequireLayer::signed_in(), jane()).await, 200);
    assert_eq!(refusals(&trail, &file), Vec::<[Value; 4]>::new());

    assert_eq!(call(&layer, RequireLayer::signed_in(), alb.request("/")).await, 401);
    assert_eq!(call(&layer, admins(), jane()).await, 403);
    assert_eq!(call(&layer, RequireLayer::claim_present("team"), jane()).await, 403);
    let (unknown, named) =
        (json!({"type_id": 0, "name": "unknown"}), json!({"type_id": 1, "name": "user:default/jane.doe"}));
    assert_eq!(
        refusals(&trail, &file),
        [
            refused("missing", 401, unknown),
            refused("ownership_missing", 403, named.clone()),
            refused("claim_missing", 403, named),
        ]
    );
}

/// Under a policy that names no users, and with the opt-in for the profile.
#[tokio::test]
async fn the_user_of_a_requirement_has_a_profile_if_that_is_wanted() {
    for with_profile in [false, true] {
        let (file, alb) = (AuditFile::new(), MockAlb::new());
        let builder = AuditTrail::builder("orders").file(file.path());
        let trail = if with_profile { builder.with_profile() } else { builder }.build().expect("a file");
        let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("sound"));
        let (layer, jane) = (layer.audit_trail(&trail), User::jane());
        let status = call(&layer, RequireLayer::claim_present("team"), alb.request("/").user(&jane)).await;
        assert_eq!(status, 403);
        let found = refusals(&trail, &file);
        let [[_, _, _, user]] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&user["domain"], user["uid"].is_string()), (&json!(alb.issuer()), true));
        assert_eq!((user["email_addr"].is_string(), user["full_name"].is_string()), (with_profile, with_profile));
    }
}

/// A flood of refusals behind the layer has the bound of those of the layer.
#[tokio::test]
async fn refusals_of_a_requirement_are_bounded() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = alb.layer().optional().audit_trail(&trail);
    for _ in 0..50 {
        assert_eq!(call(&layer, RequireLayer::signed_in(), alb.request("/")).await, 401);
    }
    let found = refusals(&trail, &file).len();
    // A slow machine may reach the next 10 s.
    assert!((10..50).contains(&found), "{found}");
}

/// A layer without a trail leaves that of no other layer.
#[tokio::test]
async fn a_trail_in_the_request_does_not_outlive_its_layer() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let without = alb.layer().optional().layer(RequireLayer::signed_in().layer(inner));
    let service = alb.layer().optional().audit_trail(&trail).layer(without);
    let request: Request<String> = alb.request("/").header("x-amzn-trace-id", ROOT).into();
    assert_eq!(service.oneshot(request).await.expect("infallible").status(), 401);
    assert_eq!(refusals(&trail, &file), Vec::<[Value; 4]>::new());
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_refusal_of_an_extractor_is_recorded() {
    use axum::{Router, body::Body, routing::get};
    use tower_alb_auth::{BackstageIdentity, Claims};

    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let claims_only = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("sound"));
    for (layer, request, status) in [
        (alb.layer().optional(), alb.request("/claims"), 401),
        (claims_only, alb.request("/identity").user(&User::jane()), 500),
    ] {
        let app: Router = Router::new()
            .route("/claims", get(async |_: Claims| {}))
            .route("/identity", get(async |_: BackstageIdentity| {}))
            .layer(layer.audit_trail(&trail));
        let request = request.header("x-amzn-trace-id", ROOT).body(Body::empty());
        assert_eq!(app.oneshot(request).await.expect("infallible").status(), status);
    }
    let found = refusals(&trail, &file);
    let [missing, misused] = &found[..] else { panic!("{found:?}") };
    assert_eq!(missing, &refused("missing", 401, json!({"type_id": 0, "name": "unknown"})));
    assert_eq!(
        (&misused[1], &misused[2], &misused[3]["domain"]),
        (&json!("misused"), &json!("500"), &json!(alb.issuer()))
    );
}

#[test]
fn a_sign_out_is_recorded_without_a_user_and_a_refused_one_is_not() {
    let file = AuditFile::new();
    let trail = trail(&file);
    let sign_out = SignOut::builder().audit_trail(&trail).build().expect("sound");
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-trace-id", HeaderValue::from_static(ROOT));
    let answer = |method: Method, headers: &HeaderMap| sign_out.response::<String>(&method, headers).status();
    assert_eq!(answer(Method::GET, &headers), 405);
    let mut foreign = headers.clone();
    foreign.insert("origin", HeaderValue::from_static("https://other.example"));
    assert_eq!(answer(Method::POST, &foreign), 403);
    assert_eq!(refusals(&trail, &file), Vec::<[Value; 4]>::new());
    assert_eq!(answer(Method::POST, &headers), 204);
    let unknown = json!({"type_id": 0, "name": "unknown"});
    assert_eq!(refusals(&trail, &file), [[json!("signed_out"), Value::Null, Value::Null, unknown]]);
}
