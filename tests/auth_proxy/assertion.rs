//! Assertions: a JWT of the proxy, verified by a library from the documents that the proxy serves.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::Once,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tower_alb_auth::test_util::User;

use crate::site::{LONG, Site, client, raw, settings, status};

const LINES: &str = "
assertion_issuer: http://127.0.0.1:1/sso
assertion_audience: grafana
assertion_listen: 127.0.0.1:0
";

async fn document(site: &Site, path: &str) -> Value {
    let address = site.proxy.addresses().assertion.expect("an address");
    let response = client().get(format!("http://{address}{path}")).send().await.expect("a response");
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.expect("JSON")
}

async fn key_set(site: &Site) -> JwkSet {
    serde_json::from_value(document(site, "/sso/.well-known/jwks.json").await).expect("a key set")
}

/// As a service does that reads such tokens.
async fn verified(site: &Site, token: &str, audience: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let kid = decode_header(token)?.kid.expect("a kid");
    static PROVIDER: Once = Once::new();
    // The emulator and the tests enable one each.
    PROVIDER.call_once(|| _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default());
    let keys = key_set(site).await;
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("a listed key"))?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&["http://127.0.0.1:1/sso"]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    decode::<Value>(token, &key, &validation).map(|data| data.claims)
}

async fn assertion_of(site: &Site, user: &User, header: &str) -> Option<String> {
    let token = site.alb.sign(user);
    assert_eq!(status(&site.get("/", &format!("x-amzn-oidc-data: {token}\r\n")).await), 200);
    site.log.only().headers.get(header).map(|value| value.to_str().expect("ASCII").to_owned())
}

