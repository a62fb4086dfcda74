//! What the catalog says, and what becomes of it.

use std::time::Duration;

use serde_json::json;
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{Catalog, FirstMatch},
    test_util::{MockAlb, TestClock, User},
};

use crate::{
    catalog::{
        app, catalog,
        server::{CatalogServer, user},
        sign_in,
    },
    support::traced::Traced,
};

const JANE: &str = "jane.doe@example.com";

#[tokio::test]
async fn the_user_is_the_entity_with_the_email_or_the_name() {
    let server = CatalogServer::start([user(
        "Jane.Doe",
        "Jane.Doe@example.com",
        &["group:default/team-a", "user:default/x", "Group:default/Team-B"],
    )])
    .await;
    let catalog = catalog(&server);
    sign_in(catalog.by_profile_email(), JANE).await.assert_ok("user:default/jane.doe");
    sign_in(catalog.by_annotation("microsoft.com/email"), JANE).await.assert_ok("user:default/jane.doe");
    sign_in(catalog.by_email_local_part(["example.com"]), JANE).await.assert_ok("user:default/jane.doe");
    let asked = server.asked();
    let questions: Vec<&str> = asked.iter().map(|(question, _)| question.as_str()).collect();
    assert_eq!(
        questions,
        [
            "filter kind=User,spec.profile.email=jane.doe@example.com",
            "filter kind=User,metadata.annotations.microsoft.com/email=jane.doe@example.com",
            "name User:default/jane.doe"
        ]
    );
    assert!(asked.iter().all(|(_, authorization)| authorization == "Bearer a-token"));
}

#[tokio::test]
async fn no_user_is_403_several_are_409_and_the_log_says_what_the_other_resolvers_look_for() {
    let (traced, _guard) = Traced::begin();
    let server = CatalogServer::start([user("jane.doe_example.com", JANE, &[])]).await;
    let catalog = catalog(&server);
    let answer = sign_in(catalog.by_email_local_part(["example.com"]), JANE).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::UserNotFound)));
    let message = answer.error.expect("an error").operator_message();
    assert!(message.contains("the catalog has no user named like the email's local part"), "{message}");
    let other = "if users of the catalog have the email in spec.profile.email, use emailMatchingUserEntityProfileEmail";
    assert!(message.contains(other), "{message}");
    assert!(!traced.all().contains("jane"), "{}", traced.all());

    let unknown = sign_in(catalog.by_profile_email(), "unknown@example.com").await;
    let message = unknown.error.expect("an error").operator_message();
    assert!(message.contains("the catalog has no user with the email in spec.profile.email;"), "{message}");

    server.set([user("jane", JANE, &[]), user("jane2", "JANE.DOE@example.com", &[])]);
    let several = sign_in(catalog.by_profile_email(), JANE).await;
    assert_eq!((several.status.as_u16(), several.kind()), (409, Some(AuthErrorKind::AmbiguousUser)));
}

#[tokio::test]
async fn only_a_user_who_is_not_found_goes_on_to_the_next_policy() {
    let server = CatalogServer::start([user("jane", JANE, &[])]).await;
    let catalog = catalog(&server);
    let both = || FirstMatch::of(catalog.by_email_local_part(["example.com"])).or(catalog.by_profile_email());
    sign_in(both(), JANE).await.assert_ok("user:default/jane");
    assert_eq!(sign_in(both(), "jane@other.example").await.status.as_u16(), 403, "refused, and not looked up further");
    server.answer_instead(9, 500, "");
    assert_eq!(sign_in(both(), JANE).await.status.as_u16(), 503);

    // The error has the query of each of them, once.
    server.answer_instead(0, 0, "");
    let unknown = sign_in(both(), "unknown@example.com").await.error.expect("an error").operator_message();
    assert!(
        ["named like the email's local part; ", "with the email in spec.profile.email; "]
            .iter()
            .all(|user| unknown.matches(&format!("the catalog has no user {user}")).count() == 1),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_catalog_that_fails_is_503_and_one_bad_response_is_requested_again() {
    let server = CatalogServer::start([user("jane", JANE, &[])]).await;
    let catalog = catalog(&server);
    for (case, status, body, says) in [
        ("a passing failure", 502, "", "responded with 502"),
        ("too many requests", 429, "", "responded with 429"),
        ("another token", 401, "", "compare the token with backend.auth.externalAccess"),
        ("a page", 200, "<html>canary</html>", "an invalid entity (line 1, column 1)"),
        ("an object", 200, "{\"canary\": 1}", "an invalid entity"),
        ("no catalog", 404, "", "is it a catalog?"),
        ("a redirect", 302, "", "responded with 302, which is not followed: if the redirect leads to a sign-in"),
    ] {
        server.answer_instead(9, status, body);
        let answer = sign_in(catalog.by_profile_email(), JANE).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)), "{case}");
        let message = answer.error.expect("an error").operator_message();
        assert!(
            message.contains(says) && !message.contains("canary") && !message.contains("a-token"),
            "{case}: {message}"
        );
    }
    server.answer_instead(1, 503, "");
    sign_in(catalog.by_profile_email(), JANE).await.assert_ok("user:default/jane");

    server.answer_instead(0, 0, "");
    server.keep_silent(true);
    let hasty = Catalog::at(server.url()).token("t").timeout(Duration::from_millis(200)).build().expect("sound");
    let answer = sign_in(hasty.by_profile_email(), JANE).await;
    assert_eq!(answer.status.as_u16(), 503);
    assert!(answer.error.expect("an error").operator_message().contains("did not respond within 200ms"));
}

