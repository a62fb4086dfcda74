//! S-59: several issuers, each of which must have a policy and a namespace of its own.

use tower_alb_auth::{
    AlbAuthConfigBuilder, EntityRef, TrustedAlb,
    sign_in::{ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, NamedClaim, SignIn, Subject, from_fn},
};

use crate::config::{ALB, builder_without_policy, problems};

fn one() -> TrustedAlb {
    TrustedAlb::new(ALB, "https://one.example").client_id("client")
}

fn two() -> TrustedAlb {
    TrustedAlb::new(ALB, "https://two.example").client_id("client")
}

fn by_email(namespace: &str) -> impl tower_alb_auth::sign_in::SignInResolver {
    EmailLocalPart::in_domains(["example.com"]).in_namespace(namespace)
}

fn build(one: TrustedAlb, two: TrustedAlb) -> String {
    said(builder_without_policy([one, two]))
}

/// All that is wrong with it, a line each; nothing if it is sound.
fn said(builder: AlbAuthConfigBuilder) -> String {
    problems(builder).join("\n")
}

#[test]
fn s_59_one_policy_for_several_issuers_does_not_build() {
    insta::assert_snapshot!(said(builder_without_policy([one(), two()]).sign_in(by_email("default"))), @r#"
        the entry of issuer "https://one.example" has no sign-in policy of its own, and there are several issuers: give each .sign_in(..), or waive it by dangerously_share_sign_in_between_issuers()
        the entry of issuer "https://two.example" has no sign-in policy of its own, and there are several issuers: give each .sign_in(..), or waive it by dangerously_share_sign_in_between_issuers()
        the issuers https://one.example and https://two.example both name users in the namespace default, so the same name at both would be one user: use in_namespace(..), or waive it by dangerously_share_sign_in_between_issuers()
    "#);
    let half = said(
        builder_without_policy([]).trust(one().sign_in(by_email("first"))).trust(two()).sign_in(by_email("second")),
    );
    assert!(half.contains("\"https://two.example\" has no sign-in policy of its own"), "{half}");
}

#[test]
fn s_59_one_namespace_for_several_issuers_does_not_build() {
    insta::assert_snapshot!(build(one().sign_in(by_email("default")), two().sign_in(by_email("default"))), @"the issuers https://one.example and https://two.example both name users in the namespace default, so the same name at both would be one user: use in_namespace(..), or waive it by dangerously_share_sign_in_between_issuers()");
    let groups = |namespace| GroupOwnership::of(by_email(namespace)).claim("groups").map("a", "group:default/a");
    let chain = |first, second| FirstMatch::of(by_email(first)).or(NamedClaim::new("name").in_namespace(second));
    for (case, entry, other) in [
        ("other policies", one().sign_in(by_email("default")), two().sign_in(Subject::new())),
        ("with groups", one().sign_in(groups("a")), two().sign_in(groups("a"))),
        ("in a chain", one().sign_in(chain("a", "a")), two().sign_in(by_email("a"))),
        (
            "claims only beside it",
            one().sign_in(FirstMatch::of(by_email("a")).or(ClaimsOnly)),
            two().sign_in(by_email("a")),
        ),
    ] {
        let said = build(entry, other);
        assert!(said.contains("both name users in the namespace"), "{case}: {said}");
    }
    // A third that is sound does not hide it.
    let three = TrustedAlb::new(ALB, "https://three.example").client_id("client").sign_in(by_email("own"));
    let said = said(
        builder_without_policy([]).trust(three).trust(one().sign_in(by_email("a"))).trust(two().sign_in(by_email("a"))),
    );
    assert!(said.contains("https://one.example and https://two.example both"), "{said}");
}

#[test]
fn s_59_a_policy_that_does_not_say_its_namespace_does_not_build() {
    let own = || from_fn(|claims| Ok(SignIn::user(EntityRef::user(claims.subject()).unwrap())));
    insta::assert_snapshot!(build(one().sign_in(own()), two().sign_in(by_email("two"))), @"the sign-in policy of issuer https://one.example does not say in which namespace it names users, and there are several issuers: use in_namespace(..)");
    let said = build(one().sign_in(by_email("one")), two().sign_in(own()));
    assert!(said.contains("https://two.example does not say in which namespace"), "{said}");
    let chain = FirstMatch::of(by_email("one")).or(by_email("other"));
    let said = build(one().sign_in(chain), two().sign_in(by_email("two")));
    assert!(said.contains("https://one.example does not say in which namespace"), "{said}");
    assert_eq!(build(one().sign_in(own().in_namespace("one")), two().sign_in(by_email("two"))), "");
}

#[test]
fn s_59_namespaces_of_their_own_or_the_waiver_build() {
    assert_eq!(build(one().sign_in(by_email("one")), two().sign_in(by_email("two"))), "");
    assert_eq!(build(one().sign_in(ClaimsOnly), two().sign_in(ClaimsOnly)), "", "no names, so none that meet");
    assert_eq!(build(one().sign_in(ClaimsOnly), two().sign_in(Subject::new())), "");
    let waived =
        builder_without_policy([one(), two()]).sign_in(by_email("default")).dangerously_share_sign_in_between_issuers();
    let waived = waived.accept_missing_email_verified().build().unwrap();
    assert_eq!(waived.warnings(), ["several issuers name users in the same namespace"]);
    // Entries of one issuer share its policy.
    let other = TrustedAlb::new(ALB, "https://one.example").client_id("other");
    assert_eq!(said(builder_without_policy([]).trust(one()).trust(other).sign_in(by_email("default"))), "");
}

#[test]
fn s_59_issuers_that_differ_in_a_slash_are_two() {
    let slash = TrustedAlb::new(ALB, "https://one.example/").client_id("client");
    let said = build(one().sign_in(Subject::new()), slash.sign_in(Subject::new()));
    assert!(said.contains("both name users in the namespace default"), "{said}");
}

#[test]
fn an_invalid_namespace_does_not_build() {
    for namespace in ["", "Default", "a/b", "a:b", "-a", "a_b", "user:default"] {
        for entry in [one().sign_in(by_email(namespace)), one().sign_in(Subject::new().in_namespace(namespace))] {
            let problem = said(builder_without_policy([entry]));
            assert!(problem.contains("the namespace of an entity is"), "{namespace:?}: {problem}");
        }
    }
}
