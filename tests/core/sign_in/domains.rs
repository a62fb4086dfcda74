//! Whose emails count: exactly the domains that are listed, and guests by name.

use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{EmailLocalPart, EmailSignIn, FirstMatch, GroupOwnership, Subject, WholeEmail},
    test_util::MockAlb,
};

use crate::sign_in::{assert_403, sign_in, warnings, with_email};

const SHARED: [&str; 6] = [
    "https://accounts.google.com",
    "https://accounts.google.com/",
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.microsoftonline.com/organizations/v2.0",
    "https://login.microsoftonline.com/consumers/v2.0",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
];

/// The warnings, or what is wrong.
fn build(alb: &MockAlb, policy: impl tower_alb_auth::sign_in::SignInResolver) -> Result<Vec<String>, String> {
    let config = alb.config_builder().sign_in(policy).accept_missing_email_verified().build();
    config.map(|config| warnings(&config)).map_err(|error| error.to_string())
}

#[tokio::test]
async fn s_54_a_domain_that_only_looks_allowed_signs_no_user_in() {
    for email in [
        "a@evil.com@corp.com",
        "a@corp.com@evil.com",
        "a@@corp.com",
        "a@notcorp.com",
        "a@sub.corp.com",
        "a@corp.com.",
        "a@.corp.com",
        "a@corp..com",
        "a@corp.com.evil.com",
        "a@corp.co",
        "a@corp.comm",
        "a@corpxcom",
        "a@corp",
        "a@com",
        "\"a@corp.com\"@evil",
        "\"a@corp.com\"@evil.com",
        "\"a\"@corp.com",
        "@corp.com",
        "a@",
        "@",
        "",
        "a",
        "corp.com",
        "a@corp.com ",
        " a@corp.com",
        "a@ corp.com",
        "a(comment)@corp.com",
        "a@corp.com(comment)",
        "<a@corp.com>",
        "A <a@corp.com>",
        "a@corp.com,b@evil.com",
        "a@[127.0.0.1]",
        "a%corp.com@evil.com",
        "a!b@corp.com",
        "a@corp.com/x",
        "a@corp.com?x",
        "mailto:a@corp.com",
    ] {
        for (which, policy) in
            [("local part", EmailLocalPart::in_domains(["corp.com"])), ("whole", WholeEmail::in_domains(["corp.com"]))]
        {
            let answer = sign_in(policy, &with_email(email)).await;
            assert_403(&answer, AuthErrorKind::SignInRefused, &format!("{which} of {email:?}"));
        }
    }
}

#[tokio::test]
async fn s_54_letter_case_of_a_domain_does_not_matter() {
    for (domain, email) in [("corp.com", "a@CORP.com"), ("Corp.Com", "a@corp.com"), ("CORP.COM", "A@cOrP.cOm")] {
        sign_in(EmailLocalPart::in_domains([domain]), &with_email(email)).await.assert_ok("user:default/a");
    }
}

#[tokio::test]
async fn s_54_any_domain_takes_a_waiver_that_is_said_at_start_up() {
    // There is no way to an EmailSignIn but with domains or by the method that says what it gives up.
    let waived = || EmailLocalPart::dangerously_in_any_domain();
    assert_eq!(
        build(&MockAlb::new(), waived()).unwrap(),
        ["users of any email domain are signed in: list your domains"]
    );
    sign_in(waived(), &with_email("a@anything.example")).await.assert_ok("user:default/a");
    assert_eq!(build(&MockAlb::new(), EmailLocalPart::in_domains(["corp.com"])).unwrap(), Vec::<String>::new());
}

#[test]
fn s_54_a_list_that_allows_no_domain_or_an_invalid_one_does_not_build() {
    let none: [&str; 0] = [];
    for policy in [EmailLocalPart::in_domains(none), WholeEmail::in_domains(none)] {
        let problem = build(&MockAlb::new(), policy).unwrap_err();
        assert!(problem.contains("no email domain is allowed: add one by in_domains([\"example.com\"])"), "{problem}");
    }
    for domain in
        ["", " ", "*", "*.corp.com", "@corp.com", "corp.com ", "a@corp.com", ".corp.com", "corp.com.", "c\u{43e}rp.com"]
    {
        let problem = build(&MockAlb::new(), EmailLocalPart::in_domains(["example.com", domain])).unwrap_err();
        assert!(problem.contains("is not an email domain: write it as example.com"), "{domain:?}: {problem}");
    }
    for address in ["", "corp.com", "@corp.com", "*@corp.com", "a@corp.com@x", "a b@corp.com"] {
        let problem = build(&MockAlb::new(), EmailLocalPart::in_domains(["example.com"]).allow_address(address));
        let problem = problem.unwrap_err();
        assert!(problem.contains("is not a plain email address"), "{address:?}: {problem}");
    }
}

#[test]
fn s_54_s_55_an_issuer_of_everybody_needs_domains() {
    for issuer in SHARED {
        let alb = MockAlb::new().with_issuer(issuer);
        let any = EmailLocalPart::dangerously_in_any_domain;
        // However deep the policy stands.
        let policies: [(&str, Result<Vec<String>, String>); 4] = [
            ("local part", build(&alb, any())),
            ("whole", build(&alb, WholeEmail::dangerously_in_any_domain())),
            ("in a chain", build(&alb, FirstMatch::of(Subject::new()).or(any()))),
            ("with groups", build(&alb, GroupOwnership::of(FirstMatch::of(any())).claim("groups"))),
        ];
        for (case, result) in policies {
            let problem = result.expect_err(case);
            assert!(
                problem.contains("has users of many organisations, so a sign-in by email requires"),
                "{case}: {problem}"
            );
        }
        assert!(build(&alb, EmailLocalPart::in_domains(["corp.com"])).is_ok(), "{issuer} with domains");
        assert!(build(&alb, Subject::new()).is_ok(), "{issuer} by subject");
    }
    // An issuer that merely begins alike is the operator's own.
    let own = MockAlb::new().with_issuer("https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0");
    assert!(build(&own, EmailLocalPart::dangerously_in_any_domain()).is_ok());
}

#[tokio::test]
async fn s_75_a_guest_is_refused_until_the_operator_allows_the_address() {
    let own = || EmailLocalPart::in_domains(["corp.com"]);
    let guest = with_email("guest@partner.com");
    assert_403(&sign_in(own(), &guest).await, AuthErrorKind::SignInRefused, "not allowed");

    let allowing = || -> EmailSignIn { own().allow_address("Guest@Partner.com") };
    sign_in(allowing(), &guest).await.assert_ok("user:default/guest");
    sign_in(allowing(), &with_email("a@corp.com")).await.assert_ok("user:default/a");
    // The one address, and none like it.
    for email in [
        "other@partner.com",
        "guest@partner.co",
        "guest@partner.com.evil.com",
        "xguest@partner.com",
        "guest+x@partner.com",
        "guest@evil.com",
        "guest_partner.com#EXT#@corp.onmicrosoft.com",
        "gue\u{455}t@partner.com",
    ] {
        assert_403(&sign_in(allowing(), &with_email(email)).await, AuthErrorKind::SignInRefused, email);
    }
    let only_guests = EmailLocalPart::in_domains(Vec::<String>::new()).allow_address("guest@partner.com");
    sign_in(only_guests, &guest).await.assert_ok("user:default/guest");
}
