//! S-89: what many users at once cost the catalog.

use std::time::Duration;

use futures::future::join_all;
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, CacheLimits,
    sign_in::{FirstMatch, SignInResolver},
    test_util::{MockAlb, User},
};

use crate::{
    catalog::{
        catalog,
        server::{CatalogServer, user},
    },
    support::App,
    support::traced::Traced,
};

/// More than the catalog is asked at once, by far.
const USERS: usize = 500;

fn app(alb: &MockAlb, policy: impl SignInResolver, sign_in_timeout: Duration) -> App {
    let limits = CacheLimits::new().sign_in_timeout(sign_in_timeout);
    let config = alb.config_builder().sign_in(policy).cache_limits(limits).build();
    App::new(AlbAuthLayer::new(config.expect("a sound configuration")))
}

fn unknown(number: usize) -> User {
    User::empty().claim("sub", format!("unknown-{number}")).claim("email", format!("unknown-{number}@example.com"))
}

#[tokio::test]
async fn s_89_five_hundred_unknown_users_are_one_question_each_for_every_policy_32_at_once() {
    let server = CatalogServer::start([]).await;
    let catalog = catalog(&server);
    let alb = MockAlb::new();
    let policy = FirstMatch::of(catalog.by_profile_email()).or(catalog.by_annotation("microsoft.com/email"));
    let app = app(&alb, policy, Duration::from_secs(60));
    // No answer before 32 questions are open, so that there are as many as there may be.
    server.close();
    let requests = (0..USERS).map(|number| {
        let (app, request) = (app.clone(), alb.request("/").user(&unknown(number)).body(String::new()));
        tokio::spawn(async move { app.call(request).await })
    });
    let requests: Vec<_> = requests.collect();
    server.open_questions(32).await;
    server.open();
    for answer in join_all(requests).await {
        let answer = answer.expect("no panic");
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::UserNotFound)));
    }
    let (asked, most) = (server.asked().len(), server.most_at_once());
    // One question for each policy.
    assert_eq!(asked, 2 * USERS, "{most} at once");
    assert_eq!(most, 32, "{asked} questions");
    println!("{USERS} unknown users: {asked} questions, {most} at once");
}

#[tokio::test]
async fn s_89_a_query_that_waits_too_long_for_its_turn_is_503_and_the_next_one_is_sent() {
    let server = CatalogServer::start([user("jane", "jane@example.com", &[])]).await;
    let alb = MockAlb::new();
    let app = app(&alb, catalog(&server).by_profile_email(), Duration::from_millis(400));
    server.close();
    let requests = (0..40).map(|number| {
        let (app, request) = (app.clone(), alb.request("/").user(&unknown(number)).body(String::new()));
        tokio::spawn(async move { app.call(request).await })
    });
    let requests: Vec<_> = requests.collect();
    for answer in join_all(requests).await {
        let answer = answer.expect("no panic");
        assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)));
    }
    // Whoever was given up took no place along.
    server.open();
    let jane = User::empty().claim("sub", "jane").claim("email", "jane@example.com");
    app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn s_89_an_unknown_user_causes_one_question_and_the_log_names_no_user() {
    let (traced, _guard) = Traced::begin();
    let users = (0..5).map(|number| {
        let email = format!("unknown-{number}@example.com");
        user(&format!("unknown-{number}_example.com"), &email, &[])
    });
    let server = CatalogServer::start(users).await;
    let alb = MockAlb::new();
    let app = app(&alb, catalog(&server).by_email_local_part(["example.com"]), Duration::from_secs(60));
    for number in 0..5 {
        let answer = app.call(alb.request("/").user(&unknown(number))).await;
        assert_eq!(answer.kind(), Some(AuthErrorKind::UserNotFound));
        let message = answer.error.expect("an error").operator_message();
        assert!(!message.contains("unknown-") && message.contains("emailMatchingUserEntityProfileEmail"), "{message}");
    }
    // A task of this runtime, which has one thread, would have run.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.asked().len(), 5);
    assert!(!traced.all().contains("unknown-"), "{}", traced.all());
}
