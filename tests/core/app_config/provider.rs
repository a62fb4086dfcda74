//! What is read of the provider.

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuthErrorKind, EntityRef,
    sign_in::{EmailLocalPart, FirstMatch, SignIn, SignInError, Subject, from_fn},
    test_util::{MockAlb, User},
};

use crate::{
    app_config::{COMPLETE, SIGNER, outcome, read},
    support::App,
};

/// The complete provider with one key more.
fn with(line: &str) -> String {
    COMPLETE.replace("      signIn:\n", &format!("      {line}\n      signIn:\n"))
}

#[test]
fn a_complete_provider_is_trusted() {
    let expected = format!(
        "{SIGNER} with issuer https://idp.example.com, client backstage; sign-in by email's local part in example.com"
    );
    assert_eq!(outcome(COMPLETE), expected);
    // What the auth backend reads beside it is let alone, and so is the rest of the files.
    for line in ["sessionCookieName: x", "signOutUrl: https://x", "exposeAccessToken: true"] {
        assert_eq!(outcome(&with(line)), expected, "{line}");
    }
    assert_eq!(outcome(&format!("app: {{ title: x }}\nbackend:\n  baseUrl: http://x\n{}", &COMPLETE[1..])), expected);
}

#[test]
fn every_setting_does_what_it_says() {
    let blue = SIGNER.replace("edge", "blue");
    assert!(outcome(&with(&format!("signers: [{blue}]"))).contains(&format!("{SIGNER} or {blue} with issuer")));
    assert!(outcome(&with("region: eu-central-1")).contains("backstage"));
    assert!(outcome(&with("region: us-east-1")).contains(") is \"us-east-1\", but the signer is of eu-central-1"));
    let any = COMPLETE.replace("clientIds: [backstage]", "dangerouslyAcceptAnyClient: true");
    assert!(outcome(&any).contains("any client"), "{}", outcome(&any));
    let one = COMPLETE.replace("clientIds: [backstage]", "clientIds: 1234567890");
    assert!(outcome(&one).contains("client 1234567890"), "{}", outcome(&one));
    let by_variable = COMPLETE.replace("clientIds: [backstage]", "clientIds: [\"${CLIENT_ID}\", other]");
    assert!(outcome(&by_variable).contains("client from-the-environment or other"), "{}", outcome(&by_variable));

    let endpoint = read(&with("keyEndpoint: https://keys.example.com")).unwrap().alb_auth().unwrap().build().unwrap();
    assert_eq!(endpoint.key_endpoints()[0].as_str(), "https://keys.example.com");
    // S-78: the emulator's plain http is for its own account alone.
    assert!(outcome(&with("keyEndpoint: http://localhost:9000")).contains("local emulator"));
}

#[test]
fn what_is_given_up_is_a_warning() {
    let warnings = |text: &str| {
        let builder = read(text).unwrap().alb_auth().unwrap().accept_missing_email_verified();
        builder.build().unwrap().warnings().to_vec()
    };
    let without_user = "auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): users who are not in the catalog are signed in";
    assert_eq!(warnings(COMPLETE), [without_user]);
    let any_domain = COMPLETE.replace("allowedDomains: [example.com]", "dangerouslyAllowAnyDomain: true");
    assert_eq!(warnings(&any_domain), [without_user, "users of any email domain are signed in: list your domains"]);
    let above = COMPLETE.replace("        resolvers:", "        transitiveGroups: true\n        resolvers:");
    assert!(
        warnings(&above)
            .contains(&"auth.providers.awsalb.signIn.transitiveGroups does nothing: no catalog is given".to_owned())
    );
    assert_eq!(
        warnings(&with("sessionDuration: { hours: 1 }")),
        [
            "auth.providers.awsalb.sessionDuration (app-config.yaml:8) is ignored: the session is the load balancer's, see \
             SessionTimeout of the listener rule",
            &without_user.replace(":10)", ":11)")
        ]
    );
}

