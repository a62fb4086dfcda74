//! Entries by email, under policies that read the address from another claim than `email`.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthLayer,
    deny_list::{Denied, DenyList},
    sign_in::{EmailLocalPart, FirstMatch, SignInResolver, Subject, WholeEmail},
    test_util::{MockAlb, User},
};

use super::assert_denied;
use crate::support::App;

/// The application with this policy, and a list that denies Jane by email.
fn app(alb: &MockAlb, policy: impl SignInResolver) -> (App, AlbAuthLayer, DenyList) {
    let list = DenyList::new();
    list.deny(Denied::email("jane.doe@example.com").unwrap());
    let config = alb.config_builder().accept_missing_email_verified().sign_in(policy).build().unwrap();
    let layer = AlbAuthLayer::new(config).deny_list(&list);
    (App::new(layer.clone()), layer, list)
}

#[tokio::test]
async fn s_93_an_entry_by_email_names_the_address_that_the_policy_reads() {
    let alb = MockAlb::new();
    let by_upn = || EmailLocalPart::in_domains(["example.com"]).email_claim("upn");
    let user = |upn: &str| User::jane().without("email").claim("upn", upn);
    let (whole, ..) = app(&alb, WholeEmail::in_domains(["example.com"]).email_claim("upn"));
    let (chain, ..) = app(&alb, FirstMatch::of(by_upn()).or(Subject::new()));
    let (local_part, layer, list) = app(&alb, by_upn());
    for app in [&local_part, &whole, &chain] {
        for upn in ["jane.doe@example.com", "JANE.DOE@Example.com"] {
            assert_denied(&app.call(alb.request("/").user(&user(upn))).await, upn);
        }
        assert_eq!(app.call(alb.request("/").user(&user("john@example.com"))).await.status, 200);
        // Another address in the claim email hides nothing.
        let two = user("jane.doe@example.com").claim("email", "other@example.com");
        assert_denied(&app.call(alb.request("/").user(&two)).await, "two addresses");
    }
    // The token of a request that was accepted is remembered, and a long connection is compared again.
    let john = alb.request("/").user(&user("john@example.com"));
    let signed_in = layer.handle().authenticate(john.body(()).headers()).await.unwrap();
    assert!(layer.handle().check_denied(signed_in.claims()).is_ok());
    list.deny(Denied::email("john@example.com").unwrap());
    assert!(layer.handle().check_denied(signed_in.claims()).is_err());
}

#[tokio::test]
async fn s_93_an_element_of_a_list_is_compared_too() {
    let alb = MockAlb::new();
    let (app, ..) = app(&alb, EmailLocalPart::in_domains(["example.com"]).email_claim("emails[0]"));
    let user = |email: &str| User::jane().without("email").claim("emails", json!([email]));
    assert_denied(&app.call(alb.request("/").user(&user("jane.doe@example.com"))).await, "a list");
    assert_eq!(app.call(alb.request("/").user(&user("john@example.com"))).await.status, 200);
}
