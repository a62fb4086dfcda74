//! The layer, from outside.
#![cfg(feature = "test-util")]

mod support;

use support::App;
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{MockAlb, User},
};

#[tokio::test]
async fn a_signed_in_user_reaches_the_handler() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    assert_eq!(alb.key_fetches(), 1);
}

#[tokio::test]
async fn s_01_a_request_without_the_header_is_refused() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    app.call(alb.request("/")).await.assert_401(AuthErrorKind::Missing);
    assert_eq!((app.calls(), alb.key_fetches()), (0, 0));
}
