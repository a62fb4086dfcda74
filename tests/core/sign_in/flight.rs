//! One question to the directory, however many requests wait for its answer.

use futures::future::join_all;
use tower_alb_auth::{
    AuthErrorKind, CacheLimits,
    sign_in::{SignInError, from_async_fn},
    test_util::MockAlb,
};

use crate::{
    sign_in::{
        app,
        directory::{Directory, Setup, user},
        named,
    },
    support::Answer,
};

impl Setup {
    /// A request of this user, on its way.
    fn start(&self, subject: &str) -> tokio::task::JoinHandle<Answer> {
        let (app, request) = (self.app.clone(), self.alb.request("/").user(&user(subject)).body(String::new()));
        tokio::spawn(async move { app.call(request).await })
    }

    /// The key is there, so that requests wait for the directory alone.
    async fn closed() -> Self {
        let setup = Self::new(Directory::closed(), CacheLimits::new());
        let unsigned = setup.app.call(setup.alb.request("/")).await;
        assert_eq!(unsigned.status, 401);
        setup
    }
}

#[tokio::test]
async fn a_thousand_requests_of_one_user_are_one_question() {
    let setup = Setup::closed().await;
    let requests: Vec<_> = (0..1000).map(|_| setup.start("jane")).collect();
    setup.directory.asked(1).await;
    // Everybody else takes a seat before the answer comes.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    setup.directory.release();
    for answer in join_all(requests).await {
        answer.unwrap().assert_ok("user:default/jane");
    }
    assert_eq!((setup.directory.calls(), setup.app.calls()), (1, 1000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_of_many_users_on_many_threads_are_a_question_each() {
    let setup = Setup::closed().await;
    let names: Vec<String> = (0..50).map(|number| format!("user-{number}")).collect();
    let requests: Vec<_> = (0..500).map(|number| setup.start(&names[number % 50])).collect();
    setup.directory.asked(50).await;
    setup.directory.release();
    for (number, answer) in join_all(requests).await.into_iter().enumerate() {
        answer.unwrap().assert_ok(&format!("user:default/user-{}", number % 50));
    }
    assert_eq!(setup.directory.calls(), 50);
}

#[tokio::test]
async fn that_no_user_is_found_is_one_query_too() {
    let setup = Setup::closed().await;
    setup.directory.set(Some(Err(SignInError::not_found("nobody"))));
    let requests: Vec<_> = (0..20).map(|_| setup.start("jane")).collect();
    setup.directory.asked(1).await;
    setup.directory.release();
    for answer in join_all(requests).await {
        assert_eq!(answer.unwrap().kind(), Some(AuthErrorKind::UserNotFound));
    }
    assert_eq!(setup.directory.calls(), 1);
}

#[tokio::test]
async fn f_18_a_request_that_goes_away_does_not_take_the_others_with_it() {
    let setup = Setup::closed().await;
    let first = setup.start("jane");
    setup.directory.asked(1).await;
    let second = setup.start("jane");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    setup.directory.release();
    second.await.unwrap().assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 1);
}

#[tokio::test]
async fn f_19_what_was_queried_for_requests_that_went_away_is_remembered() {
    let setup = Setup::closed().await;
    let requests: Vec<_> = (0..10).map(|_| setup.start("jane")).collect();
    setup.directory.asked(1).await;
    requests.iter().for_each(tokio::task::JoinHandle::abort);
    for request in requests {
        assert!(request.await.unwrap_err().is_cancelled());
    }
    setup.directory.release();
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 1);
}

#[tokio::test]
async fn f_20_a_policy_that_panics_is_a_503_and_the_next_request_asks_again() {
    let alb = MockAlb::new();
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&calls);
    let policy = from_async_fn(move |claims| {
        let call = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            assert!(call > 1, "a bug in the policy");
            named(claims.subject())
        }
    });
    let app = app(&alb, policy);
    for _ in 0..2 {
        let answer = app.call(alb.request("/").user(&user("jane"))).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)));
    }
    app.call(alb.request("/").user(&user("jane"))).await.assert_ok("user:default/jane");
}
