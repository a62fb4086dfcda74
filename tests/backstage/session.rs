//! The session endpoint.

use axum::{Router, body::Body};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use tower_alb_auth::{
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::{MockAlb, User},
};

#[tokio::test]
async fn a_signed_in_user_gets_a_token_that_userinfo_knows() {
    let alb = MockAlb::new();
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
    let auth = BackstageAuth::builder(alb.layer().handle(), tokens).build().unwrap();
    let app = Router::new().nest("/api/auth", router(auth));

    let request = alb.request("/api/auth/awsalb/refresh").user(&User::jane()).body(Body::empty());
    let answer = app.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let session: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    let token = session["backstageIdentity"]["token"].as_str().unwrap();

    let request = http::Request::get("/api/auth/v1/userinfo").header("authorization", format!("Bearer {token}"));
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let info: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(info["claims"]["sub"], "user:default/jane.doe");
}
