//! The audit file of the program. Each line is checked against deploy/monitoring/audit.schema.json.

use std::fs;

use serde_json::json;

use crate::{
    service::{
        observed::{metrics, text},
        site::Site,
    },
    support::{audited::AuditFile, backstage_auth::run, process::wait_until},
};

const USER: &str = "user:default/jane.doe";

#[tokio::test]
async fn sessions_refusals_sign_outs_tokens_and_keys_are_events() {
    let file = AuditFile::new();
    let path = file.path().display().to_string();
    let site = Site::with(&["--audit-file", &path]).await;
    assert!(site.service.start_lines.contains(&path), "{}", site.service.start_lines);

    // Keys of plugin tokens are published at the same time.
    let published = file.first_where("key_published", |event| event["entity"]["name"] == "user tokens");
    assert_eq!(published["entity"]["type"], "Signing Key");

    let browser = site.signed_in("jane").await;
    let session = browser.session().await;
    let (issued, token) = (file.first("session_issued"), file.first("token_issued"));
    for event in [&issued, &token] {
        assert_eq!(event["user"], json!({ "type_id": 1, "name": USER }));
        assert_eq!(event["service"], json!({ "name": "backstage-auth" }));
    }
    assert_eq!((&issued["unmapped"]["provider"], &issued["auth_protocol_id"]), (&json!("awsalb"), &json!(4)));
    assert_eq!(token["unmapped"]["kid"], published["entity"]["uid"]);
    let trace_id = issued["metadata"]["correlation_uid"].as_str().expect("of the load balancer");
    assert!(trace_id.starts_with("Root=1-"), "{trace_id}");

    assert_eq!(site.signed_in("guest").await.get("/api/auth/awsalb/refresh").await.0, 403);
    let refused = file.first("session_refused");
    assert_eq!((&refused["status_detail"], &refused["status_code"]), (&json!("sign_in_refused"), &json!("403")));

    let ended = browser.client.post(site.url("/api/auth/awsalb/logout")).header("origin", site.emulator.url());
    assert_eq!(ended.send().await.expect("a response").status(), 200);
    assert_eq!(file.first("signed_out")["user"]["name"], USER);

    let text = fs::read_to_string(file.path()).expect("the file");
    let token = session["backstageIdentity"]["token"].as_str().expect("a token");
    assert!(!text.contains(token) && !text.contains('@'), "{text}");
    assert!(file.of("refused").is_empty(), "a request is one event");
}

#[tokio::test]
async fn a_reload_and_a_change_of_the_deny_list_are_events() {
    let file = AuditFile::new();
    let (path, folder) = (file.path().display().to_string(), tempfile::tempdir().expect("a folder"));
    fs::write(folder.path().join("denied.jsonl"), "{\"user\": \"user:default/john\"}\n").expect("written");
    let site = Site::of(folder, &["--without-catalog", "--audit-file", &path, "--deny-list", "denied.jsonl"]).await;
    fs::write(site.folder.path().join("denied.jsonl"), "{\"entries\": 0}\n").expect("written");
    let changed = file.first("deny_list_changed");
    assert_eq!(changed["unmapped"]["removed"], json!(["user:default/john"]));

    let config = site.folder.path().join("app-config.yaml");
    let text = fs::read_to_string(&config).expect("the settings");
    let more = text.replace(site.emulator.client_id(), "another-client");
    assert_ne!(more, text);
    fs::write(&config, more).expect("written");
    let reloaded = file.first("reloaded");
    assert!(
        reloaded["unmapped"]["added"][0].as_str().is_some_and(|added| added.contains("another-client")),
        "{reloaded}"
    );
    assert!(
        reloaded["unmapped"]["removed"][0].as_str().is_some_and(|removed| removed.contains("client ")),
        "{reloaded}"
    );
}

#[tokio::test]
async fn f_66_the_file_is_opened_again_at_sighup_and_the_last_event_is_written_at_the_end() {
    let file = AuditFile::new();
    let path = file.path().display().to_string();
    let mut site = Site::with(&["--audit-file", &path, "--audit-with-profile"]).await;
    file.first("key_published");
    fs::rename(file.path(), file.folder.path().join("audit.jsonl.1")).expect("renamed");
    site.service.signal("HUP");
    wait_until(|| file.path().exists().then_some(())).expect("it is made again, without an event");
    site.signed_in("jane").await.session().await;
    site.service.signal("TERM");
    assert_eq!(site.service.ended(), 0);
    let issued = file.first("session_issued");
    assert_eq!(issued["user"]["email_addr"], "jane.doe@example.com");
    assert!(issued["user"]["full_name"].is_string(), "{issued}");
}

#[tokio::test]
async fn f_66_without_its_folder_sessions_are_issued_and_lost_events_are_counted_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("a folder");
    let arguments = ["--without-catalog", "--audit-file", "logs/audit.jsonl", "--metrics", "127.0.0.1:0"];
    let site = Site::of(folder, &arguments).await;
    let url = metrics(&site);
    assert!(text(&url).await.1.contains(r#"alb_auth_audit_events_lost_total{reason="file"} 0"#));
    fs::remove_dir_all(&logs).expect("removed");
    site.service.signal("HUP");
    site.service.wait_until_it_logs("audit events are lost, because the audit file logs/audit.jsonl cannot be written");
    site.signed_in("jane").await.session().await;
    let lost = async {
        while text(&url).await.1.contains(r#"alb_auth_audit_events_lost_total{reason="file"} 0"#) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), lost).await.expect("they are counted");
    // The rate is a warning a minute.
    assert_eq!(site.service.log().matches("audit events are lost").count(), 1);
}

#[tokio::test]
async fn mistakes_in_the_arguments_end_the_start() {
    let site = Site::new().await;
    let usual = ["--config", "app-config.yaml", "--listen", "127.0.0.1:0", "--without-catalog"];
    for (arguments, expected) in [
        (["--audit-file", "none/audit.jsonl"].as_slice(), ["--audit-file: ", "none/audit.jsonl"]),
        (&["--audit-with-profile"], ["--audit-with-profile has no effect", "--audit-log or --audit-file"]),
    ] {
        let ended = run(site.folder.path(), &[&usual, arguments].concat());
        assert_eq!(ended.code, 1, "{arguments:?}");
        assert!(expected.iter().all(|part| ended.stderr.contains(part)), "{}", ended.stderr);
    }
}
