//! How long tokens live, and what they say.

use std::time::Duration;

use crate::settings::{read, with, wrong};

fn lifetime(written: &str) -> (u64, Vec<String>) {
    let settings = read(&format!("auth:\n  backstageTokenExpiration: {written}\n"));
    let told = settings.warnings.into_iter().filter(|warning| warning.contains("backstageTokenExpiration")).collect();
    (settings.token_lifetime.as_secs(), told)
}

#[test]
fn a_lifetime_is_written_as_backstage_has_it() {
    assert_eq!(read("").token_lifetime, Duration::from_secs(3600));
    for (written, seconds) in [
        ("{ hours: 1 }", 3600),
        ("{ hours: 1, minutes: 30 }", 5400),
        ("{ days: 1 }", 86_400),
        ("{ seconds: 1200.4 }", 1200),
        ("{ minutes: \"20\" }", 1200),
        ("1h", 3600),
        ("90m", 5400),
        ("'2 hours'", 7200),
        ("PT45M", 2700),
        ("P1D", 86_400),
    ] {
        assert_eq!(lifetime(written), (seconds, vec![]), "{written}");
    }
}

/// S-65: from a file it is clamped with a warning, as stock Backstage clamps it.
#[test]
fn s_65_a_lifetime_out_of_range_is_clamped_with_a_warning() {
    for (written, seconds, says) in [
        ("1m", 600, "shorter than 10 minutes, so 10 minutes are used"),
        ("{ milliseconds: 1 }", 600, "shorter"),
        ("{ days: 2 }", 86_400, "longer than 24 hours, so 24 hours are used"),
        ("P1Y", 86_400, "longer"),
        ("99999999999999999999999999 years", 86_400, "longer"),
    ] {
        let (lifetime, told) = lifetime(written);
        assert_eq!(lifetime, seconds, "{written}");
        assert!(told.len() == 1 && told[0].contains(says), "{written}: {told:?}");
        assert!(told[0].contains("(app-config.production.yaml:2)"), "{told:?}");
    }
}

#[test]
fn what_is_no_lifetime_is_refused() {
    let all: Vec<String> = ["3600", "'3600'", "soon", "{}", "{ hour: 1 }", "{ hours: soon }", "[1]", "-1h", "PT"]
        .iter()
        .map(|written| format!("{written}: {}", wrong(&format!("auth:\n  backstageTokenExpiration: {written}\n"))))
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    3600: auth.backstageTokenExpiration (app-config.production.yaml:2) must be an object such as { hours: 1 }, or a text such as 1h, and is a number
    '3600': auth.backstageTokenExpiration (app-config.production.yaml:2) is not a duration: write it as { hours: 1 }, 1h, 90m or PT1H
    soon: auth.backstageTokenExpiration (app-config.production.yaml:2) is not a duration: write it as { hours: 1 }, 1h, 90m or PT1H
    {}: auth.backstageTokenExpiration (app-config.production.yaml:2) has no duration: write it as { hours: 1 }
    { hour: 1 }: auth.backstageTokenExpiration.hour (app-config.production.yaml:2) is not a known setting. Did you mean hours? Known settings are years, months, weeks, days, hours, minutes, seconds, milliseconds
    { hours: soon }: auth.backstageTokenExpiration.hours (app-config.production.yaml:2) must be a number, and is a text
    [1]: auth.backstageTokenExpiration (app-config.production.yaml:2) must be an object such as { hours: 1 }, or a text such as 1h, and is a list
    -1h: auth.backstageTokenExpiration (app-config.production.yaml:2) is not a duration: write it as { hours: 1 }, 1h, 90m or PT1H
    PT: auth.backstageTokenExpiration (app-config.production.yaml:2) is not a duration: write it as { hours: 1 }, 1h, 90m or PT1H
    ");
}

#[test]
fn ownership_is_left_out_of_tokens_unless_it_is_kept() {
    assert!(read("").omit_ownership_claim, "as in stock Backstage since 0.28");
    assert!(!read("auth: { omitIdentityTokenOwnershipClaim: false }").omit_ownership_claim);
    assert!(read("auth: { omitIdentityTokenOwnershipClaim: true }").omit_ownership_claim);
}

#[test]
fn tokens_are_signed_by_es256_alone() {
    assert!(with("auth: { identityTokenAlgorithm: ES256 }").is_ok());
    insta::assert_snapshot!(wrong("auth: { identityTokenAlgorithm: RS256 }"), @r#"auth.identityTokenAlgorithm (app-config.production.yaml:1) is "RS256", and tokens are signed by ES256 only: leave it out"#);
}
