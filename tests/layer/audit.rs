//! The audit trail of the layer, in the log and in its file. Each line of the file is checked against deploy/monitoring/audit.schema.json.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthLayer, AuditTrail, TrustedAlb,
    deny_list::{Denied, DenyList},
    sign_in::{ClaimsOnly, EmailLocalPart},
    test_util::{MockAlb, User},
};

use crate::support::{App, audited::AuditFile, traced::Traced};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
/// Longer than a disk takes.
const LONG: Duration = Duration::from_secs(30);

fn trail(file: &AuditFile) -> AuditTrail {
    AuditTrail::builder("orders").file(file.path()).build().expect("a file")
}

fn written(trail: &AuditTrail, file: &AuditFile) -> Vec<Value> {
    assert!(trail.flush(LONG), "it is not written");
    file.events()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["unmapped"]["event"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_user_is_recorded_once_and_each_refusal_with_its_kind_and_trace_id() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let app = App::new(alb.layer().audit_trail(&trail));
    for _ in 0..3 {
        app.call(alb.request("/").user(&User::jane()).header("x-amzn-trace-id", ROOT)).await;
    }
    app.call(alb.request("/").header("x-amzn-trace-id", ROOT)).await;
    let stranger = MockAlb::with_keys_of(&alb);
    app.call(stranger.request("/").user(&User::jane())).await;

    let events = written(&trail, &file);
    assert_eq!(names(&events), ["signed_in", "refused", "refused"]);
    let [signed_in, missing, untrusted] = &events[..] else { panic!("{events:?}") };
    assert_eq!(signed_in["user"], json!({ "type_id": 1, "name": "user:default/jane.doe" }));
    assert_eq!((&signed_in["class_uid"], &signed_in["service"]["name"]), (&json!(3002), &json!("orders")));
    assert_eq!(missing["user"], json!({ "type_id": 0, "name": "unknown" }));
    assert_eq!((&missing["status_detail"], &missing["status_code"]), (&json!("missing"), &json!("401")));
    assert_eq!(untrusted["status_detail"], "untrusted_signer");
    assert_eq!((&missing["severity_id"], &untrusted["severity_id"]), (&json!(2), &json!(3)));
    assert_eq!([signed_in, missing].map(|event| event["metadata"]["correlation_uid"].as_str()), [Some(ROOT); 2]);
    assert_eq!(untrusted["metadata"].get("correlation_uid"), None);
}

#[tokio::test]
async fn a_user_without_an_entity_ref_is_recorded_by_issuer_and_subject() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    App::new(layer.audit_trail(&trail)).call(alb.request("/").user(&User::jane())).await;
    let events = written(&trail, &file);
    let subject = "AAAAAAAAAAAAAAAAAAAAAIjane.doe";
    assert_eq!(events[0]["user"], json!({ "type_id": 1, "uid": subject, "domain": alb.issuer() }));
}

/// The log has the same events, with flat fields.
#[tokio::test]
async fn the_log_has_the_same_events() {
    let (traced, _guard) = Traced::begin();
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let app = App::new(alb.layer().audit_trail(&trail));
    app.call(alb.request("/").user(&User::jane()).header("x-amzn-trace-id", ROOT)).await;
    app.call(alb.request("/")).await;
    let written = written(&trail, &file);
    let logged: Vec<_> = traced.0.lock().unwrap().events.iter().map(|(_, fields)| fields.clone()).collect();
    let logged: Vec<_> = logged.into_iter().filter(|fields| fields.contains_key("audit_version")).collect();
    assert_eq!(logged.len(), 2, "{logged:?}");
    for (fields, event) in logged.iter().zip(&written) {
        for (field, pointer) in [
            ("event", "/unmapped/event"),
            ("audit_version", "/unmapped/audit_version"),
            ("left_out", "/unmapped/left_out"),
            ("provider", "/unmapped/provider"),
            ("service", "/service/name"),
            ("user", "/user/name"),
            ("kind", "/status_detail"),
            ("status", "/status_code"),
            ("trace_id", "/metadata/correlation_uid"),
            ("class_uid", "/class_uid"),
            ("activity_id", "/activity_id"),
            ("severity_id", "/severity_id"),
            ("status_id", "/status_id"),
            ("time", "/time"),
            ("message", "/message"),
        ] {
            let in_file = event.pointer(pointer).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            let in_file = in_file.filter(|value| (field, value.as_str()) != ("user", "unknown"));
            assert_eq!(fields.get(field), in_file.as_ref(), "{field}: {fields:?}");
        }
    }
}

