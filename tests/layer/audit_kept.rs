//! Events that a flood, a torn line or a subscriber must not cost.

use std::{
    fs::{self, File},
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthLayer, AuditTrail,
    deny_list::{Denied, DenyList},
    sign_in::{ClaimsOnly, EmailLocalPart},
    test_util::{MockAlb, User},
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
};

use crate::support::{App, audited::AuditFile, traced::Traced};

/// Longer than a disk takes.
const LONG: Duration = Duration::from_secs(30);

fn trail(file: &AuditFile) -> AuditTrail {
    AuditTrail::builder("orders").file(file.path()).build().expect("a file")
}

fn user(number: usize) -> User {
    User::jane().claim("sub", format!("subject-{number}")).claim("email", format!("user{number}@example.com"))
}

fn is_recorded(trail: &AuditTrail, file: &AuditFile, subject: &str) -> bool {
    assert!(trail.flush(LONG), "it is not written");
    fs::read_to_string(file.path()).expect("the file").contains(&format!("\"{subject}\""))
}

/// The window is 10 s; an hour is that of users who are seen.
#[tokio::test]
async fn s_143_a_user_over_the_maximum_is_recorded_by_the_next_request_with_room() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    let app = App::new(layer.audit_trail(&trail));
    let mut number = 0;
    let until = Instant::now() + LONG;
    // On a slow machine, the window ends before it is full.
    let late = loop {
        let tokens: Vec<String> = (0..1_001).map(|index| alb.sign(&user(number + index))).collect();
        number += tokens.len();
        for token in &tokens {
            app.call(alb.request("/").token(token)).await;
        }
        if !is_recorded(&trail, &file, &format!("subject-{}", number - 1)) {
            break number - 1;
        }
        assert!(Instant::now() < until, "the maximum is not reached");
    };
    let until = Instant::now() + LONG;
    while !is_recorded(&trail, &file, &format!("subject-{late}")) {
        assert!(Instant::now() < until, "the user is not recorded in the next window");
        app.call(alb.request("/").user(&user(late))).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn after_a_reload_that_names_a_user_differently_the_new_name_is_recorded() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let trail = trail(&file);
    let layer = alb.layer().audit_trail(&trail);
    let (handle, app) = (layer.handle(), App::new(layer));
    for _ in 0..2 {
        app.call(alb.request("/").user(&User::jane())).await;
    }
    handle.reload(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    for _ in 0..2 {
        app.call(alb.request("/").user(&User::jane())).await;
    }
    handle.reload(alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"])).build().unwrap());
    app.call(alb.request("/").user(&User::jane())).await;
    assert!(trail.flush(LONG));
    let users: Vec<Value> = file.of("signed_in").iter().map(|event| event["user"].clone()).collect();
    let subject = "AAAAAAAAAAAAAAAAAAAAAIjane.doe";
    assert_eq!(
        users,
        [
            json!({ "type_id": 1, "name": "user:default/jane.doe" }),
            json!({ "type_id": 1, "uid": subject, "domain": alb.issuer() })
        ]
    );
}

/// A process that was killed, or a disk that was full, leaves a part of a line.
#[tokio::test]
async fn f_66_a_line_that_was_torn_before_the_file_is_opened_costs_no_event() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let of_line = |index: usize| {
        let text = fs::read_to_string(file.path()).unwrap();
        let line = text.lines().nth(index).unwrap_or_default().to_owned();
        serde_json::from_str::<Value>(&line).map(|event| event["status_detail"].clone()).map_err(|_| text)
    };
    let tear = || File::options().append(true).create(true).open(file.path()).unwrap().write_all(b"{\"half").unwrap();
    tear();
    let trail = trail(&file);
    let app = App::new(alb.layer().audit_trail(&trail));
    app.call(alb.request("/")).await;
    assert!(trail.flush(LONG));
    assert_eq!(of_line(1), Ok(json!("missing")));

    tear();
    trail.reopen();
    app.call(alb.request("/").token("bad")).await;
    assert!(trail.flush(LONG));
    assert_eq!(of_line(3), Ok(json!("malformed")));

    // A file whose last line is whole gets no empty line.
    trail.reopen();
    app.call(alb.request("/")).await;
    assert!(trail.flush(LONG));
    assert_eq!(of_line(4), Ok(json!("missing")));
}

/// A subscriber of the application that fails at audit events.
struct Fails;

impl<S: Subscriber> Layer<S> for Fails {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), "tower_alb_auth::audit", "it fails");
    }
}

fn fails_in_the_subscriber(change: impl FnOnce()) {
    let (_traced, _guard) = Traced::begin();
    let subscriber = Registry::default().with(Fails);
    let changed = catch_unwind(AssertUnwindSafe(|| tracing::subscriber::with_default(subscriber, change)));
    assert!(changed.is_err(), "the event does not reach the subscriber: the test shows nothing");
}

#[tokio::test]
async fn a_change_is_in_force_before_it_is_recorded() {
    let (alb, next, list) = (MockAlb::new(), MockAlb::new(), DenyList::new());
    let trail = AuditTrail::builder("orders").build().unwrap();
    let layer = alb.layer().deny_list(&list).audit_trail(&trail);
    let (handle, app) = (layer.handle(), App::new(layer));
    assert_eq!(app.call(alb.request("/").user(&User::jane())).await.status, 200);
    fails_in_the_subscriber(|| list.deny(Denied::user("user:default/jane.doe".parse().unwrap())));
    assert_eq!(app.call(alb.request("/").user(&User::jane())).await.status, 403);

    let john = User::jane().claim("sub", "john").claim("email", "john@example.com");
    assert_eq!(app.call(alb.request("/").user(&john)).await.status, 200);
    fails_in_the_subscriber(|| handle.reload(next.config()));
    assert_eq!(app.call(alb.request("/").user(&john)).await.status, 401, "the former signer");
}

#[tokio::test]
async fn of_a_long_change_the_first_entries_and_the_number_of_the_others_are_recorded() {
    let file = AuditFile::new();
    let path = file.folder.path().join("denied.jsonl");
    fs::write(&path, "{\"entries\": 0}\n").unwrap();
    let (trail, list) = (trail(&file), DenyList::from_file(&path).unwrap());
    let _layer = MockAlb::new().layer().deny_list(&list).audit_trail(&trail);
    let entries: String = (0..1_000).map(|number| format!("{{\"user\": \"user:default/u{number}\"}}\n")).collect();
    fs::write(&path, entries).unwrap();
    let changed = file.first("deny_list_changed");
    let added = changed["unmapped"]["added"].as_array().unwrap();
    assert_eq!((added.len(), &added[20]), (21, &json!("980 more")));
    assert!(added[..20].iter().all(|text| text.as_str().unwrap().starts_with("user:default/u")), "{added:?}");
}
