//! Errors of stores, tokens and keys name the error behind them.

use std::{
    error::Error,
    io,
    time::{Duration, SystemTime},
};

use tower_alb_auth::backstage::{
    IssueError, JwkError, PublicJwk, TokenRefused,
    store::{StoreError, StoreErrorKind},
};

fn down() -> StoreError {
    StoreError::new("the database is down").caused_by(io::Error::from(io::ErrorKind::ConnectionRefused))
}

#[test]
fn an_error_of_a_store_keeps_its_cause_through_the_issuer() {
    assert_eq!(down(), StoreError::new("the database is down"), "errors are compared by their message");
    let (issue, refused) = (IssueError::Store(down()), TokenRefused::Unavailable(down()));
    for error in [&issue as &dyn Error, &refused] {
        let store = error.source().and_then(|source| source.downcast_ref::<StoreError>()).expect("the store's error");
        let cause = store.source().and_then(|source| source.downcast_ref::<io::Error>()).expect("its cause");
        assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    }
    assert!(TokenRefused::Invalid("the token is not a JWT").source().is_none());
}

/// No server listens: the time is checked before a connection is opened.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn an_expiry_that_cannot_be_written_is_a_fault_of_the_clock_and_not_of_the_store() {
    use tower_alb_auth::backstage::{
        settings::DatabaseTls,
        store::{PublicKeyStore as _, StoredKey, postgres::Postgres},
    };

    let builder = Postgres::builder("127.0.0.1", "backstage_plugin_auth").port(1).user("backstage");
    let postgres = builder.password("x").tls(DatabaseTls::off()).build().expect("sound settings");
    let key = || PublicJwk::parse(r#"{"kty":"EC","kid":"one"}"#).expect("a key");
    let year_10000 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let publish = async |created_at, expires_at| {
        let stored = StoredKey::new(key(), created_at, expires_at);
        postgres.plugin_keys().publish(stored).await.expect_err("no server")
    };
    for expires_at in [None, Some(year_10000)] {
        let error = publish(year_10000, expires_at).await;
        assert_eq!(error.kind(), StoreErrorKind::Clock, "{error}");
        assert!(matches!(IssueError::from(error), IssueError::Clock(_)));
    }
    let error = publish(SystemTime::now(), None).await;
    assert_eq!(error.kind(), StoreErrorKind::Store, "{error}");
    assert!(matches!(IssueError::from(error), IssueError::Store(_)));
}

#[test]
fn an_invalid_jwk_names_the_place_and_shows_no_content() {
    let canary = "canary-7f3b";
    let error = |text: &str| -> JwkError { PublicJwk::parse(text).expect_err(text) };
    let syntax = error(&format!(r#"{{"kid": "{canary}" "d": "{canary}"}}"#));
    assert!(syntax.source().is_some_and(|cause| cause.to_string().contains("line 1 column")), "{syntax:?}");
    for text in [
        format!("\"{canary}\""),
        format!("[\"{canary}\"]"),
        format!(r#"{{"kid": "{canary}", "kty": ["{canary}"]}}"#),
        format!(r#"{{"kid": "{canary}", "d": "{canary}"}}"#),
        format!(r#"{{"kid": "{canary}" "d": "{canary}"}}"#),
        format!(r#"{{"kid": "{canary}"#),
    ] {
        let error = error(&text);
        let causes = std::iter::successors(error.source(), |error| (*error).source());
        let shown = causes.fold(format!("{error} {error:?}"), |shown, cause| format!("{shown} {cause} {cause:?}"));
        assert!(!shown.contains(canary), "{text}: {shown}");
    }
}
