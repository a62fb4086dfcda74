//! What code can set, the environment and app-config.yaml can set, to the same effect.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, AlbAuthSettings, BackstageIdentity, CacheLimits, KeyLimits,
    TokenLimits, TrustedAlb,
    config::AppConfig,
    sign_in::{EmailLocalPart, EmailSignIn, GroupClaim, GroupFormat, GroupOwnership, NamedClaim, SignInResolver},
    test_util::{MockAlb, User},
};

/// A setting in the three places. `beside` stands beside `signIn` in the file, `options` in the resolver.
struct Case {
    name: &'static str,
    code: fn(&MockAlb) -> AlbAuthConfigBuilder,
    vars: Vec<(&'static str, &'static str)>,
    beside: &'static str,
    resolver: &'static str,
}

const BY_LOCAL_PART: &str = "resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [example.com]";

fn email() -> EmailSignIn {
    EmailLocalPart::in_domains(["example.com"])
}

fn trusting(alb: &MockAlb, policy: impl SignInResolver) -> AlbAuthConfigBuilder {
    AlbAuthConfig::builder().trust(entry(alb).client_id(alb.client_id())).sign_in(policy)
}

fn entry(alb: &MockAlb) -> TrustedAlb {
    TrustedAlb::new(alb.signer(), alb.issuer())
}

fn admins(claim: GroupClaim) -> GroupOwnership {
    GroupOwnership::of(email()).claim(claim).map("admins", "group:default/admins")
}

fn case(
    name: &'static str,
    code: fn(&MockAlb) -> AlbAuthConfigBuilder,
    vars: &[(&'static str, &'static str)],
    beside: &'static str,
    resolver: &'static str,
) -> Case {
    let domains = ("ALB_AUTH_EMAIL_DOMAINS", "example.com");
    let by_email = !vars.iter().any(|(name, _)| {
        ["ALB_AUTH_SIGN_IN", "ALB_AUTH_DANGEROUSLY_ALLOW_ANY_DOMAIN", "ALB_AUTH_EMAIL_DOMAINS"].contains(name)
    });
    let vars = by_email.then_some(domains).into_iter().chain(vars.iter().copied()).collect();
    Case { name, code, vars, beside, resolver }
}