#[tokio::test]
async fn a_reload_is_recorded_with_what_is_trusted_now_and_no_more() {
    let (file, alb, next) = (AuditFile::new(), MockAlb::new(), MockAlb::new());
    let trail = trail(&file);
    let handle = alb.layer().audit_trail(&trail).handle();
    handle.reload(alb.config());
    let both = alb.config_builder().trust(TrustedAlb::new(next.signer(), next.issuer()).client_id("other"));
    handle.reload(both.sign_in(EmailLocalPart::in_domains(["example.com"])).build().unwrap());
    handle.reload(alb.config());
    let events = written(&trail, &file);
    assert_eq!(names(&events), ["reloaded"; 3]);
    assert_eq!([events[0]["unmapped"].get("added"), events[0]["unmapped"].get("removed")], [None, None]);
    let changed =
        |event: &Value, what: &str| event["unmapped"][what][0].as_str().map(str::to_owned).unwrap_or_default();
    assert!(changed(&events[1], "added").contains(next.signer()), "{events:#?}");
    assert!(changed(&events[2], "removed").contains(next.signer()), "{events:#?}");
    let both = [events[1]["unmapped"].get("removed"), events[2]["unmapped"].get("added")];
    assert_eq!(both, [None, None], "{events:#?}");
    assert_eq!(events[2]["entity"], json!({ "type": "Configuration", "name": "trust and sign-in" }));
}

#[tokio::test]
async fn s_142_a_change_of_a_deny_list_is_recorded_and_names_an_email_by_choice_alone() {
    for with_profile in [false, true] {
        let (file, alb) = (AuditFile::new(), MockAlb::new());
        let builder = AuditTrail::builder("orders").file(file.path());
        let trail = if with_profile { builder.with_profile() } else { builder }.build().unwrap();
        let denied = file.folder.path().join("denied.jsonl");
        fs::write(&denied, "{\"user\": \"user:default/john\"}\n").unwrap();
        let list = DenyList::from_file(&denied).unwrap();
        let _layer = alb.layer().deny_list(&list).audit_trail(&trail);
        list.deny(Denied::email("jane@example.com").unwrap());
        list.deny(Denied::email("jane@example.com").unwrap());
        list.allow(&Denied::email("jane@example.com").unwrap());
        fs::write(&denied, "{\"issuer\": \"https://idp.example.com\", \"subject\": \"7\"}\n").unwrap();
        file.first("deny_list_changed");
        let until = std::time::Instant::now() + LONG;
        while file.of("deny_list_changed").len() < 3 && std::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let events = file.of("deny_list_changed");
        let changes: Vec<_> =
            events.iter().map(|event| [&event["unmapped"]["added"], &event["unmapped"]["removed"]]).collect();
        let email = if with_profile { json!(["email jane@example.com"]) } else { json!(["an email"]) };
        let (subject, john) = (json!(["subject 7 of https://idp.example.com"]), json!(["user:default/john"]));
        assert_eq!(changes, [[&email, &Value::Null], [&Value::Null, &email], [&subject, &john]]);
        let place = "entries of a file or a database: 1 before, 1 now";
        assert_eq!(events[2]["entity"], json!({ "type": "Deny List", "name": place }));
    }
}

#[tokio::test]
async fn s_142_an_event_has_no_token_and_email_and_name_by_choice_alone() {
    for with_profile in [false, true] {
        let (traced, _guard) = Traced::begin();
        let (file, alb) = (AuditFile::new(), MockAlb::new());
        let builder = AuditTrail::builder("orders").file(file.path());
        let trail = if with_profile { builder.with_profile() } else { builder }.build().unwrap();
        let app = App::new(alb.layer().audit_trail(&trail));
        let user = User::jane().claim("name", "Jane of Example");
        let token = alb.sign(&user);
        app.call(alb.request("/").token(&token).header("x-amzn-oidc-accesstoken", "opaque-access-token")).await;
        app.call(alb.request("/").token(&format!("{token}x"))).await;
        assert!(trail.flush(LONG));
        let all = format!("{}{}", fs::read_to_string(file.path()).unwrap(), traced.all());
        let [email, name] = ["jane.doe@example.com", "Jane of Example"].map(|text| all.contains(text));
        assert_eq!((email, name), (with_profile, with_profile), "{all}");
        for part in token.split('.').chain(["opaque-access-token"]) {
            assert!(!all.contains(part.trim_end_matches('=')), "{part} in {all}");
        }
        assert_eq!(file.events().len(), 2);
    }
}

#[tokio::test]
async fn s_143_a_flood_of_one_refusal_leaves_room_for_the_others_and_is_counted() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let app = App::new(alb.layer().audit_trail(&trail));
    for _ in 0..1_000 {
        app.call(alb.request("/")).await;
    }
    app.call(alb.request("/").token("bad")).await;
    let events = written(&trail, &file);
    let of = |kind: &str| events.iter().filter(|event| event["status_detail"] == kind).count();
    // A window is 10 s: a slow machine sees a second one.
    assert!((10..=40).contains(&of("missing")), "{}", of("missing"));
    assert_eq!(of("malformed"), 1);
}

