//! The settings of the database with the keys of assertions. Its tests with a server are in tests/peers/postgres.

use tower_alb_auth::test_util::MockAlb;

use crate::site::{settings, trust};

#[tokio::test]
async fn s_119_mistakes_in_the_settings_of_the_database_are_reported_and_never_its_password() {
    let trust = trust(&MockAlb::new()).await;
    let with = |lines: &str| {
        settings(&format!(
            "{trust}upstream: http://127.0.0.1:1\nassertion_issuer: http://127.0.0.1:2\nassertion_audience: a\n\
             assertion_listen: 127.0.0.1:2\n{lines}"
        ))
    };
    const URL: &str = "assertion_database: postgres://u:canary@db.example.com/sso\n";
    assert!(with(URL).is_ok() && with(&format!("{URL}assertion_database_schema: sso\n")).is_ok());
    for (lines, key) in [
        (format!("{URL}assertion_keys: keys\n"), "assertion_database"),
        (format!("{URL}assertion_database_schema: public\n"), "assertion_database_schema"),
        (format!("{URL}assertion_database_schema: auth\n"), "assertion_database_schema"),
        (format!("{URL}assertion_database_schema: pg_catalog\n"), "assertion_database_schema"),
        ("assertion_database_schema: sso\n".to_owned(), "assertion_database_schema"),
        ("assertion_database_password_file: x\n".to_owned(), "assertion_database_password_file"),
        ("assertion_database:\n".to_owned(), "assertion_database"),
        (format!("{URL}assertion_database_password_file: nowhere\n"), "assertion_database_password_file"),
        ("assertion_database: mysql://u:canary@db.example.com/sso\n".to_owned(), "assertion_database"),
        ("assertion_database: postgres://u:can/ary@db.example.com/sso\n".to_owned(), "assertion_database"),
        ("assertion_database: postgres://u:canary@db.example.com/sso?what=1\n".to_owned(), "assertion_database"),
    ] {
        let error = with(&lines).err().unwrap_or_else(|| panic!("{lines} is accepted"));
        assert!(error.to_string().contains(key), "{lines}: {error}");
        assert!(!error.to_string().contains("canary") && !error.to_string().contains("ary@"), "{error}");
    }
}