/// The first is without any setting.
fn cases() -> Vec<Case> {
    vec![
        case("none", |alb| trusting(alb, email()), &[], "", BY_LOCAL_PART),
        case(
            "an unverified email",
            |alb| trusting(alb, email().dangerously_accept_unverified_email()),
            &[("ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL", "true")],
            "dangerouslyAcceptUnverifiedEmail: true",
            BY_LOCAL_PART,
        ),
        case(
            "only a verified email",
            |alb| trusting(alb, email().require_verified_email()),
            &[("ALB_AUTH_REQUIRE_VERIFIED_EMAIL", "true")],
            "requireVerifiedEmail: true",
            BY_LOCAL_PART,
        ),
        case(
            "the plus suffix",
            |alb| trusting(alb, email().strip_plus_suffix()),
            &[("ALB_AUTH_STRIP_PLUS_SUFFIX", "true")],
            "",
            "resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [example.com], stripPlusSuffix: true",
        ),
        case(
            "allowed addresses",
            |alb| trusting(alb, email().allow_address("guest@partner.example").allow_address("x@y.example")),
            &[("ALB_AUTH_ALLOWED_ADDRESSES", "guest@partner.example, x@y.example")],
            "",
            "resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [example.com], allowedAddresses: \
             [guest@partner.example, x@y.example]",
        ),
        case(
            "any domain",
            |alb| trusting(alb, EmailLocalPart::dangerously_in_any_domain()),
            &[("ALB_AUTH_DANGEROUSLY_ALLOW_ANY_DOMAIN", "true")],
            "",
            "resolver: emailLocalPartMatchingUserEntityName, dangerouslyAllowAnyDomain: true",
        ),
        case(
            "a different claim",
            |alb| trusting(alb, email().email_claim("emails[0]")),
            &[("ALB_AUTH_EMAIL_CLAIM", "emails[0]")],
            "emailClaim: emails[0]",
            BY_LOCAL_PART,
        ),
        case(
            "a claim as the name",
            |alb| trusting(alb, NamedClaim::new("custom:username")),
            &[("ALB_AUTH_SIGN_IN", "claim"), ("ALB_AUTH_SIGN_IN_CLAIM", "custom:username")],
            "",
            "resolver: claimAsUserEntityName, claim: custom:username",
        ),
        case(
            "case folding",
            |alb| trusting(alb, NamedClaim::new("custom:username").ignoring_case()),
            &[
                ("ALB_AUTH_SIGN_IN", "claim"),
                ("ALB_AUTH_SIGN_IN_CLAIM", "custom:username"),
                ("ALB_AUTH_IGNORE_CASE", "true"),
            ],
            "",
            "resolver: claimAsUserEntityName, claim: custom:username, ignoreCase: true",
        ),
        case(
            "groups",
            |alb| trusting(alb, admins(GroupClaim::named("groups"))),
            &[("ALB_AUTH_GROUPS_CLAIM", "groups"), ("ALB_AUTH_GROUPS_MAP", "admins=group:default/admins")],
            "groups: { claims: [groups], map: { admins: group:default/admins } }",
            BY_LOCAL_PART,
        ),
        case(
            "groups in a text",
            |alb| trusting(alb, admins(GroupClaim::named("custom:groups").in_format(GroupFormat::Brackets))),
            &[
                ("ALB_AUTH_GROUPS_CLAIM", "custom:groups"),
                ("ALB_AUTH_GROUPS_FORMAT", "brackets"),
                ("ALB_AUTH_GROUPS_MAP", "admins=group:default/admins"),
            ],
            "groups: { claims: ['custom:groups'], format: brackets, map: { admins: group:default/admins } }",
            BY_LOCAL_PART,
        ),
        case(
            "groups at a path",
            |alb| trusting(alb, admins(GroupClaim::at_path(["realm_access", "roles"]))),
            &[
                ("ALB_AUTH_GROUPS_PATH", "realm_access.roles"),
                ("ALB_AUTH_GROUPS_MAP", "admins = group:default/admins,\nx=group:default/x"),
            ],
            "groups: { path: realm_access.roles, map: { admins: group:default/admins } }",
            BY_LOCAL_PART,
        ),
        case(
            "the identity header",
            |alb| trusting(alb, email()).dangerously_ignore_identity_header(),
            &[("ALB_AUTH_DANGEROUSLY_IGNORE_IDENTITY_HEADER", "true")],
            "dangerouslyIgnoreIdentityHeader: true",
            BY_LOCAL_PART,
        ),
        case(
            "a limit",
            |alb| {
                let limits = TokenLimits::new().max_lifetime(std::time::Duration::from_secs(1800));
                trusting(alb, email()).token_limits(limits)
            },
            &[("ALB_AUTH_LIMIT_MAX_LIFETIME", "30m")],
            "limits: { maxLifetime: 30m }",
            BY_LOCAL_PART,
        ),
        case(
            "any client",
            |alb| AlbAuthConfig::builder().trust(entry(alb).dangerously_accept_any_client()).sign_in(email()),
            &[("ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT", "true")],
            "dangerouslyAcceptAnyClient: true",
            BY_LOCAL_PART,
        ),
    ]
}

fn from_env(alb: &MockAlb, vars: &[(&str, &str)]) -> Result<AlbAuthConfigBuilder, String> {
    let trust = [("ALB_AUTH_SIGNERS", alb.signer()), ("ALB_AUTH_ISSUER", alb.issuer())];
    let client = ("ALB_AUTH_CLIENT_IDS", alb.client_id());
    let any = vars.iter().any(|(name, _)| *name == "ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT");
    let vars = trust.into_iter().chain((!any).then_some(client)).chain(vars.iter().copied());
    AlbAuthSettings::from_vars(vars).map(|settings| settings.to_builder()).map_err(|error| error.to_string())
}

