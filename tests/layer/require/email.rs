//! Requirements on the claim `email`, which a user can enter at many providers.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    sign_in::Subject,
    test_util::{MockAlb, User},
};
/// S-55: as in policies that name users by it.
#[tokio::test]
async fn s_55_an_email_that_is_not_verified_meets_no_requirement() {
    let own = MockAlb::new();
    let shared = MockAlb::new().with_issuer("https://login.microsoftonline.com/common/v2.0");
    let jane = "jane.doe@example.com";
    for (alb, verified, status) in [
        (&own, None, 200),
        (&own, Some(true), 200),
        (&own, Some(false), 403),
        (&shared, None, 403),
        (&shared, Some(true), 200),
        (&shared, Some(false), 403),
    ] {
        let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new("in".to_owned())));
        let user = verified.into_iter().fold(User::jane(), |user, verified| user.claim("email_verified", verified));
        let layer = AlbAuthLayer::new(alb.config_builder().sign_in(Subject::new()).build().unwrap());
        for (require, status) in [
            (RequireLayer::claim_equals("email", jane), status),
            (RequireLayer::claim_contains("email", jane), status),
            // Other claims need no verified email.
            (RequireLayer::claim_equals("name", "Jane Doe"), 200),
        ] {
            let request: Request<String> = alb.request("/").user(&user).into();
            let response = layer.layer(require.layer(inner)).oneshot(request).await.expect("infallible");
            assert_eq!(response.status(), status, "{verified:?} {} {require:?}", alb.issuer());
        }
    }
}
