//! S-55: issuers that anyone can have an account at, in every way to write them.

use tower_alb_auth::{
    AlbAuthConfig, AuthErrorKind, TrustedAlb,
    sign_in::{ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, Subject, WholeEmail},
    test_util::{MockAlb, User},
};

use crate::{
    sign_in::{assert_403, warnings},
    support::App,
};

const SHARED: &[&str] = &[
    "https://accounts.google.com",
    "accounts.google.com",
    "https://access.line.me",
    "https://api.login.yahoo.com",
    "https://appleid.apple.com",
    "https://discord.com",
    "https://id.twitch.tv/oauth2",
    "https://identity.xero.com",
    "https://kauth.kakao.com",
    "https://www.facebook.com",
    "https://www.paypal.com",
    "https://gitlab.com",
    "https://slack.com",
    "https://www.linkedin.com/oauth",
    "https://www.linkedin.com",
    "https://login.salesforce.com",
    "https://test.salesforce.com",
    "https://login.live.com",
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.microsoftonline.com/organizations/v2.0",
    "https://login.microsoftonline.com/consumers/v2.0",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "https://login.microsoftonline.com/{tenantid}/v2.0",
    "https://login.microsoftonline.com/%7Btenantid%7D/v2.0",
    "https://login.microsoftonline.com/common",
    "https://login.windows.net/common",
    "https://sts.windows.net/{tenantid}/",
    "https://login.microsoftonline.us/common/v2.0",
    "https://login.microsoftonline.us/organizations/v2.0",
    "https://login.microsoftonline.us/consumers/v2.0",
    "https://login.microsoftonline.us/{tenantid}/v2.0",
    "https://login.partner.microsoftonline.cn/common/v2.0",
    "https://login.partner.microsoftonline.cn/organizations/v2.0",
    "https://login.partner.microsoftonline.cn/consumers/v2.0",
    "https://login.chinacloudapi.cn/common/v2.0",
    "https://login.chinacloudapi.cn/organizations",
    "https://sts.chinacloudapi.cn/{tenantid}/",
];

const OWN: &[&str] = &[
    "https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0",
    "https://login.microsoftonline.us/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0",
    "https://login.partner.microsoftonline.cn/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0",
    "https://sts.windows.net/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/",
    // Hosts that only look alike, and an organisation's own host at such a provider.
    "https://gitlab.com.example.com",
    "https://gitlab.example.com",
    "https://example.com/https://gitlab.com",
    "https://example.my.salesforce.com",
    "https://login.microsoftonline.com.example.com/common/v2.0",
    "https://example.com/common/v2.0",
    "https://idp.example.com",
];

/// The issuer as it is, and in near forms.
fn forms(issuer: &str) -> Vec<String> {
    let (scheme, rest) = issuer.split_once("://").map_or(("", issuer), |(scheme, rest)| (scheme, rest));
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    let of =
        |host: String| if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") };
    vec![
        issuer.to_owned(),
        format!("{}/", issuer.trim_end_matches('/')),
        format!("{issuer}//"),
        issuer.trim_end_matches('/').to_owned(),
        issuer.to_uppercase(),
        of(host.to_uppercase()),
        of(format!("{host}:443")),
        of(format!("{host}.")),
    ]
}

#[test]
fn s_55_every_near_form_of_a_shared_issuer_needs_domains() {
    for issuer in SHARED.iter().flat_map(|issuer| forms(issuer)) {
        let alb = MockAlb::new().with_issuer(&issuer);
        let build = |any: bool| {
            let (local, whole) = match any {
                true => (EmailLocalPart::dangerously_in_any_domain(), WholeEmail::dangerously_in_any_domain()),
                false => (EmailLocalPart::in_domains(["example.com"]), WholeEmail::in_domains(["example.com"])),
            };
            [
                alb.config_builder().sign_in(local.clone()).build(),
                alb.config_builder().sign_in(whole).build(),
                alb.config_builder()
                    .sign_in(GroupOwnership::of(FirstMatch::of(Subject::new()).or(local)).claim("groups"))
                    .build(),
            ]
        };
        for refused in build(true) {
            let problem = refused.expect_err(&issuer).to_string();
            assert!(problem.contains("has users of many organisations"), "{problem}");
        }
        for sound in build(false) {
            // An email without the claim is rejected there, so there is nothing to acknowledge.
            let sound = sound.expect(&issuer);
            let warned = warnings(&sound).join("\n");
            assert!(!warned.contains("email_verified"), "{issuer}: {warned}");
        }
    }
    for issuer in OWN.iter().flat_map(|issuer| forms(issuer)) {
        let alb = MockAlb::new().with_issuer(&issuer);
        let any = alb.config_builder().sign_in(EmailLocalPart::dangerously_in_any_domain()).build();
        assert!(any.is_ok(), "{issuer}");
    }
}

