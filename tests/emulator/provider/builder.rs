//! What a provider must have, and what is said of one that lacks it.

use std::time::Duration;

use tower_alb_auth::emulator::provider::{DemoClient, DemoProvider, DemoUser};

const ISSUER: &str = "http://idp.localhost:9001";

#[test]
fn a_sound_provider_builds() {
    let provider = DemoProvider::builder().issuer(ISSUER).build().unwrap();
    assert_eq!(provider.issuer(), ISSUER);
    assert_eq!(provider.user_ids(), ["jane", "carlos", "admin", "nomail", "guest"]);
    let amy = DemoUser::new("amy").claim("sub", "1");
    let provider =
        DemoProvider::builder().issuer("https://idp.example.com").users([amy.clone()]).user(amy).build().unwrap();
    assert_eq!(provider.user_ids(), ["amy"]);
}

#[test]
fn every_mistake_is_reported_with_what_to_change() {
    let client = || DemoClient::new("app", "secret of app").redirect_uri("http://app.localhost/cb");
    for (case, builder, says) in [
        ("no issuer", DemoProvider::builder(), "has no issuer"),
        (
            "slash at the end",
            DemoProvider::builder().issuer("http://idp.localhost:9001/"),
            "scheme, host and port only",
        ),
        ("a path", DemoProvider::builder().issuer("http://idp.localhost/realm"), "scheme, host and port only"),
        ("no URL", DemoProvider::builder().issuer("idp.localhost"), "scheme, host and port only"),
        ("no secret", DemoProvider::builder().issuer(ISSUER).client(DemoClient::new("app", "")), "an id and a secret"),
        (
            "no address",
            DemoProvider::builder().issuer(ISSUER).client(DemoClient::new("app", "s")),
            "has no redirect URI",
        ),
        (
            "a script",
            DemoProvider::builder().issuer(ISSUER).client(client().redirect_uri("javascript:x")),
            "cannot use the redirect URI",
        ),
        (
            "a fragment",
            DemoProvider::builder().issuer(ISSUER).client(client().post_logout_redirect_uri("http://a/#x")),
            "no fragment",
        ),
        ("twice", DemoProvider::builder().issuer(ISSUER).client(client()).client(client()), "two clients \"app\""),
        ("no subject", DemoProvider::builder().issuer(ISSUER).user(DemoUser::new("amy")), "no claim sub"),
        (
            "a number",
            DemoProvider::builder().issuer(ISSUER).user(DemoUser::new("amy").claim("sub", 1)),
            "must be a string",
        ),
        ("no id", DemoProvider::builder().issuer(ISSUER).user(DemoUser::new("").claim("sub", "1")), "needs an id"),
        (
            "no lifetime",
            DemoProvider::builder().issuer(ISSUER).access_token_lifetime(Duration::ZERO),
            "from 1 s to 24 h",
        ),
        ("nobody", DemoProvider::builder().issuer(ISSUER).auto_sign_in("nobody"), "has no user \"nobody\""),
    ] {
        let said = builder.build().unwrap_err().to_string();
        assert!(said.contains(says), "{case}: {said}");
        assert!(!said.contains("secret of app"), "{case}: {said}");
    }
    let several = DemoProvider::builder().client(DemoClient::new("", "")).user(DemoUser::new("amy"));
    assert_eq!(several.build().unwrap_err().problems().len(), 4);
}

#[test]
fn secrets_and_claims_stay_out_of_debug() {
    let client = DemoClient::new("app", "canary-secret").redirect_uri("http://app.localhost/cb");
    let user = DemoUser::new("amy").claim("sub", "canary-subject").claim("email", "canary@example.com");
    let builder = DemoProvider::builder().issuer(ISSUER).client(client.clone()).user(user.clone());
    let built = format!("{builder:#?}");
    let shown = format!("{client:#?}{user:#?}{built}{:#?}", builder.build().unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("idp.localhost") && shown.contains("\"amy\""), "{shown}");
}
