//! The audit file of the proxy. Each line is checked against deploy/monitoring/audit.schema.json.

use std::{fs, net::SocketAddr, process::Command};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_alb_auth::test_util::User;

use crate::{
    audited::AuditFile,
    process::{Program, wait_until},
    program::{Files, started},
    site::{Site, raw, status},
};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
const RULE: &str = "rules: [{ path: /admin/*, require: { claim_contains: { roles: admin } } }]\n";

async fn get(address: SocketAddr, path: &str, lines: &str) -> u16 {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-trace-id: {ROOT}\r\n{lines}\r\n");
    status(&raw(address, request.as_bytes()).await)
}

/// The header or the claims of an assertion.
fn part(assertion: &str, index: usize) -> Value {
    let part = assertion.split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn users_refusals_keys_and_assertions_are_events() {
    let file = AuditFile::new();
    let lines = format!(
        "audit_file: {}\n{RULE}assertion_issuer: http://127.0.0.1:1\nassertion_listen: 127.0.0.1:0\nassertion_audience: a\n",
        file.path().display()
    );
    let site = Site::with(&lines).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    assert_eq!(get(site.address, "/", &jane).await, 200);
    assert_eq!(get(site.address, "/", &jane).await, 200);
    let (signed_in, token) = (file.first("signed_in"), file.first("token_issued"));
    for event in [&signed_in, &token] {
        assert_eq!(event["user"], json!({ "type_id": 1, "name": "user:default/jane.doe" }));
        assert_eq!(
            (&event["service"]["name"], &event["metadata"]["correlation_uid"]),
            (&json!("alb-auth-proxy"), &json!(ROOT))
        );
    }
    assert_eq!(token["unmapped"]["provider"], "assertion");
    let assertion = site.log.take().remove(0).headers["x-jwt-assertion"].to_str().expect("ASCII").to_owned();
    assert_eq!(token["unmapped"]["kid"], part(&assertion, 0)["kid"]);
    assert_eq!(token["unmapped"]["expires_at"], part(&assertion, 1)["exp"]);
    assert_eq!(file.first("key_published")["entity"]["type"], "Signing Key");

    assert_eq!(get(site.address, "/", "").await, 401);
    assert_eq!(file.first("refused")["status_detail"], "missing");
    assert_eq!(get(site.address, "/admin/x", &jane).await, 403);
    let trail = site.proxy.audit_trail().expect("a trail");
    assert!(trail.flush(std::time::Duration::from_secs(30)));
    let refused = file.of("refused");
    assert_eq!((refused.len(), &refused[1]["status_detail"]), (2, &json!("claim_missing")));
    assert_eq!(refused[1]["user"]["name"], "user:default/jane.doe", "a user who is known is named");
    assert_eq!(file.of("signed_in").len(), 1);
    let text = fs::read_to_string(file.path()).expect("the file");
    assert!(!text.contains('@') && !text.contains(&site.token()[..40]), "{text}");
}

#[tokio::test]
async fn f_66_the_file_is_opened_again_at_sighup_and_the_last_event_is_written_at_the_end() {
    let (audit, files) = (AuditFile::new(), Files::with("").await);
    let mut command = files.command();
    command.env("ALB_PROXY_AUDIT_FILE", audit.path()).arg("--audit-with-profile");
    let mut running = started(command);
    let address = running.address("Reverse proxy");
    assert_eq!(get(address, "/", "").await, 401);
    audit.first("refused");
    fs::rename(audit.path(), audit.folder.path().join("audit.jsonl.1")).expect("renamed");
    running.signal("HUP");
    let until = std::time::Instant::now() + crate::site::LONG;
    while !audit.path().exists() {
        assert!(std::time::Instant::now() < until, "it is not made again: {}", running.log());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let jane = format!("x-amzn-oidc-data: {}\r\n", files.token(&User::jane()));
    assert_eq!(get(address, "/", &jane).await, 200);
    running.signal("TERM");
    assert_eq!(running.ended(), 0);
    let events = audit.events();
    assert_eq!((events.len(), &events[0]["user"]["email_addr"]), (1, &json!("jane.doe@example.com")));
    // The log has the same ones.
    assert!(running.log().contains("signed_in"), "{}", running.log());
}

#[tokio::test]
async fn without_the_settings_there_are_no_events() {
    let files = Files::with("").await;
    let mut running = started(files.command());
    assert_eq!(get(running.address("Reverse proxy"), "/", "").await, 401);
    running.signal("TERM");
    assert_eq!(running.ended(), 0);
    assert!(!running.log().contains("audit"), "{}", running.log());
}

#[tokio::test]
async fn check_names_a_folder_that_is_missing() {
    let files = Files::with("audit_file: none/audit.jsonl\n").await;
    let output = files.command().arg("check").output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("audit_file") && printed.contains("there is no folder none"), "{printed}");
    assert!(!files.path().join("none").exists());
}

#[tokio::test]
async fn a_profile_without_a_trail_ends_the_start_and_the_check() {
    let problem = "audit_with_profile (proxy.yaml:11) has no effect without audit_log or audit_file: add one of them";
    for lines in ["audit_with_profile: true\n", "audit_with_profile: true\naudit_log: false\n"] {
        let files = Files::with(lines).await;
        for task in [[].as_slice(), &["check"]] {
            let output = files.command().args(task).output().expect("it runs");
            let printed = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8")).concat();
            assert_eq!(output.status.code(), Some(1), "{task:?}: {printed}");
            assert!(printed.contains(problem), "{task:?}: {printed}");
        }
    }
    let files = Files::with("audit_with_profile: false\n").await;
    let output = files.command().arg("check").output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && printed.contains("no effect: there is neither audit_log"), "{printed}");
}

