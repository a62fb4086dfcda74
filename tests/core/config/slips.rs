//! Mistakes in the environment: a variable that is missing or unknown hides no mistake in another one.

use tower_alb_auth::{AlbAuthSettings, config::ProblemKind};

const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/50dc6c495c0c9188/f2f7dc8efc522ab2";

/// The kinds of the problems, and their texts.
fn problems(vars: &[(&str, &str)]) -> Vec<(ProblemKind, String)> {
    let error = AlbAuthSettings::from_vars(vars.iter().copied()).expect_err("a mistake");
    error.problems().iter().map(|problem| (problem.kind(), problem.to_string())).collect()
}

#[test]
fn a_variable_that_is_unknown_hides_no_invalid_value() {
    let found = problems(&[
        ("ALB_AUTH_SIGNERS", LISTENER),
        ("ALB_AUTH_ISSUER", "an issuer"),
        ("ALB_AUTH_CLIENT_ID", "backstage"),
        ("ALB_AUTH_EMAIL_DOMAINS", "@example.com"),
        ("ALB_AUTH_LIMIT_MAX_LIFETIME", "300h"),
    ]);
    for part in [
        "Did you mean ALB_AUTH_CLIENT_IDS?",
        "ALB_AUTH_CLIENT_IDS is not set",
        "is the ARN of a listener",
        "an issuer is an absolute URL",
        "\"@example.com\"",
        "max_lifetime",
    ] {
        assert_eq!(found.iter().filter(|(_, text)| text.contains(part)).count(), 1, "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn what_is_missing_is_reported_once() {
    for vars in [&[][..], &[("ALB_AUTH_SIGN_IN", "subject")], &[("ALB_AUTH_KEY_ENDPOINT", "https://keys.example.com")]]
    {
        let found = problems(vars);
        assert!(found.iter().all(|(kind, _)| *kind == ProblemKind::Missing), "{found:#?}");
        let expected = if vars.iter().any(|(name, _)| *name == "ALB_AUTH_SIGN_IN") { 3 } else { 4 };
        assert_eq!(found.len(), expected, "{found:#?}");
    }
}
