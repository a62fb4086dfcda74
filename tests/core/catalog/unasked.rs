//! What the catalog is not asked.

use tower_alb_auth::{AuthErrorKind, sign_in::FirstMatch};

use super::{
    catalog,
    server::{CatalogServer, user},
    sign_in,
};

#[tokio::test]
async fn a_name_that_no_entity_can_have_is_not_looked_up_by_name() {
    let server = CatalogServer::start([user("jane.doe", "jane.doe@example.com", &[])]).await;
    let catalog = catalog(&server);
    for local_part in ["-jane", "jane+x", "o'brien", "jane.", &"j".repeat(64)] {
        let answer = sign_in(catalog.by_email_local_part(["example.com"]), &format!("{local_part}@example.com")).await;
        assert_eq!(answer.status.as_u16(), 403, "{local_part}");
    }
    let asked = server.asked();
    assert!(!asked.iter().any(|(question, _)| question.starts_with("name ")), "{asked:?}");
}

#[tokio::test]
async fn a_user_of_a_later_resolver_causes_one_query_of_each() {
    let server = CatalogServer::start([user("jane.doe", "jane.doe@example.com", &[])]).await;
    let catalog = catalog(&server);
    let policy = FirstMatch::of(catalog.by_annotation("example.com/mail")).or(catalog.by_profile_email());
    sign_in(policy, "jane.doe@example.com").await.assert_ok("user:default/jane.doe");
    // A task of this runtime, which has one thread, would have run.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.asked().len(), 2);
}

/// As in stock Backstage: the address is looked up as it is, once, and a user of the catalog may have it.
#[tokio::test]
async fn an_address_that_the_catalog_does_not_have_causes_one_query() {
    for email in ["jane+x@example.com", "ghost@example.com", "jane.doe_@example.com"] {
        let server = CatalogServer::start([user("jane", "jane@example.com", &[])]).await;
        let catalog = catalog(&server);
        for policy in [catalog.by_profile_email(), catalog.by_annotation("microsoft.com/email")] {
            assert_eq!(sign_in(policy, email).await.kind(), Some(AuthErrorKind::UserNotFound), "{email}");
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.asked().len(), 2, "{email}");
    }
    let server = CatalogServer::start([user("jane", "jane+x@example.com", &[])]).await;
    sign_in(catalog(&server).by_profile_email(), "jane+x@example.com").await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn s_56_a_domain_in_punycode_is_sent_to_the_catalog_only_if_it_is_listed() {
    let email = "jane@xn--exmple-cua.com";
    let server = CatalogServer::start([user("jane", email, &[])]).await;
    let catalog = catalog(&server);
    for policy in [catalog.by_profile_email(), catalog.by_annotation("microsoft.com/email")] {
        for email in [email, "jane@mail.XN--exmple-cua.com"] {
            let answer = sign_in(policy.clone(), email).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::UserNotFound)));
            let said = answer.error.expect("an error").operator_message();
            assert!(said.contains("Punycode") && said.contains("allowedDomains"), "{said}");
        }
    }
    assert_eq!(server.asked(), []);
    let listed = catalog.by_profile_email().in_domains(["xn--exmple-cua.com"]);
    sign_in(listed, email).await.assert_ok("user:default/jane");
}