/// S-55: an email without `email_verified` is a warning until the files, or the code, settle it.
#[test]
fn s_55_the_files_acknowledge_that_email_verified_is_missing() {
    let warned = |text: &str| {
        let file = read(text).unwrap();
        let policy = EmailLocalPart::in_domains(["example.com"]);
        [file.alb_auth().unwrap(), file.alb_auth_with(policy).unwrap()].map(|builder| {
            let config = builder.build().unwrap();
            config.warnings().iter().filter(|warning| warning.contains("without the claim email_verified")).count()
        })
    };
    assert_eq!(warned(COMPLETE), [1, 1]);
    assert_eq!(warned(&with("acceptMissingEmailVerified: false")), [1, 1]);
    assert_eq!(warned(&with("acceptMissingEmailVerified: true")), [0, 0]);
    assert_eq!(warned(&with("requireVerifiedEmail: true")), [0, 0]);
    let both = outcome(&with("requireVerifiedEmail: true\n      acceptMissingEmailVerified: true"));
    assert!(
        both.contains(
            "requireVerifiedEmail (app-config.yaml:8) and auth.providers.awsalb.acceptMissingEmailVerified \
             (app-config.yaml:9): both are true"
        ),
        "{both}"
    );
    let odd = outcome(&with("acceptMissingEmailVerified: 2"));
    assert!(odd.contains("acceptMissingEmailVerified (app-config.yaml:8) must be true or false"), "{odd}");
}

#[tokio::test]
async fn the_layer_signs_in_by_it() {
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let layer = |requires: bool| {
        let text = COMPLETE
            .replace(SIGNER, alb.signer())
            .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint))
            .replace("      signIn", &format!("      requireVerifiedEmail: {requires}\n      signIn"));
        AlbAuthLayer::new(read(&text).unwrap().alb_auth().unwrap().build().unwrap())
    };
    let (lenient, strict) = (App::new(layer(false)), App::new(layer(true)));
    lenient.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    assert_eq!(strict.call(alb.request("/").user(&User::jane())).await.status, 403);
    strict.call(alb.request("/").user(&User::google("jane.doe"))).await.assert_ok("user:default/jane.doe");
    let guest = User::jane().claim("email", "jane@partner.example");
    assert_eq!(lenient.call(alb.request("/").user(&guest)).await.status, 403);
}

#[test]
fn a_policy_in_code_takes_the_place_of_the_resolvers() {
    let catalog = COMPLETE.replace("emailLocalPartMatchingUserEntityName", "emailMatchingUserEntityProfileEmail");
    let without = COMPLETE.split("      signIn").next().expect("a beginning");
    for text in [catalog.as_str(), without] {
        let config = read(text).unwrap().alb_auth_with(Subject::new()).unwrap().build().unwrap();
        assert!(config.summary().contains("sign-in by subject"), "{}", config.summary());
    }
}

#[test]
fn files_are_read_from_disk_and_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app-config.yaml");
    std::fs::write(&file, COMPLETE).expect("written");
    assert!(AlbAuthConfig::from_app_config([&file]).is_ok());
    let nothing: [&str; 0] = [];
    let none = AlbAuthConfig::from_app_config(nothing).expect_err("no file");
    assert!(none.to_string().contains("no app-config file is named"));
}

#[test]
fn every_key_is_listed_with_its_place_and_no_value_is_shown() {
    let config = read("a:\n  b: canary-value\n  c: [1, { d: canary-value }]\ne: []\n").unwrap();
    let keys = config.keys();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, place)| (key.as_str(), place.as_str())).collect();
    assert_eq!(
        keys,
        [
            ("a.b", "app-config.yaml:2"),
            ("a.c[0]", "app-config.yaml:3"),
            ("a.c[1].d", "app-config.yaml:3"),
            ("e", "app-config.yaml:4")
        ]
    );
    assert!(!format!("{config:?}{config:#?}").contains("canary"));
}

