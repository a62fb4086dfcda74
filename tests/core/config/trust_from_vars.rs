//! Trust from the environment, and the sign-in policy in code.

use tower_alb_auth::{AlbAuthConfig, AlbAuthConfigBuilder, ConfigError, sign_in::Subject};

use crate::config::{ALB, ISSUER};

const TRUST: [(&str, &str); 3] =
    [("ALB_AUTH_SIGNERS", ALB), ("ALB_AUTH_ISSUER", ISSUER), ("ALB_AUTH_CLIENT_IDS", "one, other")];

fn trust(more: &[(&str, &str)]) -> Result<AlbAuthConfigBuilder, ConfigError> {
    AlbAuthConfig::trust_from_vars(TRUST.iter().chain(more).copied())
}

#[test]
fn the_policy_is_that_of_the_code() {
    let config = trust(&[("ALB_AUTH_LIMIT_MAX_LIFETIME", "5m")]).unwrap().sign_in(Subject::new()).build().unwrap();
    let summary = config.summary();
    assert!(summary.contains("one or other") && summary.contains("subject"), "{summary}");
    assert_eq!(config.warnings(), [""; 0]);
}

#[test]
fn without_a_policy_in_code_nothing_builds() {
    let problems = trust(&[]).unwrap().build().unwrap_err().to_string();
    assert!(problems.contains("sign_in"), "{problems}");
}

#[test]
fn variables_of_policies_are_warnings_since_they_have_no_effect() {
    let policy = [("ALB_AUTH_EMAIL_DOMAINS", "example.com"), ("ALB_AUTH_GROUPS_CLAIM", "groups")];
    let config = trust(&policy).unwrap().sign_in(Subject::new()).build().unwrap();
    for (name, warning) in policy.iter().map(|(name, _)| name).zip(config.warnings()) {
        assert!(warning.starts_with(name) && warning.contains("no effect"), "{warning}");
    }
    assert_eq!(config.warnings().len(), policy.len());
}

#[test]
fn all_mistakes_of_trust_are_reported_at_once_and_none_of_a_policy() {
    let given = [("ALB_AUTH_ISSUER", ISSUER), ("ALB_AUTH_SINGERS", ALB)];
    let Err(error) = AlbAuthConfig::trust_from_vars(given) else { panic!("it lacks a signer") };
    let problems = error.to_string();
    for part in ["ALB_AUTH_SIGNERS is not set", "ALB_AUTH_CLIENT_IDS is not set", "ALB_AUTH_SINGERS"] {
        assert!(problems.contains(part), "{part:?} is not in: {problems}");
    }
    assert!(!problems.contains("EMAIL_DOMAINS is not set"), "{problems}");
}
