//! Sessions, as the metrics count them.

use std::collections::BTreeMap;

use crate::service::{
    observed::{metrics, text},
    site::Site,
};

/// The counters of sessions that are not 0, and how many there are.
async fn counters(site: &Site) -> (BTreeMap<String, u64>, usize) {
    let (_, text) = text(&metrics(site)).await;
    let lines = text.lines().filter_map(|line| line.strip_prefix("alb_auth_sessions_"));
    let all: Vec<(String, u64)> = lines
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect();
    let count = all.len();
    (all.into_iter().filter(|(_, value)| *value > 0).collect(), count)
}

#[tokio::test]
async fn sessions_are_counted_and_every_counter_is_0_from_the_start() {
    let site = Site::with(&["--metrics", "127.0.0.1:0"]).await;
    let (before, registered) = counters(&site).await;
    assert!(before.is_empty(), "{before:?}");
    // Two providers, one sign-out, and the kinds.
    assert!(registered > 30, "{registered}");

    let browser = site.signed_in("jane").await;
    browser.session().await;
    browser.session().await;
    assert_eq!(site.signed_in("guest").await.get("/api/auth/awsalb/refresh").await.0, 403);
    assert_eq!(text(&site.service.at("/api/auth/awsalb/refresh")).await.0, 401);
    let ended = browser.client.post(site.url("/api/auth/awsalb/logout")).header("origin", site.emulator.url());
    assert_eq!(ended.send().await.expect("a response").status(), 200);

    let (after, known) = counters(&site).await;
    let expected = [
        (r#"issued_total{provider="awsalb"}"#, 2),
        (r#"refused_total{kind="missing"}"#, 1),
        (r#"refused_total{kind="sign_in_refused"}"#, 1),
        (r#"ended_total{provider="awsalb"}"#, 1),
    ];
    assert_eq!(after, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(known, registered, "no counter begins with its first event");
}
