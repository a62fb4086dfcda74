//! Who was refused, and which change of files could not be used.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AlbAuthSettings, AuditTrail, ConfigError,
    deny_list::{Denied, DenyList},
    keys::HttpsKeys,
    layer::Watch,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::support::{App, audited::AuditFile};

/// Longer than a disk takes.
const LONG: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(50);
const SUBJECT: &str = "AAAAAAAAAAAAAAAAAAAAAIjane.doe";

fn trail(file: &AuditFile) -> AuditTrail {
    AuditTrail::builder("orders").file(file.path()).build().expect("a file")
}

fn written(trail: &AuditTrail, file: &AuditFile) -> Vec<Value> {
    assert!(trail.flush(LONG), "it is not written");
    file.events()
}

/// A refusal after the signature was verified is one of a known user; another one is not.
#[tokio::test]
async fn f_86_a_refused_user_is_named_if_the_signature_of_the_token_is_good() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let (trail, denied) = (trail(&file), DenyList::new());
    let app = App::new(alb.layer().deny_list(&denied).audit_trail(&trail));
    let by_claims = |subject: &str| json!({ "type_id": 1, "uid": subject, "domain": alb.issuer() });
    let unknown = json!({ "type_id": 0, "name": "unknown" });

    let elsewhere = User::jane().claim("email", "jane@other.example").claim("sub", "elsewhere");
    app.call(alb.request("/").user(&elsewhere)).await;
    app.call(alb.request("/").user(&User::jane()).header("x-amzn-oidc-identity", "another")).await;
    denied.deny(Denied::user("user:default/jane.doe".parse().expect("an entity ref")));
    app.call(alb.request("/").user(&User::jane())).await;

    let token = alb.sign(&User::jane());
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let forged = format!("{signed}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    app.call(alb.request("/").token(&forged)).await;
    app.call(MockAlb::with_keys_of(&alb).request("/").user(&User::jane())).await;
    app.call(alb.request("/")).await;

    assert!(trail.flush(LONG));
    let found: Vec<_> = file
        .of("refused")
        .into_iter()
        .map(|event| (event["status_detail"].as_str().expect("a kind").to_owned(), event["user"].clone()))
        .collect();
    let expected = [
        ("sign_in_refused", by_claims("elsewhere")),
        ("identity_mismatch", by_claims(SUBJECT)),
        ("denied", json!({ "type_id": 1, "name": "user:default/jane.doe" })),
        ("invalid_signature", unknown.clone()),
        ("untrusted_signer", unknown.clone()),
        ("missing", unknown),
    ];
    assert_eq!(found, expected.map(|(kind, user)| (kind.to_owned(), user)));
}

/// The same where the decision waits for a key.
#[tokio::test]
async fn f_86_a_user_who_is_refused_after_a_wait_is_named_too() {
    let (file, alb) = (AuditFile::new(), MockAlb::new().serve().await);
    let trail = trail(&file);
    let config = AlbAuthConfig::builder()
        .trust(alb.trusted())
        .sign_in(EmailLocalPart::in_domains(["other.example"]))
        .https(HttpsKeys::new());
    let app = App::new(AlbAuthLayer::new(config.build().expect("sound")).audit_trail(&trail));
    app.call(alb.request("/").user(&User::jane())).await;
    let events = written(&trail, &file);
    assert_eq!((events.len(), &events[0]["status_detail"]), (1, &json!("sign_in_refused")));
    assert_eq!(events[0]["user"], json!({ "type_id": 1, "uid": SUBJECT, "domain": alb.issuer() }));
}

