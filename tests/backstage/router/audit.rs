//! The audit trail of sessions, under a flood of them.

use std::time::Duration;

use serde_json::Value;
use tower_alb_auth::{AuditTrail, backstage::Guest, test_util::User};

use crate::{
    router::site::{ORIGIN, Site},
    support::audited::AuditFile,
};

/// A window is 10 s: a slow machine sees some of them.
const OF_ONE_USER: std::ops::RangeInclusive<usize> = 10..=60;

fn of(events: &[Value], user: &str) -> usize {
    events.iter().filter(|event| event["user"]["name"] == user).count()
}

#[tokio::test]
async fn s_143_a_flood_of_sessions_of_one_user_hides_no_other_user_s() {
    let file = AuditFile::new();
    let trail = AuditTrail::builder("backstage").file(file.path()).build().expect("a file");
    let site = Site::with(|auth| auth.audit_trail(&trail).dangerously_allow_guest(Guest::new())).await;
    let john = User::jane().claim("sub", "john").claim("email", "john@example.com");
    let token = site.alb.sign(&User::jane());
    for _ in 0..1_050 {
        let answer = site.call(site.request("/awsalb/refresh").token(&token)).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(site.refresh(&john).await.status, 200);
    for _ in 0..30 {
        assert_eq!(site.get("/guest/refresh").await.status, 200);
    }

    assert!(trail.flush(Duration::from_secs(30)));
    let issued = file.of("session_issued");
    assert_eq!(of(&issued, "user:default/john"), 1);
    assert!(OF_ONE_USER.contains(&of(&issued, "user:default/jane.doe")), "{}", issued.len());
    let of_guest: Vec<&Value> = issued.iter().filter(|event| event["unmapped"]["provider"] == "guest").collect();
    assert!(OF_ONE_USER.contains(&of_guest.len()) && of_guest.len() < 30, "{}", of_guest.len());
    let left_out: u64 = issued.iter().filter_map(|event| event["unmapped"]["left_out"].as_u64()).sum();
    assert!(left_out >= 900, "John's has the number of Jane's: {left_out}");
}

#[tokio::test]
async fn s_143_a_flood_of_sign_outs_of_one_user_or_of_strangers_hides_no_other_user_s() {
    let file = AuditFile::new();
    let trail = AuditTrail::builder("backstage").file(file.path()).build().expect("a file");
    let site = Site::with(|auth| auth.audit_trail(&trail)).await;
    let john = User::jane().claim("sub", "john").claim("email", "john@example.com");
    let sign_out = async |user: Option<&User>| {
        let request = site.request("/awsalb/logout").method(http::Method::POST).header("origin", ORIGIN);
        let request = if let Some(user) = user { request.user(user) } else { request };
        assert_eq!(site.call(request).await.status, 204);
    };
    for _ in 0..50 {
        sign_out(None).await;
        sign_out(Some(&User::jane())).await;
    }
    sign_out(Some(&john)).await;
    let of_john = file.first_where("signed_out", |event| event["user"]["name"] == "user:default/john");
    assert_eq!(of_john["unmapped"]["provider"], "awsalb");
    let events = file.of("signed_out");
    for user in ["unknown", "user:default/jane.doe"] {
        assert!((10..50).contains(&of(&events, user)), "{user}: {}", events.len());
    }
}
