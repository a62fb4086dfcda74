//! S-193, S-194: what the users of several issuers have in common is not taken for one user.

use serde_json::{Value, json};
use tower_alb_auth::{
    auth_proxy::{AuthProxy, Check},
    config::ProblemKind,
    test_util::{MockAlb, User},
};

use crate::site::{Log, Seen, raw, serve, service, settings, status, trust, trust_entry};

const STAFF: &str = "https://staff.example.com";
const PARTNERS: &str = "https://partners.example.com";
const WAIVER: &str = "dangerously_share_claims_between_issuers";
const RULE: &str = "rules: [{ path: /admin/*, require: { claim_contains: { groups: admins } } }]";
const ASSERTION: &str =
    "assertion_issuer: http://127.0.0.1:1\nassertion_listen: 127.0.0.1:0\nassertion_audience: app\n";

/// The staff, whose addresses are verified, and the partners, who enter theirs themselves.
struct TwoIssuers {
    staff: MockAlb,
    partners: MockAlb,
    trust: String,
}

impl TwoIssuers {
    async fn new() -> Self {
        let (staff, partners) = (MockAlb::new().with_issuer(STAFF), MockAlb::new().with_issuer(PARTNERS));
        let trust = format!(
            "trust:\n{}    sign_in: {{ email_local_part: {{ domains: [example.com], require_verified_email: true }} }}\n\
             {}    sign_in: {{ subject: {{ namespace: partners }} }}\n",
            trust_entry(&staff).await,
            trust_entry(&partners).await
        );
        Self { staff, partners, trust }
    }

    fn settings(&self, lines: &str) -> String {
        format!("{}upstream: http://127.0.0.1:1\nlisten: 127.0.0.1:0\n{lines}\n", self.trust)
    }

    fn jane(&self) -> String {
        let jane = User::entra("jane.doe").claim("email", "jane.doe@example.com").claim("email_verified", true);
        self.staff.sign(&jane.claim("groups", json!(["admins"])))
    }

    /// A partner with what the staff's jane has.
    fn mallory(&self) -> String {
        let mallory = User::entra("mallory").claim("email", "jane.doe@example.com").without("email_verified");
        self.partners.sign(&mallory.claim("groups", json!(["admins"])))
    }
}

/// A running proxy in front of a service.
struct Running {
    _proxy: AuthProxy,
    address: std::net::SocketAddr,
    log: Log,
}

impl Running {
    async fn with(issuers: &TwoIssuers, lines: &str) -> Self {
        let log = Log::default();
        let upstream = serve(service(log.clone())).await;
        let text = issuers.settings(lines).replace("http://127.0.0.1:1\nlisten", &format!("http://{upstream}\nlisten"));
        let proxy =
            AuthProxy::start(settings(&text).unwrap_or_else(|error| panic!("{error}"))).await.expect("it starts");
        let address = proxy.addresses().reverse_proxy.expect("an upstream");
        Self { _proxy: proxy, address, log }
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Option<Seen>) {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-oidc-data: {token}\r\n\r\n");
        (status(&raw(self.address, request.as_bytes()).await), self.log.take().pop())
    }
}