#[tokio::test]
async fn f_66_a_sighup_while_the_program_starts_does_not_end_it() {
    let (audit, files) = (AuditFile::new(), Files::with("").await);
    for _ in 0..5 {
        let mut command = files.command();
        command.arg("--audit-file").arg(audit.path());
        let mut running = Program::start_and(command, "Ready", |id| {
            // The file is made before the listeners are.
            wait_until(|| audit.path().exists().then_some(())).expect("the file");
            assert!(Command::new("kill").args(["-HUP", &id.to_string()]).status().expect("kill").success());
        });
        running.signal("TERM");
        assert_eq!(running.ended(), 0);
        fs::remove_file(audit.path()).expect("removed");
    }
}

#[tokio::test]
async fn s_143_a_flood_of_assertions_of_one_user_hides_no_other_user_s() {
    let file = AuditFile::new();
    let lines = format!(
        "audit_file: {}\nassertion_issuer: http://127.0.0.1:1\nassertion_listen: 127.0.0.1:0\nassertion_audience: a\n",
        file.path().display()
    );
    let site = Site::with(&lines).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for _ in 0..100 {
        assert_eq!(get(site.address, "/", &jane).await, 200);
    }
    let john = site.alb.sign(&User::jane().claim("sub", "john").claim("email", "john@example.com"));
    assert_eq!(get(site.address, "/", &format!("x-amzn-oidc-data: {john}\r\n")).await, 200);
    assert!(site.proxy.audit_trail().expect("a trail").flush(crate::site::LONG));
    let issued = file.of("token_issued");
    let (of_john, of_jane) = issued.split_last().expect("events");
    // A window is 10 s: a slow machine sees a second one.
    assert!((10..=40).contains(&of_jane.len()), "{}", of_jane.len());
    assert_eq!(of_john["user"]["name"], "user:default/john");
    let left_out: u64 = issued.iter().filter_map(|event| event["unmapped"]["left_out"].as_u64()).sum();
    assert_eq!(left_out, 101 - u64::try_from(issued.len()).expect("a number"));
}