#[tokio::test]
async fn s_144_a_text_of_a_token_makes_no_line_of_the_file_and_the_file_is_the_owner_s_alone() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    let app = App::new(layer.audit_trail(&trail));
    let subject = format!("x\"}}\n{{\"time\": 1}}\u{2028}\r\n{}", "y".repeat(5_000));
    let token = alb.sign(&User::jane().claim("sub", subject.as_str()));
    app.call(alb.request("/").token(&token)).await;
    let text = {
        assert!(trail.flush(LONG));
        fs::read_to_string(file.path()).unwrap()
    };
    let events = file.events();
    assert_eq!(text.lines().count(), events.len());
    for event in &events {
        assert!(event["user"]["uid"].as_str().is_none_or(|uid| uid.chars().count() <= 1_024), "{event}");
    }
    assert_eq!(events.len(), 1, "{text}");
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn f_66_a_renamed_file_is_made_again_and_nothing_is_lost() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let app = App::new(alb.layer().audit_trail(&trail));
    app.call(alb.request("/")).await;
    assert!(trail.flush(LONG));
    let rotated = file.folder.path().join("audit.jsonl.1");
    fs::rename(file.path(), &rotated).unwrap();
    trail.reopen();
    assert!(trail.flush(LONG) && file.path().exists(), "it is there before the next event");
    app.call(alb.request("/").token("bad")).await;
    assert!(trail.flush(LONG));
    assert_eq!((fs::read_to_string(&rotated).unwrap().lines().count(), names(&file.events())), (1, vec!["refused"]));
}

#[tokio::test]
async fn f_66_a_renamed_file_is_made_again_without_a_signal() {
    let (file, list, alb) = (AuditFile::new(), DenyList::new(), MockAlb::new());
    let trail = trail(&file);
    let _layer = alb.layer().deny_list(&list).audit_trail(&trail);
    let made_again = async {
        fs::rename(file.path(), file.folder.path().join("audit.jsonl.1")).unwrap();
        for number in 0.. {
            list.deny(Denied::subject("https://idp.example.com", &number.to_string()).unwrap());
            assert!(trail.flush(LONG));
            if file.path().exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONG, made_again).await.expect("within a second");
    assert_eq!(names(&file.events()), ["deny_list_changed"]);
}

#[tokio::test]
async fn f_66_without_its_folder_events_are_lost_and_counted_and_requests_pass() {
    let (traced, _guard) = Traced::begin();
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let folder = file.folder.path().join("logs");
    fs::create_dir(&folder).unwrap();
    let trail = AuditTrail::builder("orders").file(folder.join("audit.jsonl")).build().unwrap();
    let app = App::new(alb.layer().audit_trail(&trail));
    fs::remove_dir_all(&folder).unwrap();
    trail.reopen();
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    app.call(alb.request("/")).await;
    assert!(trail.flush(LONG));
    fs::create_dir(&folder).unwrap();
    app.call(alb.request("/").token("bad")).await;
    assert!(trail.flush(LONG));
    let text = fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    let event: Value = serde_json::from_str(&text).expect("one line");
    assert_eq!((&event["status_detail"], &event["unmapped"]["lost"]), (&json!("malformed"), &json!(2)));
    drop(traced);
}

#[tokio::test]
async fn f_66_a_full_disk_fails_no_request() {
    let alb = MockAlb::new();
    let trail = AuditTrail::builder("orders").file("/dev/full").build().unwrap();
    let app = App::new(alb.layer().audit_trail(&trail));
    for _ in 0..20 {
        app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    }
    assert!(trail.flush(LONG), "the events are given up, not kept");
}

/// A disk that takes nothing: a pipe that is not read.
#[test]
fn f_66_a_disk_that_hangs_delays_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("audit.jsonl");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // Opened for both, so that neither side waits for the other.
    let held = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let trail = AuditTrail::builder("orders").file(&pipe).build().unwrap();
    let list = DenyList::new();
    let alb = MockAlb::new();
    let layer = alb.layer().deny_list(&list).audit_trail(&trail);
    // 64 KiB of the pipe, and the events are a few hundred bytes each: it is full long before the last one.
    for number in 0..1_000 {
        list.deny(Denied::subject("https://idp.example.com", &format!("{number}{}", "x".repeat(1_000))).unwrap());
    }
    assert!(!trail.flush(Duration::from_millis(50)), "the pipe takes all of it: the test shows nothing");
    drop((layer, held));
}

#[test]
fn a_file_that_cannot_be_opened_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let error = AuditTrail::builder("orders").file(folder.path().join("none/audit.jsonl")).build().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("none/audit.jsonl") && text.contains("create its folder"), "{text}");
}
