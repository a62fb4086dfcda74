//! Keys and tokens in the audit trail. Each line of its file is checked against deploy/monitoring/audit.schema.json.

use std::time::Duration;

use serde_json::{Value, json};
use tower_alb_auth::{AuditTrail, test_util::TestClock};

use crate::{
    issuer::site::{MINUTE, builder, kid, settle, token},
    support::audited::AuditFile,
};

fn uids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["entity"]["uid"].as_str().expect("a kid")).collect()
}

#[tokio::test]
async fn keys_that_are_published_and_keys_that_sign_no_more_are_events_once_each() {
    let (file, clock) = (AuditFile::new(), TestClock::new());
    let trail = AuditTrail::builder("issuer").file(file.path()).build().unwrap();
    let issuer = builder(&clock).audit_trail(&trail).build().unwrap();
    let mut signed = vec![kid(&token(&issuer).await)];
    for _ in 0..40 {
        clock.advance(MINUTE * 5);
        let kid = kid(&token(&issuer).await);
        settle().await;
        if signed.last() != Some(&kid) {
            signed.push(kid);
        }
    }
    assert!(signed.len() > 2, "{signed:?}");
    issuer.user_token(&"user:default/john".parse().unwrap(), &[]).await.unwrap();
    assert!(trail.flush(Duration::from_secs(30)));
    let (published, retired) = (file.of("key_published"), file.of("key_retired"));
    assert_eq!(uids(&retired), signed[..signed.len() - 1]);
    assert_eq!(uids(&published)[..signed.len()], signed);
    assert!(published.iter().chain(&retired).all(|event| event["entity"]["name"] == "user tokens"));
    // Ten events of a user in a window; the next event has the number of the others.
    let issued = file.of("token_issued");
    assert_eq!(issued[0]["unmapped"]["kid"], signed[0]);
    let counted = |event: &Value| event["unmapped"]["left_out"].as_u64().map(|left_out| left_out + 1);
    assert_eq!(issued.iter().filter_map(counted).sum::<u64>(), 42, "{issued:?}");
    let (of_john, of_jane) = issued.split_last().unwrap();
    assert!(of_jane.iter().all(|event| event["user"]["name"] == "user:default/jane.doe"), "{issued:?}");
    assert_eq!(of_john["user"]["name"], "user:default/john");
}

#[tokio::test]
async fn a_plugin_token_is_one_of_the_auth_backend() {
    let file = AuditFile::new();
    let trail = AuditTrail::builder("issuer").file(file.path()).build().unwrap();
    let issuer = builder(&TestClock::new()).audit_trail(&trail).build().unwrap();
    issuer.plugin_token("catalog").await.unwrap();
    let issued = file.first("token_issued");
    assert_eq!((&issued["user"]["name"], &issued["unmapped"]["provider"]), (&json!("plugin:auth"), &json!("plugin")));
}
