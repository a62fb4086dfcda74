//! A directory that is slow, or out of reach.

use std::time::Duration;

use tokio::time::Instant;
use tower_alb_auth::{AuthErrorKind, CacheLimits, sign_in::SignInError, test_util::User};

use crate::{
    sign_in::directory::{Directory, Setup, user},
    support::Answer,
};

fn down() -> Option<Result<tower_alb_auth::sign_in::SignIn, SignInError>> {
    Some(Err(SignInError::unavailable("the directory is down")))
}

#[track_caller]
fn assert_503(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)), "{answer:?}");
    assert_eq!(answer.body, "Your sign-in cannot be checked at the moment. Please try again.\n");
    let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(wait >= 1);
}

#[tokio::test(start_paused = true)]
async fn f_04_a_directory_that_never_answers_is_a_503_after_the_timeout() {
    for (limits, timeout) in [
        (CacheLimits::new(), Duration::from_secs(5)),
        (CacheLimits::new().sign_in_timeout(Duration::from_millis(50)), Duration::from_millis(50)),
    ] {
        let setup = Setup::new(Directory::closed(), limits);
        let before = Instant::now();
        assert_503(&setup.call(&user("jane")).await);
        let waited = before.elapsed();
        assert!(waited >= timeout && waited < timeout + Duration::from_millis(20), "{waited:?}");
        // It is not remembered.
        setup.directory.release();
        setup.call(&user("jane")).await.assert_ok("user:default/jane");
        assert_eq!(setup.directory.calls(), 2);
    }
}

#[tokio::test]
async fn f_03_an_old_answer_stands_in_while_the_directory_is_down() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.directory.set(down());
    setup.advance(300);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 2, "it was asked first");
    setup.advance(4);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 2, "it is left alone for 5 s");
    setup.advance(1);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 3, "then it is asked again");
    assert_503(&setup.call(&user("joe")).await);

    // 5 min of lifetime and an hour more.
    setup.advance(3595);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.advance(6);
    assert_503(&setup.call(&user("jane")).await);
    // Not even when time seems to go no further.
    assert_503(&setup.call(&user("jane")).await);
    setup.directory.set(None);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn an_old_answer_does_not_outlive_what_the_directory_says_now() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.directory.set(down());
    setup.advance(300);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.directory.set(Some(Err(SignInError::not_found("she left"))));
    setup.advance(5);
    assert_eq!(setup.call(&user("jane")).await.kind(), Some(AuthErrorKind::UserNotFound));
    // And when it is down again, she does not come back.
    setup.directory.set(down());
    setup.advance(10);
    assert_503(&setup.call(&user("jane")).await);
}

#[tokio::test]
async fn how_long_an_old_answer_stands_in_can_be_set() {
    let setup = Setup::new(Directory::open(), CacheLimits::new().sign_in_max_stale(Duration::ZERO));
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.directory.set(down());
    setup.advance(301);
    assert_503(&setup.call(&user("jane")).await);
}

#[tokio::test]
async fn an_old_answer_is_that_of_the_same_claims() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    let admin: User = user("jane").claim("groups", ["admins"]);
    setup.call(&admin).await.assert_ok("user:default/jane");
    setup.directory.set(down());
    setup.advance(300);
    assert_503(&setup.call(&user("jane")).await);
    setup.call(&admin).await.assert_ok("user:default/jane");
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_stands_in_for_a_directory_that_is_slow() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.advance(300);
    setup.directory.close();
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    assert_eq!(setup.directory.calls(), 2);
}

#[tokio::test]
async fn that_the_directory_is_down_is_not_remembered() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    setup.directory.set(down());
    for calls in 1..4 {
        assert_503(&setup.call(&user("jane")).await);
        assert_eq!(setup.directory.calls(), calls);
    }
    setup.directory.set(None);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
}
