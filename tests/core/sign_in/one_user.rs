//! S-76: where two people become one user, the start-up lines say so.

use tower_alb_auth::{
    AlbAuthConfig,
    sign_in::{ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, SignInResolver, Subject, WholeEmail, from_fn},
    test_util::MockAlb,
};

use crate::sign_in::{named, sign_in, warnings, with_email};

/// What a policy for all entries gives up.
fn said(policy: impl SignInResolver) -> Vec<String> {
    warnings(&MockAlb::new().config_builder().sign_in(policy).accept_missing_email_verified().build().expect("sound"))
}

#[tokio::test]
async fn s_76_several_domains_by_the_local_part_are_a_warning() {
    let two = || EmailLocalPart::in_domains(["example.com", "example.org"]);
    for domain in ["example.com", "example.org"] {
        sign_in(two(), &with_email(&format!("jane@{domain}"))).await.assert_ok("user:default/jane");
    }
    let expected = "the same local part is one user, whatever the domain: emails in example.com, example.org; \
                    if they can be two users, use WholeEmail, which keeps them apart";
    assert_eq!(said(two()), [expected]);
    assert_eq!(said(GroupOwnership::of(two()).claim("groups")), [expected]);
    assert!(said(FirstMatch::of(Subject::new().in_namespace("subjects")).or(two())).contains(&expected.to_owned()));
    for (case, policy) in [
        ("one domain", EmailLocalPart::in_domains(["example.com"])),
        ("the same domain twice", EmailLocalPart::in_domains(["example.com", "Example.COM"])),
        ("whole emails", WholeEmail::in_domains(["example.com", "example.org"])),
    ] {
        assert_eq!(said(policy), Vec::<String>::new(), "{case}");
    }
}

#[tokio::test]
async fn s_76_an_address_beside_a_domain_by_the_local_part_is_a_warning() {
    let guest = || EmailLocalPart::in_domains(["example.com"]).allow_address("jane@partner.example");
    for email in ["jane@example.com", "jane@partner.example"] {
        sign_in(guest(), &with_email(email)).await.assert_ok("user:default/jane");
    }
    let none: [&str; 0] = [];
    let no_domain = || EmailLocalPart::in_domains(none);
    for (case, policy, warned) in [
        ("beside a domain", guest(), true),
        ("of the domain itself", EmailLocalPart::in_domains(["example.com"]).allow_address("jane@Example.com"), false),
        ("alone", no_domain().allow_address("jane@partner.example"), false),
        ("two names", no_domain().allow_address("jane@a.example").allow_address("john@b.example"), false),
        ("one name twice", no_domain().allow_address("jane@a.example").allow_address("Jane@b.example"), true),
        (
            "one name behind a plus",
            no_domain().allow_address("jane+x@a.example").allow_address("jane@b.example").strip_plus_suffix(),
            true,
        ),
        ("one name by an apostrophe", no_domain().allow_address("o'x@a.example").allow_address("o_x@b.example"), true),
        ("one address twice", no_domain().allow_address("jane@a.example").allow_address("jane@A.example"), false),
        ("whole emails", WholeEmail::in_domains(["example.com"]).allow_address("jane@partner.example"), false),
    ] {
        let said = said(policy).join("\n");
        assert_eq!(said.contains("the same local part is one user"), warned, "{case}: {said}");
    }
}

/// The catalog's users are found by the same part of the email.
#[cfg(feature = "https")]
#[test]
fn s_76_several_domains_are_a_warning_in_the_catalog_too() {
    let catalog = tower_alb_auth::sign_in::Catalog::at("https://backstage.example.com/api/catalog");
    let catalog = catalog.token("a-token").build().expect("sound");
    let part = "the same local part is one user";
    assert!(said(catalog.by_email_local_part(["a.example", "b.example"])).join("\n").contains(part));
    assert_eq!(said(catalog.by_email_local_part(["a.example"])), Vec::<String>::new());
    assert_eq!(said(catalog.by_profile_email().in_domains(["a.example", "b.example"])), Vec::<String>::new());
}

