//! Mistakes that are found before any query.

use std::time::Duration;

use tower_alb_auth::{
    AlbAuthConfig, TrustedAlb,
    sign_in::{Catalog, CatalogBuilder, SignInResolver},
    test_util::MockAlb,
};

fn said(builder: CatalogBuilder) -> String {
    builder.build().map(|_| ()).expect_err("a mistake").to_string().replace("the configuration cannot be used\n- ", "")
}

#[test]
fn the_address_the_token_and_the_time_are_checked() {
    let at = |url: &str| Catalog::at(url).token("t");
    let all = [
        said(Catalog::at("https://backstage.example.com/api/catalog")),
        said(at("http://backstage.example.com/api/catalog")),
        said(at("https://user:canary@backstage.example.com")),
        said(at("https://backstage.example.com/api/catalog?x=1")),
        said(at("ftp://backstage.example.com")),
        said(at("backstage")),
        said(Catalog::at("https://b.example.com").token("")),
        said(Catalog::at("https://b.example.com").token("a\nb")),
        said(at("https://b.example.com").timeout(Duration::ZERO)),
        said(at("https://b.example.com").pem_roots("nothing")),
    ]
    .join("\n");
    assert!(!all.contains("canary"), "{all}");
    insta::assert_snapshot!(all, @r#"
    the catalog requires a token: add .token(..) with one of backend.auth.externalAccess in app-config.yaml
    the catalog's address "http://backstage.example.com/api/catalog" is plain http, so an attacker on the network path could sign in as any user: use https, or permit it by dangerously_over_plain_http()
    the catalog's address must name a host, without user or password
    the catalog's address "https://backstage.example.com/api/catalog?x=1" is invalid: write https://<backend>/api/catalog, without a query
    the catalog's address "ftp://backstage.example.com" must begin with https://
    the catalog's address "backstage" must begin with https://
    the catalog's token is empty, or not visible ASCII on one line
    the catalog's token is empty, or not visible ASCII on one line
    the catalog's timeout is 0ns; set it to a value from 50 ms to 60 s
    pem_roots has no PEM block CERTIFICATE
    "#);
    assert!(at("http://backstage.svc:7007/api/catalog").dangerously_over_plain_http().build().is_ok());
    assert!(at("http://localhost:7007/api/catalog").build().is_ok());
}

#[test]
fn policies_are_checked_with_the_configuration() {
    let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("t").build().expect("sound");
    let (own, google) = ("https://idp.example.com", "https://accounts.google.com");
    let none: [&str; 0] = [];
    let all = [
        catalog.by_annotation("a,b").check(own),
        catalog.by_profile_email().dangerously_sign_in_without_catalog_user().check(own),
        catalog.by_profile_email().check(google),
        catalog.by_profile_email().in_namespace("Not A Namespace").check(own),
        catalog.by_email_local_part(none).check(own),
    ]
    .map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!(all.join("\n"), @r#"
    "a,b" is not the name of an annotation: write it as microsoft.com/email
    dangerously_sign_in_without_catalog_user() requires a name for the user, which emailMatchingUserEntityProfileEmail does not provide
    https://accounts.google.com has users of many organisations, so a sign-in by email requires in_domains([..])
    the namespace of an entity is lower-case letters, digits and inner hyphens, 63 at most
    no email domain is allowed: add one by in_domains(["example.com"])
    "#);
}

/// S-59: two issuers, and one catalog that both could ask.
#[test]
fn s_59_with_several_issuers_each_policy_names_a_namespace() {
    let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("t").build().expect("sound");
    let alb = MockAlb::new();
    let build = |one: Option<&str>, other: Option<&str>| {
        let policy = |namespace: Option<&str>| match namespace {
            Some(namespace) => catalog.by_profile_email().in_namespace(namespace),
            None => catalog.by_profile_email(),
        };
        let entry = |issuer: &str| TrustedAlb::new(alb.signer(), issuer).client_id("c");
        let builder = AlbAuthConfig::builder()
            .trust(entry("https://one.example.com").sign_in(policy(one)))
            .trust(entry("https://other.example.com").sign_in(policy(other)));
        alb.keys_and_clock(builder).build()
    };
    assert!(build(None, None).is_err());
    assert!(build(Some("staff"), Some("staff")).is_err());
    assert!(build(Some("staff"), Some("partners")).is_ok());
}