fn from_file(alb: &MockAlb, beside: &str, resolver: &str) -> Result<AlbAuthConfigBuilder, String> {
    let client = match beside.contains("dangerouslyAcceptAnyClient") {
        true => String::new(),
        false => format!("\n      clientIds: [{}]", alb.client_id()),
    };
    let text = format!(
        "auth:\n  providers:\n    awsalb:\n      issuer: {}\n      signer: {}{client}\n      {beside}\n      signIn:\n        \
         resolvers:\n          - {{ {resolver}, dangerouslyAllowSignInWithoutUserInCatalog: true }}\n",
        alb.issuer(),
        alb.signer()
    );
    let config = AppConfig::from_text("app-config.yaml", &text, |_| None);
    config.and_then(|config| config.alb_auth()).map_err(|error| error.to_string())
}

/// What becomes of each request, with what the user owns for.
async fn answers(alb: &MockAlb, builder: AlbAuthConfigBuilder) -> Vec<String> {
    let config = alb.keys_and_clock(builder).build().expect("a sound configuration");
    let handler = |request: Request<String>| async move {
        let user = request.extensions().get::<BackstageIdentity>().expect("an identity");
        let refs: Vec<String> = user.ownership_entity_refs().iter().map(ToString::to_string).collect();
        Ok::<_, Infallible>(Response::new(refs.join(" ")))
    };
    let app = AlbAuthLayer::new(config).layer(service_fn(handler));
    let user = |email: &str| User::empty().claim("sub", "u1").claim("email", email);
    let jane = || user("jane@example.com");
    let now = alb.unix_now();
    let requests: Vec<Request<String>> = vec![
        alb.request("/").user(&jane()).into(),
        alb.request("/").user(&jane().claim("email_verified", "false")).into(),
        alb.request("/").user(&jane().claim("email_verified", true)).into(),
        alb.request("/").user(&user("jane+news@example.com")).into(),
        alb.request("/").user(&user("guest@partner.example")).into(),
        alb.request("/").user(&user("other@partner.example")).into(),
        alb.request("/").user(&jane().without("email").claim("emails", ["john@example.com"])).into(),
        alb.request("/").user(&jane().claim("custom:username", "jd")).into(),
        alb.request("/").user(&jane().claim("custom:username", "JD")).into(),
        alb.request("/").user(&jane().claim("groups", ["admins"])).into(),
        alb.request("/").user(&jane().claim("custom:groups", "[viewers, admins]")).into(),
        alb.request("/").user(&jane().claim("realm_access", json!({ "roles": ["admins"] }))).into(),
        alb.request("/").token(&alb.sign(&jane())).header("x-amzn-oidc-identity", "u2").into(),
        alb.request("/").token(&alb.token(&jane()).expires_at(now + 1200).sign()).into(),
        alb.request("/").token(&alb.token(&jane()).header("client", "another").sign()).into(),
    ];
    let mut answers = Vec::new();
    for request in requests {
        let answer = app.clone().oneshot(request).await.expect("infallible");
        answers.push(format!("{} {}", answer.status().as_u16(), answer.into_body()));
    }
    answers
}

#[tokio::test]
async fn code_environment_and_file_have_the_same_effect() {
    let alb = MockAlb::new();
    let mut plain: Option<Vec<String>> = None;
    for Case { name, code, vars, beside, resolver } in cases() {
        let by_code = answers(&alb, code(&alb)).await;
        let by_env = answers(&alb, from_env(&alb, &vars).unwrap_or_else(|error| panic!("{name}: {error}"))).await;
        let by_file = from_file(&alb, beside, resolver).unwrap_or_else(|error| panic!("{name}: {error}"));
        let by_file = answers(&alb, by_file).await;
        assert_eq!(by_env, by_code, "{name}, environment");
        assert_eq!(by_file, by_code, "{name}, file");
        match &plain {
            None => plain = Some(by_code),
            Some(plain) => assert_ne!(by_code, *plain, "{name} has an effect"),
        }
    }
}