#[tokio::test]
async fn a_library_verifies_the_assertion_by_the_discovery_document_and_the_key_set() {
    let claims = "assertion_claims: { sub: '{entity}', mail: '{email}', roles: '{roles?}', display: '{name?}' }\n";
    let site = Site::with(&format!("{LINES}{claims}assertion_lifetime_seconds: 60\n")).await;
    let user = User::jane().claim("roles", ["a,b", "c"]).claim("name", "Jané Döe");
    let token = assertion_of(&site, &user, "x-jwt-assertion").await.expect("an assertion");
    assert!(token.split('.').count() == 3 && !token.contains('='), "compact, without padding: {token}");
    let header = decode_header(&token).expect("a header");
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::ES256, Some("JWT")));

    let discovery = document(&site, "/sso/.well-known/openid-configuration").await;
    assert_eq!(discovery["issuer"], "http://127.0.0.1:1/sso");
    assert_eq!(discovery["jwks_uri"], "http://127.0.0.1:1/sso/.well-known/jwks.json");
    let claims = verified(&site, &token, "grafana").await.expect("verified");
    assert_eq!(claims["sub"], "user:default/jane.doe");
    assert_eq!(claims["mail"], "jane.doe@example.com");
    assert_eq!(claims["roles"], json!(["a,b", "c"]), "a list stays a list");
    assert_eq!(claims["display"], "Jané Döe", "and a text its characters");
    let (iat, exp) = (claims["iat"].as_u64().expect("iat"), claims["exp"].as_u64().expect("exp"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(exp == iat + 60 && now.abs_diff(iat) < 60, "{claims}");
    assert_eq!(claims.as_object().expect("an object").len(), 8, "nothing else: {claims}");

    // A service for which it was not made.
    assert!(verified(&site, &token, "other").await.is_err());
    // The key set has public keys only.
    assert!(!document(&site, "/sso/.well-known/jwks.json").await.to_string().contains("\"d\""));
}

#[tokio::test]
async fn without_assertion_claims_it_has_sub_and_email() {
    let site = Site::with(LINES).await;
    let token = assertion_of(&site, &User::jane(), "x-jwt-assertion").await.expect("an assertion");
    let claims = verified(&site, &token, "grafana").await.expect("verified");
    assert_eq!(claims["email"], "jane.doe@example.com");
    assert_eq!(claims.as_object().expect("an object").len(), 6, "{claims}");
}

#[tokio::test]
async fn s_106_a_client_cannot_send_an_assertion_and_a_request_without_a_user_has_none() {
    let rules = "rules: [{ path: /public/*, access: optional }]\nexempt: [GET /healthz]\n";
    for (header, folded) in [
        ("X-JWT-Assertion", ["X-Jwt-Assertion", "x_jwt_assertion"]),
        ("Authorization", ["authorization", "AUTHORIZATION"]),
    ] {
        let site = Site::with(&format!("{LINES}{rules}assertion_header: {header}\n")).await;
        let forged: String = folded.map(|name| format!("{name}: Bearer forged\r\n")).concat();
        for path in ["/public/x", "/healthz"] {
            assert_eq!(status(&site.get(path, &forged).await), 200, "{path}");
            let seen = site.log.only();
            assert!(!format!("{:?}", seen.headers).contains("forged"), "{path}: {:?}", seen.headers);
            assert!(!seen.headers.contains_key(header), "{path}");
        }
        let lines = format!("x-amzn-oidc-data: {}\r\n{forged}", site.token());
        assert_eq!(status(&site.get("/page", &lines).await), 200);
        let seen = site.log.only();
        assert!(!format!("{:?}", seen.headers).contains("forged"), "{:?}", seen.headers);
        let values: Vec<_> = seen.headers.get_all(header).iter().collect();
        let [value] = values.as_slice() else { panic!("one: {values:?}") };
        let value = value.to_str().expect("ASCII");
        let token =
            if header == "Authorization" { value.strip_prefix("Bearer ").expect("a bearer token") } else { value };
        assert!(verified(&site, token, "grafana").await.is_ok());
        assert_eq!(status(&site.get("/page", &forged).await), 401);
    }
}

#[tokio::test]
async fn s_106_a_claim_that_does_not_fit_is_refused_and_never_changed() {
    let site =
        Site::with(&format!("{LINES}assertion_claims: {{ team: '{{team}}', long: '{{long?}}', mail: '{{email}}' }}\n"))
            .await;
    let user = || User::jane().claim("team", "a");
    for (user, expected) in [
        (user(), 200),
        (User::jane(), 403),
        (User::jane().claim("team", ""), 403),
        (User::jane().claim("team", "a\nb"), 403),
        (User::jane().claim("team", 7), 403),
        (user().claim("email_verified", false), 403),
        (user().claim("long", "x".repeat(9000)), 403),
    ] {
        let token = site.alb.sign(&user);
        let response = site.get("/", &format!("x-amzn-oidc-data: {token}\r\n")).await;
        assert_eq!(status(&response), expected, "{response}");
        assert_eq!(site.log.take().len(), usize::from(expected == 200));
    }
}

#[tokio::test]
async fn forward_auth_hands_the_assertion_to_the_gateway() {
    let site = Site::with(LINES).await;
    let ask = async |lines: String| {
        raw(site.forward_auth(), format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n").as_bytes())
            .await
    };
    let response = ask(format!("x-amzn-oidc-data: {}\r\n", site.token())).await;
    assert_eq!(status(&response), 200);
    let token = response.lines().find_map(|line| line.strip_prefix("x-jwt-assertion: ")).expect("an assertion");
    assert!(verified(&site, token, "grafana").await.is_ok());
    assert!(!ask(String::new()).await.contains("x-jwt-assertion"));
}

/// Replicas that share key files, before and after a rotation.
#[tokio::test]
async fn replicas_with_the_same_key_files_verify_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = |name: &str| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        fs::write(folder.path().join(name), key.serialize_pem()).expect("written");
    };
    key("2026-01.pem");
    let lines = format!("{LINES}assertion_keys: {}\n", folder.path().display());
    let (one, other) = (Site::with(&lines).await, Site::with(&lines).await);
    let token = assertion_of(&one, &User::jane(), "x-jwt-assertion").await.expect("an assertion");
    assert!(verified(&other, &token, "grafana").await.is_ok());
    key("2026-02.pem");
    // A replica that starts with both keys lists both.
    let third = Site::with(&lines).await;
    assert!(verified(&third, &token, "grafana").await.is_ok());
    assert_eq!(key_set(&third).await.keys.len(), 2);
}

#[tokio::test]
async fn the_port_of_the_keys_serves_documents_only() {
    let site = Site::with(LINES).await;
    let address = site.proxy.addresses().assertion.expect("an address");
    for (request, expected) in [
        ("GET /.well-known/jwks.json", 200),
        ("HEAD /sso/.well-known/openid-configuration", 200),
        ("POST /.well-known/jwks.json", 405),
        ("GET /", 404),
        ("GET /metrics", 404),
        ("GET /sso/.well-known/jwks.json/", 404),
    ] {
        let request = format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(status(&raw(address, request.as_bytes()).await), expected, "{request}");
    }
}