#[tokio::test]
async fn s_193_a_claim_of_several_issuers_is_no_user_unless_it_names_the_issuer() {
    let issuers = TwoIssuers::new().await;
    let assertion = |claims: &str| format!("{ASSERTION}assertion_claims: {{ sub: '{{entity}}', {claims} }}");
    let header = |template: &str| format!("headers: {{ X-Team-User: '{template}' }}");
    for (lines, key) in [
        ("profile: grafana".to_owned(), "profile"),
        ("profile: jupyterhub".to_owned(), "profile"),
        (header("{email}"), "headers.X-Team-User"),
        (header("{claim:email}"), "headers.X-Team-User"),
        (header("{sub?}"), "headers.X-Team-User"),
        (header("{entity.name}"), "headers.X-Team-User"),
        (header("{entity} {name|percent}"), "headers.X-Team-User"),
        // The end of one issuer and the beginning of a subject may be those of another pair.
        (header("{iss}{sub}"), "headers.X-Team-User"),
        (header("{sub}#{iss}"), "headers.X-Team-User"),
        (assertion("email: '{email}'"), "assertion_claims.email"),
        (assertion("groups: '{groups?}'"), "assertion_claims.groups"),
        (ASSERTION.to_owned(), "assertion_claims.sub"),
        ("keep_alb_headers: true".to_owned(), "keep_alb_headers"),
        (RULE.to_owned(), "rules[0].require.claim_contains.groups"),
        (RULE.replace("claim_contains", "claim_equals"), "rules[0].require.claim_equals.groups"),
        (RULE.replace("claim_contains: { groups: admins }", "claim_present: groups"), "rules[0].require.claim_present"),
    ] {
        let Err(error) = settings(&issuers.settings(&lines)) else { panic!("accepted: {lines}") };
        let found = error.problems().iter().find(|problem| problem.key() == Some(key));
        let found = found.unwrap_or_else(|| panic!("{lines}: {key}: {error}"));
        assert!(matches!(found.kind(), ProblemKind::Insecure | ProblemKind::Missing), "{lines}: {found}");
        for part in [STAFF, PARTNERS, WAIVER] {
            assert!(found.to_string().contains(part), "{lines}: {part}: {found}");
        }
        settings(&issuers.settings(&format!("{lines}\n{WAIVER}: true"))).unwrap_or_else(|error| panic!("{error}"));
        // With one issuer all of it is sound.
        let of_one = trust(&issuers.staff).await;
        settings(&format!("{of_one}upstream: http://127.0.0.1:1\n{lines}\n")).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[tokio::test]
async fn s_193_what_names_the_issuer_keeps_its_users_apart() {
    let issuers = TwoIssuers::new().await;
    let lines = "headers: { X-Team-User: '{entity}', X-Account: '{iss}#{sub}', X-Owns: '{ownership?}' }\n\
        rules: [{ path: /admin/*, require: { issuer: https://staff.example.com, claim_contains: { groups: admins } } }, \
                { path: /partners/*, require: { issuer: https://partners.example.com } }]";
    let running = Running::with(&issuers, lines).await;
    let (jane, mallory) = (issuers.jane(), issuers.mallory());
    for (path, token, expected, user, account) in [
        ("/", &jane, 200, "user:default/jane.doe", "https://staff.example.com#"),
        ("/", &mallory, 200, "user:partners/", "https://partners.example.com#"),
        ("/admin/x", &jane, 200, "user:default/jane.doe", "https://staff.example.com#"),
        ("/admin/x", &mallory, 403, "", ""),
        ("/partners/x", &jane, 403, "", ""),
        ("/partners/x", &mallory, 200, "user:partners/", "https://partners.example.com#"),
    ] {
        let (status, seen) = running.get(path, token).await;
        assert_eq!((status, seen.is_some()), (expected, expected == 200), "{path} {user}");
        let text = |name: &str| seen.as_ref().map_or("", |seen| seen.headers[name].to_str().expect("ASCII")).to_owned();
        assert!(text("x-team-user").starts_with(user) && text("x-account").starts_with(account), "{path} {seen:?}");
    }
}

#[tokio::test]
async fn s_193_a_waiver_is_a_warning_and_an_issuer_of_a_rule_is_a_trusted_one() {
    let issuers = TwoIssuers::new().await;
    let lines = format!("profile: grafana\n{RULE}\n{WAIVER}: true");
    let running = Running::with(&issuers, &lines).await;
    let (status, seen) = running.get("/admin/x", &issuers.mallory()).await;
    assert_eq!(
        (status, &seen.expect("a request").headers["x-webauth-user"]),
        (200, &"jane.doe@example.com".parse().unwrap())
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.yaml");
    std::fs::write(&file, issuers.settings(&lines)).expect("written");
    let check = Check::of(Some(&file), &[], &[]).to_string();
    let warned = |line: &str| line.starts_with("warning: ") && line.contains(WAIVER) && line.contains(PARTNERS);
    assert!(check.lines().any(warned), "{check}");

    let text = issuers.settings("rules: [{ path: /x/*, require: { issuer: https://partner.example.com } }]");
    let error = settings(&text).expect_err("an issuer that is not trusted");
    assert!(error.to_string().contains("Did you mean https://partners.example.com"), "{error}");
}

/// With one issuer: an email that its users may change decides, also where the sign-in policy does not read it.
#[tokio::test]
async fn s_194_every_use_of_an_email_without_email_verified_is_a_warning() {
    let alb = MockAlb::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.yaml");
    let of_email = "sign_in: { email_local_part: { domains: [example.com] } }\naccept_missing_email_verified: true\n";
    let trust = trust(&alb).await;
    assert!(trust.contains(of_email));
    let warns = |policy: &str, lines: &str| {
        let trust = trust.replace(of_email, &format!("sign_in: {policy}\n"));
        std::fs::write(&file, format!("{trust}upstream: http://127.0.0.1:1\n{lines}\n")).expect("written");
        let check = Check::of(Some(&file), &[], &[]);
        assert!(check.is_sound(), "{check}");
        let warns = |line: &str| line.starts_with("warning: an email without the claim email_verified is accepted");
        check.to_string().lines().any(warns)
    };
    let claims = |claims: Value| format!("{ASSERTION}assertion_claims: {claims}");
    for policy in ["claims_only", "{ subject: {} }"] {
        for (lines, expected) in [
            ("profile: grafana".to_owned(), true),
            ("headers: { X-Team-User: '{claim:email}' }".to_owned(), true),
            ("headers: { X-Team-User: '{name?} <{email?}>' }".to_owned(), true),
            (ASSERTION.to_owned(), true),
            (claims(json!({ "mail": "{email}" })), true),
            ("rules: [{ path: /a/*, require: { claim_equals: { email: jane.doe@example.com } } }]".to_owned(), true),
            ("rules: [{ path: /a/*, require: { claim_contains: { email: jane.doe@example.com } } }]".to_owned(), true),
            (String::new(), false),
            ("headers: { X-Team-User: '{sub}' }".to_owned(), false),
            (claims(json!({ "name": "{name?}" })), false),
            ("profile: grafana\naccept_missing_email_verified: true".to_owned(), false),
        ] {
            assert_eq!(warns(policy, &lines), expected, "{policy}: {lines}");
        }
    }
    // The policy decides about the address, for headers too.
    let required = "{ email_local_part: { domains: [example.com], require_verified_email: true } }";
    assert!(!warns(required, "profile: grafana"));
}
