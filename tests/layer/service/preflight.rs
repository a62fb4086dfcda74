//! A CORS preflight request that is authenticated by the handle, without the layer.

use http::{HeaderMap, HeaderValue, header};
use tower_alb_auth::{AuthErrorKind, test_util::MockAlb};

#[tokio::test]
async fn a_preflight_request_is_named_as_one_by_the_handle_too() {
    let handle = MockAlb::new().layer().handle();
    let mut headers = HeaderMap::new();
    headers.insert(header::ORIGIN, HeaderValue::from_static("https://app.example.com"));
    let plain = handle.authenticate(&headers).await.expect_err("no token");
    assert!(!plain.operator_message().contains("CORS"), "{}", plain.operator_message());
    headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
    let preflight = handle.authenticate(&headers).await.expect_err("no token");
    assert_eq!((preflight.kind(), preflight.client_message()), (AuthErrorKind::Missing, plain.client_message()));
    assert!(
        preflight.operator_message().contains("it is a CORS preflight request"),
        "{}",
        preflight.operator_message()
    );
}