#[tokio::test]
async fn answers_are_remembered_and_stand_in_while_the_catalog_is_down() {
    let server = CatalogServer::start([user("jane", JANE, &[])]).await;
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let app = app(&alb, catalog(&server).by_profile_email());
    let jane = User::jane();
    for _ in 0..5 {
        app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
    }
    assert_eq!(server.asked().len(), 1);
    clock.advance(Duration::from_secs(301));
    server.answer_instead(99, 500, "");
    app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
    clock.advance(Duration::from_secs(3_700));
    assert_eq!(app.call(alb.request("/").user(&jane)).await.status.as_u16(), 503);
}

/// Only an outage keeps users signed in from memory: a catalog that answers, but not to this token or at this address, is none.
#[tokio::test]
async fn a_catalog_that_refuses_the_question_keeps_no_user_signed_in_from_memory() {
    for status in [401, 403, 400, 404, 302, 418] {
        let server = CatalogServer::start([user("jane", JANE, &[])]).await;
        let clock = TestClock::new();
        let alb = MockAlb::new().with_clock(&clock);
        let app = app(&alb, catalog(&server).by_profile_email());
        let jane = User::jane();
        app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
        clock.advance(Duration::from_secs(301));
        server.answer_instead(99, status, "");
        for _ in 0..2 {
            let answer = app.call(alb.request("/").user(&jane)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.kind()),
                (503, Some(AuthErrorKind::SignInUnavailable)),
                "{status}"
            );
        }
        // An outage after it is an outage.
        server.answer_instead(99, 503, "");
        app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
    }
}

/// However many tabs a user opens at once.
#[tokio::test]
async fn requests_of_one_user_that_come_together_ask_once() {
    let server = CatalogServer::start([user("jane", JANE, &[])]).await;
    let alb = MockAlb::new();
    let app = app(&alb, catalog(&server).by_profile_email());
    let jane = User::jane();
    let together = (0..20).map(|_| app.call(alb.request("/").user(&jane)));
    for answer in futures::future::join_all(together).await {
        answer.assert_ok("user:default/jane");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_token_may_be_new_for_each_query() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let server = CatalogServer::start([user("jane", JANE, &[])]).await;
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    let give = move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(format!("token-{number}")) }
    };
    let catalog = Catalog::at(server.url()).token_from(give).build().expect("sound");
    for _ in 0..2 {
        sign_in(catalog.by_profile_email(), JANE).await.assert_ok("user:default/jane");
    }
    let tokens: Vec<String> = server.asked().into_iter().map(|(_, authorization)| authorization).collect();
    assert_eq!(tokens, ["Bearer token-0", "Bearer token-1"]);
}

#[tokio::test]
async fn s_70_without_a_user_no_client_is_signed_in_unless_that_is_waived() {
    let server = CatalogServer::start([]).await;
    let policy = || catalog(&server).by_email_local_part(["example.com"]);
    assert_eq!(sign_in(policy(), JANE).await.status.as_u16(), 403);
    let waived = policy().dangerously_sign_in_without_catalog_user();
    sign_in(waived.clone(), JANE).await.assert_ok("user:default/jane.doe");
    assert_eq!(sign_in(waived, "jane@other.example").await.status.as_u16(), 403);
}

#[tokio::test]
async fn a_namespace_keeps_users_of_others_out() {
    let mut staff = user("jane", JANE, &[]);
    staff["metadata"]["namespace"] = json!("staff");
    let server = CatalogServer::start([staff]).await;
    let catalog = catalog(&server);
    sign_in(catalog.by_profile_email(), JANE).await.assert_ok("user:staff/jane");
    sign_in(catalog.by_profile_email().in_namespace("staff"), JANE).await.assert_ok("user:staff/jane");
    assert_eq!(sign_in(catalog.by_profile_email().in_namespace("partners"), JANE).await.status.as_u16(), 403);
}