#[test]
fn mistakes_in_the_settings_of_assertions_are_reported_at_once() {
    let of_two_issuers = "trust:\n  - { signers: [], issuer: 'https://a.example', client_ids: [a] }\n  - { signers: [], issuer: 'https://b.example', client_ids: [a] }\n";
    let text = format!(
        "{of_two_issuers}upstream: http://127.0.0.1:1\nheaders: {{ X-A: '{{sub}}' }}\nassertion_issuer: http://127.0.0.1:1\nassertion_header: x-a\n\
         assertion_claims: {{ exp: '{{sub}}', a: 'constant' }}\nassertion_lifetime_seconds: 5\n"
    );
    let error = settings(&text).expect_err("mistakes").to_string();
    for part in [
        "assertion_audience is not set",
        "assertion_listen is not set",
        "assertion_claims.sub is not set",
        "is set by headers or profile too",
        "is a claim that the proxy sets itself",
        "names no claim",
        "a whole number from 10 to 3600",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    for (issuer, part) in [
        ("http://auth.example.com", "plain http to another machine"),
        ("auth.example.com", "is not the URL of an issuer"),
        ("https://a.example?x", "is not the URL of an issuer"),
        ("https://user@a.example", "is not the URL of an issuer"),
    ] {
        let error = settings(&format!("assertion_issuer: {issuer}\n")).expect_err("a mistake").to_string();
        assert!(error.contains(part) && !error.contains("user@"), "{issuer}: {error}");
    }
}

#[tokio::test]
async fn a_key_is_listed_before_the_first_assertion_and_the_proxy_is_ready() {
    let site = Site::with(LINES).await;
    let listed = async {
        while key_set(&site).await.keys.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, listed).await.expect("a key");
    // The keys of the load balancer are not what it waits for.
    assert_eq!(status(&site.get("/", &format!("x-amzn-oidc-data: {}\r\n", site.token())).await), 200);
    let response = site.get("/.alb-auth-proxy/ready", "").await;
    assert_eq!(status(&response), 200, "{response}");
}

/// A library gets the token and the address of the key set, and prints the claims.
async fn verified_by(command: &str, arguments: &[&str], script: &str) -> Value {
    let site = Site::with(LINES).await;
    let token = assertion_of(&site, &User::jane(), "x-jwt-assertion").await.expect("an assertion");
    let address = site.proxy.addresses().assertion.expect("an address");
    let run = tokio::process::Command::new(command)
        .args(arguments)
        .arg(script)
        .env("TOKEN", &token)
        .env("KEYS", format!("http://{address}/.well-known/jwks.json"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LONG, run).await.expect("in time").expect("it is installed: run .ci/peers");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("claims")
}

#[tokio::test]
#[ignore = "peer: npm jose, installed by .ci/peers"]
async fn jose_of_node_verifies_an_assertion() {
    const SCRIPT: &str = "
        import { createRemoteJWKSet, jwtVerify } from 'jose';
        const keys = createRemoteJWKSet(new URL(process.env.KEYS));
        const options = { issuer: 'http://127.0.0.1:1/sso', audience: 'grafana', algorithms: ['ES256'], typ: 'JWT' };
        const { payload } = await jwtVerify(process.env.TOKEN, keys, options);
        let refused = 0;
        try { await jwtVerify(process.env.TOKEN, keys, { ...options, audience: 'other' }); } catch { refused = 1; }
        console.log(JSON.stringify({ ...payload, refused }));";
    let claims = verified_by("node", &["--input-type=module", "--eval"], SCRIPT).await;
    assert_eq!((&claims["email"], &claims["refused"]), (&json!("jane.doe@example.com"), &json!(1)));
}

#[tokio::test]
#[ignore = "peer: PyJWT, installed by .ci/peers"]
async fn pyjwt_verifies_an_assertion() {
    const SCRIPT: &str = "
import json, os, jwt
token, keys = os.environ['TOKEN'], jwt.PyJWKClient(os.environ['KEYS'])
key = keys.get_signing_key_from_jwt(token)
def read(audience):
    return jwt.decode(token, key, algorithms=['ES256'], issuer='http://127.0.0.1:1/sso', audience=audience)
claims = read('grafana')
try:
    read('other')
except jwt.InvalidAudienceError:
    claims['refused'] = 1
print(json.dumps(claims))";
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
    let claims = verified_by(&python.to_string_lossy(), &["-c"], SCRIPT).await;
    assert_eq!((&claims["email"], &claims["refused"]), (&json!("jane.doe@example.com"), &json!(1)));
}