/// One name in the catalog, by the addresses of two domains.
#[cfg(feature = "https")]
#[test]
fn s_76_entries_of_one_issuer_by_local_parts_of_different_domains_are_a_warning_in_the_catalog_too() {
    let catalog = tower_alb_auth::sign_in::Catalog::at("https://backstage.example.com/api/catalog");
    let catalog = catalog.token("a-token").build().expect("sound");
    let blue = MockAlb::new();
    let green = MockAlb::with_keys_of(&blue);
    let by = |domain: &str| catalog.by_email_local_part([domain]);
    let without_user = |domain: &str| by(domain).dangerously_sign_in_without_catalog_user();
    for (case, one, other, warned) in [
        ("two domains", by("a.example"), by("b.example"), true),
        ("without a user there", without_user("a.example"), without_user("b.example"), true),
        ("one domain", by("a.example"), by("A.example"), false),
        ("two namespaces", by("a.example"), by("b.example").in_namespace("b"), false),
        ("by the whole email", catalog.by_profile_email().in_domains(["a.example"]), by("b.example"), false),
    ] {
        let builder = AlbAuthConfig::builder().trust(blue.trusted().sign_in(one)).trust(green.trusted().sign_in(other));
        let config = blue.keys_and_clock(builder).accept_missing_email_verified().build().expect("sound");
        let said = warnings(&config).join("\n");
        assert_eq!(said.contains("have different sign-in policies"), warned, "{case}: {said}");
        assert!(config.summary().contains("for emails in a.example"), "{}", config.summary());
    }
}

#[tokio::test]
async fn s_76_different_policies_of_one_issuer_in_one_namespace_are_a_warning() {
    let blue = MockAlb::new();
    let green = MockAlb::with_keys_of(&blue);
    fn email(domain: &str) -> tower_alb_auth::sign_in::EmailSignIn {
        EmailLocalPart::in_domains([domain])
    }
    let both = |one: &dyn Fn() -> tower_alb_auth::TrustedAlb, other: tower_alb_auth::TrustedAlb| {
        let builder = AlbAuthConfig::builder().trust(one()).trust(other).accept_missing_email_verified();
        let config = blue.keys_and_clock(builder).build().expect("sound");
        warnings(&config)
    };
    let one = || blue.trusted().sign_in(email("example.com"));
    let warned = both(&one, green.trusted().sign_in(email("example.org")));
    assert_eq!(
        warned,
        [format!(
            "entries of issuer {} have different sign-in policies, by email's local part in example.com and by email's local \
             part in example.org: one name is one user, whichever of them gave it; in_namespace(..) keeps them apart",
            blue.issuer()
        )]
    );
    let function = || from_fn(|_| named("jane"));
    for (case, warned, expected) in [
        ("the same policy", both(&one, green.trusted().sign_in(email("example.com"))), false),
        ("another namespace", both(&one, green.trusted().sign_in(email("example.org").in_namespace("org"))), false),
        ("another kind", both(&one, green.trusted().sign_in(Subject::new())), true),
        ("one without identities", both(&one, green.trusted().sign_in(ClaimsOnly)), false),
        ("a function", both(&one, green.trusted().sign_in(function())), true),
        ("two functions", both(&|| blue.trusted().sign_in(function()), green.trusted().sign_in(function())), true),
    ] {
        let said = warned.join("\n");
        assert_eq!(said.contains("have different sign-in policies"), expected, "{case}: {said}");
    }
    // One policy for all entries is the same policy.
    let builder = AlbAuthConfig::builder().trust(blue.trusted()).trust(green.trusted()).sign_in(function());
    assert_eq!(warnings(&blue.keys_and_clock(builder).build().expect("sound")), Vec::<String>::new());
}