#[test]
fn a_key_endpoint_is_the_same_in_all_places() {
    let alb = MockAlb::new();
    let url = "https://keys.example.com";
    let code =
        AlbAuthConfig::builder().trust(entry(&alb).client_id(alb.client_id()).key_endpoint(url)).sign_in(email());
    let env = from_env(&alb, &[("ALB_AUTH_EMAIL_DOMAINS", "example.com"), ("ALB_AUTH_KEY_ENDPOINT", url)]);
    let file = from_file(&alb, &format!("keyEndpoint: {url}"), BY_LOCAL_PART);
    for (place, builder) in [("code", Ok(code)), ("environment", env), ("file", file)] {
        let config = builder.and_then(|builder| builder.build().map_err(|error| error.to_string()));
        let endpoints = config.unwrap_or_else(|error| panic!("{place}: {error}")).key_endpoints();
        assert_eq!(endpoints.iter().map(|endpoint| endpoint.as_str()).collect::<Vec<_>>(), [url], "{place}");
    }
}

/// The emulator in another container.
#[test]
fn a_host_for_keys_over_http_is_the_same_in_all_places() {
    let alb = MockAlb::new();
    let url = "http://emulator:9002";
    let entry = entry(&alb).client_id(alb.client_id()).key_endpoint(url);
    let code = AlbAuthConfig::builder().trust(entry.dangerously_fetch_keys_over_http_from("emulator")).sign_in(email());
    let vars = [
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
        ("ALB_AUTH_KEY_ENDPOINT", url),
        ("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM", "emulator"),
    ];
    let env = from_env(&alb, &vars);
    let file = format!("keyEndpoint: {url}\n      dangerouslyFetchKeysOverHttpFrom: emulator");
    let file = from_file(&alb, &file, BY_LOCAL_PART);
    for (place, builder) in [("code", Ok(code)), ("environment", env), ("file", file)] {
        let config = builder.and_then(|builder| builder.build().map_err(|error| error.to_string()));
        let config = config.unwrap_or_else(|error| panic!("{place}: {error}"));
        let warned = config.warnings().iter().filter(|warning| warning.contains("over plain http from emulator"));
        assert_eq!(warned.count(), 1, "{place}");
    }
}

/// The emulator in another container, over https.
#[cfg(feature = "https")]
#[test]
fn a_ca_of_an_emulator_is_the_same_in_all_places() {
    let alb = MockAlb::new();
    let url = "https://emulator:9002";
    let (folder, key) = (tempfile::tempdir().expect("a folder"), rcgen::KeyPair::generate().expect("a key"));
    let certificate = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, certificate.pem()).expect("written");
    let path = path.to_str().expect("UTF-8");
    let entry = entry(&alb).client_id(alb.client_id()).key_endpoint(url);
    let code = AlbAuthConfig::builder().trust(entry.emulator_ca_file(path)).sign_in(email());
    let vars = [
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
        ("ALB_AUTH_KEY_ENDPOINT", url),
        ("ALB_AUTH_EMULATOR_CA_FILE", path),
    ];
    let env = from_env(&alb, &vars);
    let file = from_file(&alb, &format!("keyEndpoint: {url}\n      emulatorCaFile: {path}"), BY_LOCAL_PART);
    for (place, builder) in [("code", Ok(code)), ("environment", env), ("file", file)] {
        let config = builder.and_then(|builder| builder.build().map_err(|error| error.to_string()));
        let config = config.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(
            config.summary().contains(&format!("keys at {url} by the CA in {path}")),
            "{place}: {}",
            config.summary()
        );
    }
}

