//! Requirements whose text comes from a setting that is not set.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind, RequireLayer,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

/// `claim_equals("team", settings.team.unwrap_or_default())` would admit every user whose attribute is empty at the provider.
#[tokio::test]
async fn s_208_no_user_meets_a_requirement_on_an_empty_text() {
    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration"));
    let inner = || service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    for (claim, value) in [("team", json!("")), ("team", json!([""])), ("team", json!(["", "a"])), ("email", json!(""))]
    {
        for (required, require) in
            [("equals", RequireLayer::claim_equals(claim, "")), ("contains", RequireLayer::claim_contains(claim, ""))]
        {
            let user = User::jane().claim(claim, value.clone()).claim("email_verified", json!(true));
            let service = layer.layer(require.layer(inner()));
            let response = service.oneshot(alb.request("/").user(&user).into()).await.expect("infallible");
            let error =
                response.extensions().get::<AuthError>().unwrap_or_else(|| panic!("{required} {claim} {value}"));
            assert_eq!((response.status().as_u16(), error.kind()), (403, AuthErrorKind::ClaimMissing));
            assert!(error.operator_message().contains("is empty"), "{required}: {}", error.operator_message());
        }
    }
}
