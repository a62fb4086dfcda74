//! What is wrong is said before a request comes.

use tower_alb_auth::{
    AlbAuthLayer,
    backstage::{BackstageAuth, BackstageAuthBuilder, Guest, TokenIssuer},
    sign_in::ClaimsOnly,
    test_util::MockAlb,
};

use crate::support::traced::Traced;

fn builder() -> BackstageAuthBuilder {
    builder_at("https://backstage.example.com/api/auth")
}

fn builder_at(issuer: &str) -> BackstageAuthBuilder {
    let tokens = TokenIssuer::builder(issuer).build().unwrap();
    BackstageAuth::builder(MockAlb::new().layer().handle(), tokens)
}

/// What the builder warns of, without the account of the mock load balancer.
fn warned(traced: &Traced) -> Vec<String> {
    traced.lines(tracing::Level::WARN).into_iter().filter(|line| !line.contains("the account 000000000000")).collect()
}

fn said(builder: BackstageAuthBuilder) -> String {
    builder.build().expect_err("wrong").to_string()
}

#[test]
fn addresses_are_looked_at_and_all_problems_said() {
    let wrong = builder().app_base_url("portal.example.com").allow_origin("*").allow_origin("https://app.example.com/");
    insta::assert_snapshot!(said(wrong), @r##"
    the configuration cannot be used
    - the app.baseUrl "portal.example.com" is not a URL: write it as https://backstage.example.com
    - "*" is not an origin: write it as https://app.example.com, without a path or a pattern
    - "https://app.example.com/" is not an origin: write it as https://app.example.com, without a path or a pattern
    "##);
    for origin in
        ["", "null", "https://*.example.com", "https://app.example.com/x", "https://jane@example.com", "example.com"]
    {
        assert!(said(builder().allow_origin(origin)).contains("is not an origin"), "{origin}");
    }
    builder().app_base_url("https://Portal.example.com:443/x/?y").build().expect("a sound configuration");
}

#[test]
fn a_policy_that_names_no_user_gives_no_sessions() {
    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
    insta::assert_snapshot!(said(BackstageAuth::builder(layer.handle(), tokens)), @r##"
    the configuration cannot be used
    - the sign-in policy of issuer "https://idp.example.com" resolves no users, but a Backstage session needs a user: use a policy such as EmailLocalPart or Catalog
    "##);
}

#[test]
fn a_guest_that_is_no_user_is_refused() {
    // userinfo would refuse the token that such a guest is given.
    let group = Guest::new().user("group:default/admins".parse().unwrap());
    let said = builder().dangerously_allow_guest(group).build().unwrap_err().to_string();
    assert!(said.contains("it is group:default/admins"), "{said}");
}

#[test]
fn the_guest_is_warned_of() {
    let (traced, _guard) = Traced::begin();
    builder().dangerously_allow_guest(Guest::new()).build().unwrap();
    assert_eq!(warned(&traced), ["every client of /guest/refresh becomes user:development/guest, without any sign-in"]);
}

#[test]
fn pages_over_plain_http_are_warned_of() {
    let (traced, _guard) = Traced::begin();
    let builder = builder_at("http://backstage.localhost:7007/api/auth");
    let builder = builder.app_base_url("http://localhost:3000").allow_origin("http://portal.localhost:8080");
    builder.allow_origin("http://[::1]:3000").allow_origin("http://intranet.example.com:80").build().unwrap();
    let lines = warned(&traced);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("pages of http://intranet.example.com may request sessions"), "{lines:?}");
}

/// S-85: create-app's default origin beside a production address.
#[test]
fn s_85_an_insecure_origin_beside_an_address_on_https_takes_a_waiver() {
    let cors = |origin: &str| builder().app_base_url("https://portal.example.com").allow_origin(origin);
    let origins = [
        "http://localhost:3000",
        "https://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "https://0.0.0.0",
        "http://portal.localhost:8080",
        "https://Portal.LocalHost",
        "http://intranet.example.com",
        "http://portal.example.com",
    ];
    for origin in origins {
        let said = said(cors(origin));
        let part = format!("{} is not an origin for pages of a site on https", origin.to_lowercase());
        assert!(said.contains(&part) && said.contains("dangerously_allow_insecure_origins()"), "{said}");
        let (traced, _guard) = Traced::begin();
        cors(origin).dangerously_allow_insecure_origins().build().expect("it is waived");
        let warned = traced.lines(tracing::Level::WARN).join("\n");
        assert!(warned.contains(&format!("pages of {} may request", origin.to_lowercase())), "{origin}: {warned}");
    }
    // Whichever of the addresses is on https, and whichever is not.
    assert!(said(builder().app_base_url("http://localhost:3000")).contains("http://localhost:3000 is not an origin"));
    let at_home = || builder_at("http://localhost:7007/api/auth");
    assert!(said(at_home().app_base_url("https://portal.example.com")).contains("http://localhost:7007 is not"));
    for builder in [
        cors("https://localhost.example.com"),
        cors("https://127.0.0.1.example.com"),
        // Development, on this machine alone.
        at_home().app_base_url("http://localhost:3000"),
        builder_at("https://localhost:7007/api/auth").app_base_url("https://localhost:3000"),
        builder_at("https://localhost:7007/api/auth").allow_origin("http://localhost:3000"),
    ] {
        builder.build().expect("a sound configuration");
    }
}

#[test]
fn nothing_of_a_user_is_shown_by_debug() {
    let mut profile = tower_alb_auth::backstage::SessionProfile::default();
    profile.email = Some("canary@example.com".to_owned());
    profile.display_name = Some("Canary".to_owned());
    let shown = format!("{profile:?} {:?} {:?}", Guest::new().profile(profile.clone()), builder());
    assert!(!shown.to_lowercase().contains("canary"), "{shown}");
}
