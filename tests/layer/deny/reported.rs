//! What is logged and shown of a deny list, and what a list without emails leaves alone.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use serde_json::json;
use tower_alb_auth::{
    AlbAuthLayer,
    deny_list::{Denied, DenyList},
    sign_in::{EmailLocalPart, FirstMatch, Subject},
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{support::App, support::traced::Traced};

/// For a busy machine; a change takes a second.
const LONG: Duration = Duration::from_secs(30);

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn of_many_wrong_lines_the_first_ten_are_shown_and_the_others_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "{\"user\": \"user:default/jane.doe\"}\n").expect("written");
    let list = DenyList::from_file(&file).expect("a list");
    for (wrong, more) in [(12, Some("; 2 more")), (10, None)] {
        let mut text = String::new();
        for number in 0..wrong {
            writeln!(text, "{{\"mail\": {number}}}").expect("written");
        }
        fs::write(&file, text).expect("written");
        let lines = |problem: &str| problem.matches("denied.jsonl:").count();
        let shown = |problem: &str| lines(problem) == 10 && more.is_none_or(|more| problem.ends_with(more));
        until("the report", || {
            list.problem().is_some_and(|problem| problem.contains("more") == more.is_some() && shown(&problem))
        });
    }
}

#[test]
fn the_log_has_the_number_of_entries_before_and_after_a_change_of_the_file() {
    let (traced, _guard) = Traced::begin();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    let line = |name: &str| format!("{{\"user\": \"user:default/{name}\"}}\n");
    fs::write(&file, line("jane.doe") + &line("john.doe") + &line("amy")).expect("written");
    let list = DenyList::from_file(&file).expect("a list");
    // An entry of the application is not one of the file.
    list.deny(Denied::user("user:default/bob".parse().expect("a ref")));
    fs::write(&file, line("jane.doe") + &line("amy")).expect("written");
    until("the change", || list.len() == 3);
    let log = traced.0.lock().unwrap();
    let of_change = log.events.iter().find(|(level, fields)| *level == Level::INFO && fields.contains_key("before"));
    let (_, fields) = of_change.expect("a line with the numbers");
    assert_eq!((fields["before"].as_str(), fields["entries"].as_str()), ("3", "2"));
}

#[test]
fn debug_shows_whom_an_entry_names_without_the_email_and_of_a_list_the_number() {
    let entry = |denied: Denied| format!("{denied:?}");
    let subject = entry(Denied::subject("https://idp.example.com", "7").unwrap());
    assert!(subject.contains("https://idp.example.com") && subject.contains("\"7\""), "{subject}");
    assert!(entry(Denied::user("user:default/jane.doe".parse().unwrap())).contains("user:default/jane.doe"));
    let email = entry(Denied::email("canary@example.com").unwrap());
    assert!(email.contains("email") && email.contains("<hidden>") && !email.contains("canary"), "{email}");
    let list = DenyList::new();
    list.deny(Denied::email("canary@example.com").unwrap());
    let shown = format!("{list:?}");
    assert!(shown.starts_with("DenyList") && shown.contains("entries: 1") && !shown.contains("canary"), "{shown}");
}

/// The address is read for entries by email alone: a user without a readable one is not theirs to refuse.
#[tokio::test]
async fn s_93_an_address_that_cannot_be_read_is_refused_by_a_list_with_emails_alone() {
    let alb = MockAlb::new();
    let by_upn = EmailLocalPart::in_domains(["example.com"]).email_claim("upn");
    let policy = FirstMatch::of(Subject::new()).or(by_upn);
    let config = alb.config_builder().accept_missing_email_verified().sign_in(policy).build().expect("sound");
    let list = DenyList::new();
    let app = App::new(AlbAuthLayer::new(config).deny_list(&list));
    let call = async || app.call(alb.request("/").user(&User::jane().claim("upn", json!(7)))).await.status.as_u16();
    assert_eq!(call().await, 200);
    list.deny(Denied::subject(alb.issuer(), "another").unwrap());
    assert_eq!(call().await, 200);
    list.deny(Denied::email("another@example.com").unwrap());
    assert_eq!(call().await, 403);
}