#[tokio::test]
async fn s_142_a_refused_user_has_email_and_name_by_choice_alone() {
    for with_profile in [false, true] {
        let (file, alb) = (AuditFile::new(), MockAlb::new());
        let builder = AuditTrail::builder("orders").file(file.path());
        let trail = if with_profile { builder.with_profile() } else { builder }.build().expect("a file");
        let denied = DenyList::new();
        denied.deny(Denied::user("user:default/jane.doe".parse().expect("an entity ref")));
        let app = App::new(alb.layer().deny_list(&denied).audit_trail(&trail));
        let user = User::jane().claim("name", "Jane of Example");
        app.call(alb.request("/").user(&user)).await;
        app.call(alb.request("/").user(&user.claim("email", "jane@other.example"))).await;
        assert!(trail.flush(LONG));
        let text = fs::read_to_string(file.path()).expect("the file");
        for part in ["jane.doe@example.com", "jane@other.example", "Jane of Example"] {
            assert_eq!(text.contains(part), with_profile, "{part}: {text}");
        }
        assert_eq!(file.of("refused").len(), 2);
    }
}

fn settings(alb: &MockAlb, domain: &str) -> String {
    format!(
        r#"{{"trust": [{{"signers": ["{}"], "issuer": "{}", "client_ids": ["{}"]}}],
            "sign_in": {{"email_local_part": {{"domains": ["{domain}"]}}}}}}"#,
        alb.signer().replace("000000000000", "123456789012"),
        alb.issuer(),
        alb.client_id(),
    )
}

fn load(file: &Path) -> Result<AlbAuthConfig, ConfigError> {
    let text = fs::read_to_string(file).map_err(ConfigError::message)?;
    let settings: AlbAuthSettings = serde_json::from_str(&text).map_err(ConfigError::message)?;
    settings.to_builder().build()
}

/// Each failure is one event, however long the file stays so.
#[tokio::test(flavor = "multi_thread")]
async fn f_87_settings_that_cannot_be_used_are_recorded_without_what_is_written_there() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let (trail, folder) = (trail(&file), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("settings.json");
    fs::write(&path, settings(&alb, "example.com")).expect("written");
    let watch = Watch::files([&path]).every(EVERY);
    let layer = AlbAuthLayer::new(load(&path).expect("sound settings")).audit_trail(&trail);
    let _watching = layer.handle().watch(watch, {
        let path = path.clone();
        move || load(&path)
    });
    fs::write(&path, settings(&alb, "example.com").replace("claims", "").replace("\"trust\"", "\"canary\"")).unwrap();
    let failed = file.first("reload_failed");
    assert_eq!(failed["entity"], json!({ "type": "Configuration", "name": "trust and sign-in" }));
    assert_eq!(
        [&failed["status_detail"], &failed["status_id"], &failed["severity_id"]],
        [&json!("invalid"), &json!(2), &json!(3)]
    );
    fs::write(&path, settings(&alb, "example.org")).expect("written");
    file.first("reloaded");
    let text = fs::read_to_string(file.path()).expect("the file");
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(file.of("reload_failed").len(), 1, "{text}");
}

#[tokio::test]
async fn f_87_a_deny_list_that_cannot_be_used_is_recorded_with_the_reason() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let (trail, denied) = (trail(&file), file.folder.path().join("denied.jsonl"));
    fs::write(&denied, "{\"user\": \"user:default/john\"}\n").expect("written");
    let list = DenyList::from_file(&denied).expect("a sound list");
    let _layer = alb.layer().deny_list(&list).audit_trail(&trail);
    fs::write(&denied, "{\"email\": 7, \"canary\": 1}\n").expect("written");
    let of_kind = |kind: &str| file.first_where("reload_failed", |event| event["status_detail"] == kind);
    assert_eq!(of_kind("invalid")["entity"], json!({ "type": "Configuration", "name": "deny list: file" }));
    fs::remove_file(&denied).expect("it is there");
    of_kind("unreadable");
    // It stays so for some polls, and is one event: a change of another file is in force after two polls.
    let other = file.folder.path().join("other.jsonl");
    fs::write(&other, "{\"user\": \"user:default/john\"}\n").expect("written");
    let other_list = DenyList::from_file(&other).expect("a sound list");
    let _other_layer = alb.layer().deny_list(&other_list).audit_trail(&trail);
    fs::write(&other, "{\"user\": \"user:default/amy\"}\n").expect("written");
    file.first("deny_list_changed");
    assert_eq!(file.of("reload_failed").len(), 2);
    let text = fs::read_to_string(file.path()).expect("the file");
    assert!(!text.contains("canary"), "{text}");
}
