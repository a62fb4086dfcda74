//! What becomes of the error of a policy: a status, one body for the client, a message for the operator.

use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{SignInError, from_async_fn, from_fn},
    test_util::User,
};

use crate::sign_in::{named, sign_in};

#[tokio::test]
async fn s_70_each_kind_of_error_has_its_status_and_body() {
    let forbidden = "You are signed in, but this application does not let you in.\n";
    let conflict = "You are signed in, but more than one user matches you here.\n";
    let unavailable = "Your sign-in cannot be checked at the moment. Please try again.\n";
    for (error, status, kind, body) in [
        (SignInError::refused("a canary"), 403, AuthErrorKind::SignInRefused, forbidden),
        (SignInError::not_found("a canary"), 403, AuthErrorKind::UserNotFound, forbidden),
        (SignInError::ambiguous("a canary"), 409, AuthErrorKind::AmbiguousUser, conflict),
        (SignInError::unavailable("a canary"), 503, AuthErrorKind::SignInUnavailable, unavailable),
        (SignInError::misconfigured("a canary"), 503, AuthErrorKind::SignInUnavailable, unavailable),
    ] {
        let (one, other) = (error.clone(), error.clone());
        for (case, answer) in [
            ("at once", sign_in(from_fn(move |_| Err(one.clone())), &User::jane()).await),
            ("later", {
                let policy = from_async_fn(move |_| std::future::ready(Err(other.clone())));
                sign_in(policy, &User::jane()).await
            }),
        ] {
            assert_eq!((answer.status.as_u16(), answer.kind()), (status, Some(kind)), "{case}: {answer:?}");
            assert_eq!(answer.body, body, "{case}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
            assert_eq!(answer.header("retry-after").is_some(), status == 503, "{case}");
            assert!(answer.headers.values().all(|value| !value.to_str().unwrap().contains("canary")), "{case}");
            let error = answer.error.unwrap();
            assert!(error.operator_message().ends_with(": a canary"), "{}", error.operator_message());
            assert_eq!(error.to_string() + "\n", body, "Display is the client's text");
            assert!(std::error::Error::source(&error).is_some_and(|source| source.is::<SignInError>()), "{case}");
        }
    }
}

#[tokio::test]
async fn the_handler_is_not_called_for_a_rejected_user() {
    let alb = tower_alb_auth::test_util::MockAlb::new();
    let app = crate::sign_in::app(
        &alb,
        from_fn(|claims| match claims.subject() {
            "jane" => named("jane"),
            _ => Err(SignInError::refused("not jane")),
        }),
    );
    let user = |subject: &str| User::empty().claim("sub", subject);
    for _ in 0..2 {
        assert_eq!(app.call(alb.request("/").user(&user("joe"))).await.status, 403);
    }
    assert_eq!(app.calls(), 0);
    app.call(alb.request("/").user(&user("jane"))).await.assert_ok("user:default/jane");
}
