//! Emails that are not plain addresses, and catalogs that return another user.
//!
//! The emails are harmless by rule: each is an otherwise plain address with one character that the guard refuses (a comma, a
//! quote, a blank, an ampersand, a percent sign, a second `@`, ...). None has a meaning of its own in a catalog's query, so
//! none would change what a catalog answers to software without this guard.

use serde_json::json;
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{MockAlb, User},
};

use crate::catalog::{
    app, catalog,
    server::{CatalogServer, user},
    sign_in,
};

/// S-53, S-54, S-56: an email that is not a plain address is refused before the catalog is asked.
#[tokio::test]
async fn s_53_an_email_that_is_not_a_plain_address_never_reaches_the_catalog() {
    let server = CatalogServer::start([user("admin", "admin@example.com", &["group:default/admins"])]).await;
    let catalog = catalog(&server);
    for email in [
        "jane,doe@example.com",
        "jane.doe@example,com",
        "jane'doe\"@example.com",
        "\"jane.doe\"@example.com",
        "jane doe@example.com",
        "admin@example.com ",
        " admin@example.com",
        "jane&doe@example.com",
        "jane%doe@example.com",
        "jane=doe@example.com",
        "jane?doe@example.com",
        "jane#doe@example.com",
        "jane/doe@example.com",
        "jane*doe@example.com",
        "jane@doe@example.com",
        "\u{212A}elvin@example.com",
        "admin@example.com\u{0}",
    ] {
        for (which, answer) in [
            ("profile", sign_in(catalog.by_profile_email(), email).await),
            ("annotation", sign_in(catalog.by_annotation("microsoft.com/email"), email).await),
            ("name", sign_in(catalog.by_email_local_part(["example.com"]), email).await),
        ] {
            assert!(matches!(answer.status.as_u16(), 401 | 403), "{which}, {email:?}: {answer:?}");
        }
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn s_55_an_unverified_email_never_reaches_the_catalog() {
    let server = CatalogServer::start([user("jane", "jane@example.com", &[])]).await;
    let alb = MockAlb::new();
    let jane =
        |verified: serde_json::Value| User::jane().claim("email", "jane@example.com").claim("email_verified", verified);
    let app = app(&alb, catalog(&server).by_profile_email());
    for verified in [json!(false), json!("false"), json!(null), json!(1)] {
        let answer = app.call(alb.request("/").user(&jane(verified.clone()))).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::SignInRefused)), "{verified}");
    }
    assert_eq!(server.asked().len(), 0);
    app.call(alb.request("/").user(&jane(json!(true)))).await.assert_ok("user:default/jane");
}

/// What a catalog makes of the question is its own affair: who comes back must carry what was asked for.
#[tokio::test]
async fn an_entity_that_is_not_the_requested_one_signs_no_user_in() {
    let server = CatalogServer::start([]).await;
    let catalog = catalog(&server);
    let jane = user("jane", "jane@example.com", &[]);
    let mut group = jane.clone();
    group["kind"] = json!("Group");
    let mut elsewhere = jane.clone();
    elsewhere["metadata"]["namespace"] = json!("other");
    let mut without = jane.clone();
    without["spec"] = json!({});
    without["metadata"]["annotations"] = json!({});
    let admin = user("admin", "admin@example.com", &["group:default/admins"]);
    for (case, entity) in [("another user", &admin), ("a group", &group), ("without the email", &without)] {
        server.answer_instead(9, 200, &json!([entity]).to_string());
        assert_eq!(sign_in(catalog.by_profile_email(), "jane@example.com").await.status.as_u16(), 403, "{case}");
        server.answer_instead(9, 200, &json!([entity]).to_string());
        let by_annotation = sign_in(catalog.by_annotation("microsoft.com/email"), "jane@example.com").await;
        assert_eq!(by_annotation.status.as_u16(), 403, "{case}");
    }
    for (case, entity) in [("another user", &admin), ("a group", &group), ("of another namespace", &elsewhere)] {
        server.answer_instead(9, 200, &entity.to_string());
        let answer = sign_in(catalog.by_email_local_part(["example.com"]), "jane@example.com").await;
        assert!(matches!(answer.status.as_u16(), 403 | 503), "{case}: {answer:?}");
        assert_ne!(answer.status.as_u16(), 200, "{case}");
    }
    // Of several, the one that fits.
    server.answer_instead(9, 200, &json!([admin, jane]).to_string());
    sign_in(catalog.by_profile_email(), "jane@example.com").await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn names_that_are_none_are_403_and_answers_without_end_are_503() {
    let server = CatalogServer::start([user("-jane", "jane@example.com", &[])]).await;
    let catalog = catalog(&server);
    assert_eq!(sign_in(catalog.by_profile_email(), "jane@example.com").await.status.as_u16(), 403);
    server.answer_instead(9, 200, &" ".repeat(5 * 1024 * 1024));
    let answer = sign_in(catalog.by_profile_email(), "jane@example.com").await;
    assert_eq!(answer.status.as_u16(), 503);
    assert!(answer.error.expect("an error").operator_message().contains("more than 4194304 bytes"));
}

/// An answer as long as it may be, with what was not asked for in it, may have crowded out a second user.
#[tokio::test]
async fn a_full_answer_that_does_not_fit_is_ambiguous() {
    let server = CatalogServer::start([]).await;
    let jane = user("jane", "jane@example.com", &[]);
    let crowd = [user("a", "a@example.com", &[]), user("b", "b@example.com", &[]), jane];
    server.answer_instead(9, 200, &json!(crowd).to_string());
    let answer = sign_in(catalog(&server).by_profile_email(), "jane@example.com").await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (409, Some(AuthErrorKind::AmbiguousUser)));
}

#[test]
fn s_61_a_password_in_the_address_is_in_no_debug_form() {
    let catalog = tower_alb_auth::sign_in::Catalog::at("https://user:canary@backstage.example.com/api/catalog");
    assert!(!format!("{catalog:?}").contains("canary"));
    let said = catalog.token("token").build().expect_err("a password").to_string();
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn s_61_the_token_is_in_no_debug_form() {
    let catalog =
        tower_alb_auth::sign_in::Catalog::at("https://backstage.example.com/api/catalog").token("canary-token");
    let shown = format!("{catalog:?}");
    let catalog = catalog.build().expect("sound");
    let shown = format!("{shown} {catalog:?} {:?}", catalog.by_profile_email());
    assert!(!shown.contains("canary"), "{shown}");
}
