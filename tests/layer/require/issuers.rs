//! S-193: a requirement on a claim that another issuer sends too.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, RequireLayer,
    sign_in::Subject,
    test_util::{MockAlb, User},
};

#[tokio::test]
async fn s_193_a_requirement_of_one_issuer_is_not_met_by_a_user_of_another() {
    let staff = MockAlb::new().with_issuer("https://staff.example.com");
    let partners = MockAlb::with_keys_of(&staff).with_issuer("https://partners.example.com");
    let entry = |alb: &MockAlb, namespace: &str| alb.trusted().sign_in(Subject::new().in_namespace(namespace));
    let builder = AlbAuthConfig::builder().trust(entry(&staff, "staff")).trust(entry(&partners, "partners"));
    let layer = AlbAuthLayer::new(staff.keys_and_clock(builder).build().expect("sound"));
    let admin = User::jane().claim("groups", json!(["admins"]));
    let other = User::jane().claim("groups", json!(["others"]));
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new("in".to_owned())));
    let of_any = || RequireLayer::claim_contains("groups", "admins");
    let of_staff = || of_any().of_issuer("https://staff.example.com");
    for (require, expected) in [
        (of_any(), [200, 200, 403]),
        (of_staff(), [200, 403, 403]),
        (of_staff().refuse_with_backstage_json(), [200, 403, 403]),
        (RequireLayer::signed_in().of_issuer("https://partners.example.com"), [403, 200, 403]),
        // Byte for byte, as in the configuration.
        (of_any().of_issuer("https://staff.example.com/"), [403, 403, 403]),
    ] {
        let shown = format!("{require:?}");
        for ((alb, user), expected) in
            [(&staff, &admin), (&partners, &admin), (&staff, &other)].into_iter().zip(expected)
        {
            let request: Request<String> = alb.request("/").user(user).into();
            let response = layer.layer(require.clone().layer(inner)).oneshot(request).await.expect("infallible");
            assert_eq!(response.status(), expected, "{shown} {}", alb.issuer());
        }
    }
    let shown = format!("{:?}", of_staff());
    assert!(shown.contains("groups") && shown.contains("https://staff.example.com"), "{shown}");
}