/// A limit of each group beyond its range is the same problem in all places.
#[test]
fn limits_have_the_same_names_and_ranges_in_all_places() {
    let alb = MockAlb::new();
    let seconds = std::time::Duration::from_secs;
    for (code, variable, beside) in [
        (
            trusting(&alb, email()).token_limits(TokenLimits::new().leeway(seconds(301))),
            ("ALB_AUTH_LIMIT_LEEWAY", "301"),
            "limits: { leeway: 301s }",
        ),
        (
            trusting(&alb, email()).key_limits(KeyLimits::new().max_keys(1)),
            ("ALB_AUTH_LIMIT_MAX_KEYS", "1"),
            "limits: { maxKeys: 1 }",
        ),
        (
            trusting(&alb, email()).cache_limits(CacheLimits::new().sign_in_lifetime(seconds(7200))),
            ("ALB_AUTH_LIMIT_SIGN_IN_LIFETIME", "2h"),
            "limits: { signInLifetime: 2h }",
        ),
    ] {
        let problem = |builder: AlbAuthConfigBuilder| builder.build().expect_err("out of range").to_string();
        let expected = problem(code);
        let env = from_env(&alb, &[("ALB_AUTH_EMAIL_DOMAINS", "example.com"), variable]);
        assert_eq!(problem(env.expect("readable")), expected);
        assert_eq!(problem(from_file(&alb, beside, BY_LOCAL_PART).expect("readable")), expected);
    }
    let settings: AlbAuthSettings =
        serde_json::from_str(r#"{"limits": {"max_keys": 1, "leeway": "5 min", "x": 1}}"#).unwrap();
    let said = settings.to_builder().build().unwrap_err().to_string();
    assert!(said.contains("max_keys is 1; set it to") && said.contains("limits.x is not a known setting"), "{said}");
}

#[test]
fn mistakes_name_the_variable_or_the_line_all_at_once() {
    let alb = MockAlb::new();
    let env = |vars: &[(&str, &str)]| {
        let domains = ("ALB_AUTH_EMAIL_DOMAINS", "example.com");
        from_env(&alb, &[&[domains], vars].concat()).err().unwrap_or_default()
    };
    let said = env(&[
        ("ALB_AUTH_GROUPS_FORMAT", "csv"),
        ("ALB_AUTH_GROUPS_MAP", "admins"),
        ("ALB_AUTH_LIMIT_MAX_LIFETIM", "5m"),
        ("ALB_AUTH_LIMIT_LEEWAY", "soon"),
        ("ALB_AUTH_SIGN_IN_CLAIM", "x"),
        ("ALB_AUTH_STRIP_PLUS_SUFFIX", "yes"),
    ]);
    for part in [
        "ALB_AUTH_GROUPS_CLAIM is not set",
        "ALB_AUTH_GROUPS_FORMAT is \"csv\", which is not one of texts, brackets, json, commas, blanks, keys",
        "ALB_AUTH_LIMIT_MAX_LIFETIM is not a known setting. Did you mean ALB_AUTH_LIMIT_MAX_LIFETIME?",
        "ALB_AUTH_LIMIT_LEEWAY is \"soon\", which is not a time such as 500ms, 90s, 30m or 2h",
        "ALB_AUTH_SIGN_IN_CLAIM is set, but ALB_AUTH_SIGN_IN is not claim",
        "ALB_AUTH_STRIP_PLUS_SUFFIX is \"yes\", which is not one of true, false",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let pair = env(&[("ALB_AUTH_GROUPS_CLAIM", "groups"), ("ALB_AUTH_GROUPS_MAP", "admins, a=group:default/a")]);
    assert!(pair.contains("ALB_AUTH_GROUPS_MAP has \"admins\": write pairs as"), "{pair}");
    let (verified, waived) = ("ALB_AUTH_REQUIRE_VERIFIED_EMAIL", "ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL");
    let both = env(&[(verified, "true"), (waived, "true")]);
    assert!(both.contains(&format!("{verified} and {waived} are both true: unset one of the two")), "{both}");

    let file = |beside: &str, resolver: &str| from_file(&alb, beside, resolver).err().unwrap_or_default();
    for (beside, part) in [
        (
            "groups: { claims: [groups], format: csv, map: { a: group:default/a } }",
            "groups.format (app-config.yaml:7) is \"csv\"",
        ),
        ("groups: { map: { a: group:default/a } }", "groups (app-config.yaml:7) names neither claims nor path"),
        ("groups: { claims: [groups] }", "groups (app-config.yaml:7) has no map"),
        ("groups: { claims: [groups], map: { a: [x] } }", "groups.map.a (app-config.yaml:7) must be a text"),
        (
            "groups: { claims: [groups], maps: {} }",
            "groups.maps (app-config.yaml:7) is not a known setting. Did you mean map?",
        ),
        ("groups: [groups]", "groups (app-config.yaml:7) must be an object of settings"),
        ("limits: { maxLifetim: 5m }", "Did you mean maxLifetime?"),
        ("limits: { leeway: soon }", "limits.leeway (app-config.yaml:7) is \"soon\", which is not a time"),
        (
            "requireVerifiedEmail: true\n      dangerouslyAcceptUnverifiedEmail: true",
            "dangerouslyAcceptUnverifiedEmail (app-config.yaml:8): both are true: leave one out",
        ),
        ("emailClaim: 'emails['", "is not a claim with an address"),
    ] {
        let mut said = file(beside, BY_LOCAL_PART);
        if said.is_empty() {
            let builder = from_file(&alb, beside, BY_LOCAL_PART).expect("readable");
            said = builder.build().expect_err(beside).to_string();
        }
        assert!(said.contains(part), "{beside}: {said}");
    }
    // One does not hide another.
    let two = file("limits: { leeway: soon }\n      groups: [x]", "resolver: emailMatchingUserEntityProfileEmail");
    for part in ["leeway (app-config.yaml:7) is \"soon\"", "groups (app-config.yaml:8) must be", "asks the catalog"] {
        assert!(two.contains(part), "{part}: {two}");
    }
    for list in ["[]", "null"] {
        let resolver = format!("{BY_LOCAL_PART}, allowedAddresses: {list}");
        assert!(file("", &resolver).contains("its allowedAddresses lists no address"), "{}", file("", &resolver));
    }
    let unwaived = "resolver: claimAsUserEntityName, claim: sub";
    assert!(
        file("", unwaived).contains("for the claim sub use EmailLocalPart, WholeEmail or Subject"),
        "{}",
        file("", unwaived)
    );
    assert!(file("", "resolver: claimAsUserEntityName").contains("has no key claim"));
}

#[test]
fn a_policy_in_code_takes_groups_from_the_file_and_refuses_settings_of_resolvers() {
    let text = |beside: &str| {
        format!(
            "auth: {{ providers: {{ awsalb: {{ issuer: 'https://idp.example.com', signer: '{}', clientIds: [x], {beside} }} }} }}",
            MockAlb::new().signer()
        )
    };
    let read = |beside: &str| {
        let config = AppConfig::from_text("app-config.yaml", &text(beside), |_| None).expect("YAML");
        let built = config.alb_auth_with(email()).and_then(|builder| builder.build());
        built.map(|config| config.summary()).unwrap_or_else(|error| error.to_string())
    };
    assert!(read("groups: { claims: [groups], map: { a: group:default/a } }").ends_with("in example.com, with groups"));
    for key in ["emailClaim: upn", "dangerouslyAcceptUnverifiedEmail: true"] {
        assert!(read(key).contains("is for signIn.resolvers, and the policy is given in code"), "{}", read(key));
    }
}

/// S-55: `requireVerifiedEmail: false` does not help where the claim is `"false"`.
#[test]
fn s_55_requiring_no_verified_email_of_cognito_is_reported_as_what_it_is() {
    let cognito = MockAlb::new().with_issuer("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E");
    let other = MockAlb::new();
    let warned = |alb: &MockAlb, beside: &str| {
        let config = from_file(alb, beside, BY_LOCAL_PART).expect("readable").build().expect("sound");
        config
            .warnings()
            .iter()
            .any(|line| line.contains("which concerns a missing claim email_verified: Amazon Cognito"))
    };
    let off = "requireVerifiedEmail: false";
    assert!(warned(&cognito, off));
    for (alb, beside) in [
        (&other, off),
        (&cognito, ""),
        (&cognito, "requireVerifiedEmail: true"),
        (&cognito, "requireVerifiedEmail: false\n      dangerouslyAcceptUnverifiedEmail: true"),
    ] {
        assert!(!warned(alb, beside), "{beside}");
    }
}
