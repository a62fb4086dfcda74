//! Addresses that no user of a catalog can have: refused with the reason, without a query.

use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{FirstMatch, Subject},
    test_util::{MockAlb, User},
};

use crate::catalog::{
    app, catalog,
    server::{CatalogServer, user},
    sign_in,
};

#[tokio::test]
async fn a_local_part_that_no_entity_can_be_named_by_is_not_looked_up() {
    let server = CatalogServer::start([user("jane", "jane@example.com", &[])]).await;
    let catalog = catalog(&server);
    let long = format!("{}@example.com", "a".repeat(64));
    for email in ["jane+x@example.com", "-jane@example.com", "o'brien@example.com", "jane_@example.com", &long] {
        let answer = sign_in(catalog.by_email_local_part(["example.com"]), email).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::UserNotFound)), "{email}");
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains("the email gives no user name"), "{said}");
        // A later policy may know the user.
        let later = FirstMatch::of(catalog.by_email_local_part(["example.com"])).or(Subject::new());
        assert_eq!(sign_in(later, email).await.body, "user:default/248289761001", "{email}");
        let without = catalog.by_email_local_part(["example.com"]).dangerously_sign_in_without_catalog_user();
        assert_eq!(sign_in(without, email).await.kind(), Some(AuthErrorKind::SignInRefused), "{email}");
    }
    assert_eq!(server.asked(), []);
    let stripping = catalog.by_email_local_part(["example.com"]).strip_plus_suffix();
    sign_in(stripping, "jane+x@example.com").await.assert_ok("user:default/jane");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn s_53_an_address_with_a_character_that_separates_parameters_is_not_sent_to_the_catalog() {
    let server = CatalogServer::start([user("rd", "r&d@example.com", &[])]).await;
    let catalog = catalog(&server);
    for policy in [
        catalog.by_profile_email(),
        catalog.by_annotation("microsoft.com/email"),
        catalog.by_email_local_part(["example.com"]),
    ] {
        let answer = sign_in(policy, "r&d@example.com").await;
        assert_eq!(answer.kind(), Some(AuthErrorKind::SignInRefused));
        assert!(answer.error.expect("an error").operator_message().contains("is not sent to the catalog"));
    }
    assert_eq!(server.asked(), []);
}

#[tokio::test]
async fn a_user_of_the_catalog_with_a_name_that_no_entity_may_have_is_403_and_not_503() {
    let server = CatalogServer::start([user("jane doe", "jane@example.com", &[])]).await;
    let answer = sign_in(catalog(&server).by_profile_email(), "jane@example.com").await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::SignInRefused)));
    let said = answer.error.expect("an error").operator_message();
    assert!(said.contains("the catalog's user has an invalid name"), "{said}");
}

#[tokio::test]
async fn s_55_the_catalog_has_the_waiver_and_the_address_in_a_different_claim_too() {
    let server = CatalogServer::start([user("jane", "jane@example.com", &[])]).await;
    let catalog = catalog(&server);
    let alb = MockAlb::new();
    let federated =
        User::empty().claim("sub", "u1").claim("email", "jane@example.com").claim("email_verified", "false");
    let strict = app(&alb, catalog.by_profile_email()).call(alb.request("/").user(&federated)).await;
    assert_eq!(strict.kind(), Some(AuthErrorKind::SignInRefused));
    let waived = catalog.by_profile_email().dangerously_accept_unverified_email();
    app(&alb, waived).call(alb.request("/").user(&federated)).await.assert_ok("user:default/jane");
    let upn = User::empty().claim("sub", "u1").claim("upn", "jane@example.com");
    let by_upn = catalog.by_profile_email().email_claim("upn");
    app(&alb, by_upn).call(alb.request("/").user(&upn)).await.assert_ok("user:default/jane");
}