#[tokio::test]
async fn s_55_an_email_of_which_nothing_is_said_is_refused_at_every_shared_issuer() {
    let shared = SHARED.iter().flat_map(|issuer| forms(issuer)).map(|issuer| (issuer, true));
    let own = OWN.iter().flat_map(|issuer| forms(issuer)).map(|issuer| (issuer, false));
    for (issuer, is_shared) in shared.chain(own) {
        let alb = MockAlb::new().with_issuer(&issuer);
        let policy = EmailLocalPart::in_domains(["example.com"]);
        // The acknowledgement concerns the operator's own issuer alone.
        let config = alb.config_builder().sign_in(policy).accept_missing_email_verified().build().expect("sound");
        let app = App::new(tower_alb_auth::AlbAuthLayer::new(config));
        let verified = User::jane().claim("email_verified", true);
        app.call(alb.request("/").user(&verified)).await.assert_ok("user:default/jane.doe");
        let answer = app.call(alb.request("/").user(&User::jane())).await;
        match is_shared {
            true => assert_403(&answer, AuthErrorKind::SignInRefused, &issuer),
            false => answer.assert_ok("user:default/jane.doe"),
        }
    }
}

/// One warning, however many policies and entries there are; none where it is settled.
#[test]
fn s_55_an_email_without_email_verified_is_one_warning_until_it_is_acknowledged() {
    let alb = MockAlb::new();
    let email = || EmailLocalPart::in_domains(["example.com"]);
    let strict = || email().require_verified_email();
    let whole = || WholeEmail::in_domains(["example.com"]).in_namespace("whole");
    let groups = || GroupOwnership::of(FirstMatch::of(email()).or(whole())).claim("groups");
    let builders = [
        ("local part", alb.config_builder().sign_in(email()), 1),
        ("whole email", alb.config_builder().sign_in(whole()), 1),
        ("several", alb.config_builder().sign_in(groups()), 1),
        ("strict, then not", alb.config_builder().sign_in(FirstMatch::of(strict()).or(whole())), 1),
        ("strict", alb.config_builder().sign_in(strict()), 0),
        (
            "strict, within",
            alb.config_builder().sign_in(GroupOwnership::of(FirstMatch::of(strict())).claim("groups")),
            0,
        ),
        ("unverified ones", alb.config_builder().sign_in(email().dangerously_accept_unverified_email()), 0),
        ("by subject", alb.config_builder().sign_in(Subject::new()), 0),
        ("claims only", alb.config_builder().sign_in(ClaimsOnly), 0),
        ("acknowledged", alb.config_builder().sign_in(groups()).accept_missing_email_verified(), 0),
    ];
    for (case, builder, expected) in builders {
        let config = builder.build().expect(case);
        let said = warnings(&config).into_iter().filter(|warning| warning.contains("email_verified"));
        let said: Vec<String> = said.collect();
        assert_eq!(said.len(), expected, "{case}: {said:?}");
        for part in ["require_verified_email()", "accept_missing_email_verified()", "ALB_AUTH_", alb.issuer()] {
            assert!(said.iter().all(|warning| warning.contains(part)), "{case}, {part}: {said:?}");
        }
    }
}

#[test]
fn s_55_the_warning_names_the_issuers_that_it_concerns() {
    let own = MockAlb::new();
    let google = MockAlb::with_keys_of(&own).with_issuer("https://accounts.google.com");
    let other = MockAlb::with_keys_of(&own).with_issuer("https://other.example");
    let email = |namespace: &str| EmailLocalPart::in_domains(["example.com"]).in_namespace(namespace);
    let entry = |alb: &MockAlb, namespace: &str| -> TrustedAlb { alb.trusted().sign_in(email(namespace)) };
    let builder = AlbAuthConfig::builder()
        .trust(entry(&own, "own"))
        .trust(entry(&google, "google"))
        .trust(other.trusted().sign_in(email("other").require_verified_email()));
    let config = own.keys_and_clock(builder).build().expect("sound");
    let said: Vec<&String> = config.warnings().iter().filter(|warning| warning.contains("email_verified")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(own.issuer()) && !said[0].contains("google") && !said[0].contains("other"), "{said:?}");
}
