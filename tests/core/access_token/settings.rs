//! The setting in code, environment and app-config, and its mistakes.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, AlbAuthSettings, TrustedAlb,
    config::{AccessTokens, AppConfig},
    sign_in::{EmailLocalPart, GroupClaim, GroupOwnership},
};

use super::Pool;

/// The same settings in the three places, and as plain data.
fn all_places(pool: &Pool) -> [(&'static str, AlbAuthConfigBuilder); 4] {
    let (alb, keys) = (&pool.alb, format!("{}/keys", pool.issuer.url));
    let policy = GroupOwnership::of(EmailLocalPart::in_domains(["example.com"]))
        .claim(GroupClaim::named("cognito:groups").of_access_token())
        .map("admins", "group:default/admins");
    let tokens = AccessTokens::new().issuer("https://sts.example.com").audience("api://a").audience("api://b");
    let tokens = tokens.jwks_uri(&keys).subject_claim("uid");
    let entry = TrustedAlb::new(alb.signer(), alb.issuer()).client_id(alb.client_id());
    let code = AlbAuthConfig::builder().trust(entry.access_tokens(tokens)).sign_in(policy);
    let env = AlbAuthSettings::from_vars([
        ("ALB_AUTH_SIGNERS", alb.signer()),
        ("ALB_AUTH_ISSUER", alb.issuer()),
        ("ALB_AUTH_CLIENT_IDS", alb.client_id()),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
        ("ALB_AUTH_GROUPS_CLAIM", "cognito:groups"),
        ("ALB_AUTH_GROUPS_FROM", "access_token"),
        ("ALB_AUTH_GROUPS_MAP", "admins=group:default/admins"),
        ("ALB_AUTH_VERIFY_ACCESS_TOKEN", "true"),
        ("ALB_AUTH_ACCESS_TOKEN_ISSUER", "https://sts.example.com"),
        ("ALB_AUTH_ACCESS_TOKEN_AUDIENCES", "api://a, api://b"),
        ("ALB_AUTH_ACCESS_TOKEN_JWKS_URI", &keys),
        ("ALB_AUTH_ACCESS_TOKEN_SUBJECT_CLAIM", "uid"),
    ]);
    let file = file(
        pool,
        &format!(
            "accessToken: {{ issuer: 'https://sts.example.com', audiences: ['api://a', 'api://b'], jwksUri: '{keys}', \
             subjectClaim: uid }}\n      \
             groups: {{ claims: ['cognito:groups'], from: accessToken, map: {{ admins: group:default/admins }} }}"
        ),
    );
    let data: AlbAuthSettings = serde_json::from_value(json!({
        "trust": [{
            "signers": [alb.signer()], "issuer": alb.issuer(), "client_ids": [alb.client_id()],
            "access_token": {
                "issuer": "https://sts.example.com", "audiences": ["api://a", "api://b"], "jwks_uri": keys, "subject_claim": "uid",
            },
        }],
        "sign_in": { "email_local_part": { "domains": ["example.com"] } },
        "groups": { "claims": ["cognito:groups"], "from": "access_token", "map": { "admins": "group:default/admins" } },
    }))
    .expect("settings");
    let env = env.expect("settings").to_builder();
    [("code", code), ("environment", env), ("file", file.expect("settings")), ("data", data.to_builder())]
}

fn file(pool: &Pool, beside: &str) -> Result<AlbAuthConfigBuilder, String> {
    let (issuer, signer, client) = (pool.alb.issuer(), pool.alb.signer(), pool.alb.client_id());
    let text = format!(
        "auth:\n  providers:\n    awsalb:\n      issuer: {issuer}\n      signer: {signer}\n      clientIds: [{client}]\n      \
         {beside}\n      signIn:\n        resolvers:\n          - {{ resolver: emailLocalPartMatchingUserEntityName, \
         allowedDomains: [example.com], dangerouslyAllowSignInWithoutUserInCatalog: true }}\n"
    );
    let config = AppConfig::from_text("app-config.yaml", &text, |_| None);
    config.and_then(|config| config.alb_auth()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn access_tokens_have_the_same_settings_in_all_places() {
    let pool = Pool::start().await;
    let good = json!({ "iss": "https://sts.example.com", "aud": "api://b", "uid": "u1", "sub": "jane", "client_id": null,
                       "azp": pool.alb.client_id() });
    let mut others = Vec::new();
    for (name, value) in [
        ("iss", json!(pool.issuer.url)),
        ("aud", json!("api://c")),
        ("uid", json!("u2")),
        ("cognito:groups", json!(["viewers"])),
    ] {
        let mut changes = good.clone();
        changes[name] = value;
        others.push(changes);
    }
    let mut summaries = Vec::new();
    for (place, builder) in all_places(&pool) {
        let config = pool.alb.keys_and_clock(builder).build().unwrap_or_else(|error| panic!("{place}: {error}"));
        summaries.push(config.summary());
        let layer = AlbAuthLayer::new(config);
        let mut results = Vec::new();
        for changes in std::iter::once(&good).chain(&others) {
            let request = pool.request("u1", &pool.issuer.token(&pool.claims_with(changes.clone())));
            let user = layer.handle().authenticate(request.headers()).await;
            results.push(match user {
                Ok(user) => user.identity().expect("a name").ownership_entity_refs().len().to_string(),
                Err(error) => error.kind().as_str().to_owned(),
            });
        }
        let invalid = "access_token_invalid";
        assert_eq!(results, ["2", invalid, invalid, invalid, "1"], "{place}");
    }
    summaries.dedup();
    assert_eq!(summaries.len(), 1, "{summaries:?}");
    assert!(summaries[0].contains("access tokens of https://sts.example.com for api://a or api://b"), "{summaries:?}");
}

#[tokio::test]
async fn a_plain_true_verifies_tokens_of_the_entrys_issuer() {
    let pool = Pool::start().await;
    let builder = file(&pool, "accessToken: true").expect("settings");
    let layer = AlbAuthLayer::new(pool.alb.keys_and_clock(builder).build().expect("sound"));
    let call = async |token: &str| layer.handle().authenticate(pool.request("u1", token).headers()).await.is_ok();
    assert!(call(&pool.issuer.token(&pool.claims())).await);
    assert!(!call("x").await);
    let off = file(&pool, "accessToken: false").expect("settings");
    let layer = AlbAuthLayer::new(pool.alb.keys_and_clock(off).build().expect("sound"));
    assert!(layer.handle().authenticate(pool.request("u1", "x").headers()).await.is_ok());
}

#[tokio::test]
async fn mistakes_in_the_settings_of_access_tokens_are_reported_at_once() {
    let pool = Pool::start().await;
    let entry = || TrustedAlb::new(pool.alb.signer(), "urn:example:issuer");
    let build = |entry: TrustedAlb| {
        let builder = AlbAuthConfig::builder().trust(entry).sign_in(EmailLocalPart::in_domains(["example.com"]));
        pool.alb.keys_and_clock(builder).build().expect_err("a mistake").to_string()
    };
    let text = build(entry().client_id("x").access_tokens(AccessTokens::new().audience("").subject_claim("")));
    for part in ["keys are found by the issuer, which is an https URL", "an audience is empty", "the subject is empty"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = build(entry().client_id("x").access_tokens(AccessTokens::new().jwks_uri("http://keys.example.com")));
    assert!(text.contains("the address of the keys is an https URL, or an http one on this machine"), "{text}");
    let any =
        entry().dangerously_accept_any_client().access_tokens(AccessTokens::new().jwks_uri("https://keys.example.com"));
    assert!(build(any).contains("access tokens of any client and audience"));

    let vars = |extra: (&str, &str)| {
        let vars = [
            ("ALB_AUTH_SIGNERS", pool.alb.signer()),
            ("ALB_AUTH_ISSUER", pool.alb.issuer()),
            ("ALB_AUTH_CLIENT_IDS", pool.alb.client_id()),
            ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
            ("ALB_AUTH_ACCESS_TOKEN_AUDIENCES", "api://a"),
            extra,
        ];
        AlbAuthSettings::from_vars(vars).expect_err("a mistake").to_string()
    };
    let text = vars(("ALB_AUTH_VERIFY_ACCESS_TOKEN", "yes"));
    assert!(text.contains("ALB_AUTH_VERIFY_ACCESS_TOKEN is \"yes\", which is not one of true, false"), "{text}");
    assert!(text.contains("ALB_AUTH_ACCESS_TOKEN_AUDIENCES is set, but access tokens are not verified"), "{text}");
    for (beside, part) in [
        ("accessToken: null", "accessToken (app-config.yaml:7) is null: write true or false"),
        ("accessToken: [x]", "accessToken (app-config.yaml:7)"),
        ("accessToken: { audience: x }", "Did you mean audiences?"),
        ("accessToken: { issuer: [x] }", "accessToken.issuer (app-config.yaml:7) must be a text"),
        (
            "groups: { claims: [g], from: token, map: { a: group:default/a } }",
            "is \"token\", which is not one of user, accessToken",
        ),
    ] {
        let text = file(&pool, beside).expect_err(beside);
        assert!(text.contains(part), "{part}: {text}");
    }
    let unverified = file(&pool, "groups: { claims: [g], from: accessToken, map: { a: group:default/a } }");
    let text = unverified.expect("readable").build().expect_err("not verified").to_string();
    assert!(text.contains("app-config.yaml: accessToken"), "{text}");
}