/// A list that is not there because its variable is not set must not become the waiver beside it.
#[test]
fn domains_of_a_variable_that_is_not_set_are_not_any_domain() {
    let text = COMPLETE.replace("[example.com]", "${DOMAINS}\n            dangerouslyAllowAnyDomain: true");
    assert_eq!(
        outcome(&text),
        "the configuration cannot be used\n\
         - auth.providers.awsalb.signIn.resolvers[0].allowedDomains (app-config.yaml:11) takes its value from the environment \
         variable DOMAINS, which is not set: set it where this process is started"
    );
}

#[test]
fn an_empty_setting_for_verified_emails_is_not_taken_for_none() {
    let text = COMPLETE.replace("      signIn", "      requireVerifiedEmail:\n      signIn");
    let error = read(&text).unwrap().alb_auth().map(drop).expect_err("nothing is said");
    assert!(
        error.to_string().contains("requireVerifiedEmail (app-config.yaml:8) is null: write true or false"),
        "{error}"
    );
}

/// What the files demand of emails holds for a policy in code too.
#[tokio::test]
async fn a_policy_in_code_does_not_pass_over_require_verified_email() {
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let text = |requires: &str| {
        COMPLETE
            .replace(SIGNER, alb.signer())
            .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint))
            .replace("      signIn", &format!("      requireVerifiedEmail: {requires}\n      signIn"))
    };
    let app = |requires: &str, policy: FirstMatch| {
        App::new(AlbAuthLayer::new(read(&text(requires)).unwrap().alb_auth_with(policy).unwrap().build().unwrap()))
    };
    let by_email = || FirstMatch::of(EmailLocalPart::in_domains(["example.com"]));
    let by_subject = || FirstMatch::of(Subject::new());
    app("false", by_email()).call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    let strict = app("true", by_email());
    assert_eq!(strict.call(alb.request("/").user(&User::jane())).await.status, 403);
    strict.call(alb.request("/").user(&User::google("jane.doe"))).await.assert_ok("user:default/jane.doe");
    // What reads no email is not asked for one that is verified.
    assert_eq!(app("true", by_subject()).call(alb.request("/").user(&User::jane())).await.status, 200);

    // s_86: an email that is no text is not one that is missing, whatever the policy makes of it.
    let by_email_or_subject = || {
        let by_email = from_fn(|claims| match claims.email() {
            Some(_) => {
                EntityRef::user("somebody").map(SignIn::user).map_err(|error| SignInError::refused(error.to_string()))
            }
            None => Err(SignInError::not_found("no email")),
        });
        FirstMatch::of(by_email.using_claims(["email"])).or(Subject::new())
    };
    let malformed = User::okta("jane").claim("email", serde_json::Value::Null);
    let refused = app("true", by_email_or_subject()).call(alb.request("/").user(&malformed)).await;
    assert_eq!((refused.status.as_u16(), refused.kind()), (403, Some(AuthErrorKind::SignInRefused)), "{refused:?}");
    let missing = app("true", by_email_or_subject()).call(alb.request("/").user(&User::okta("jane"))).await;
    missing.assert_ok("user:default/00ujane");

    let unset = read(&text("${STRICT}")).unwrap().alb_auth_with(by_email()).map(drop).expect_err("no variable");
    assert!(unset.to_string().contains("STRICT, which is not set"), "{unset}");
}

#[test]
fn what_has_no_value_is_named() {
    for (text, lacks) in [
        (COMPLETE.replace(&format!("signer: {SIGNER}"), "signers: []"), "lacks signer"),
        (COMPLETE.split("\n          - resolver").next().expect("a beginning").to_owned(), "lacks signIn.resolvers"),
    ] {
        let said = outcome(&text);
        assert!(said.contains("app-config.yaml") && said.contains(lacks), "{said}");
    }
}
