//! F-70: the counters of the program.

use std::collections::BTreeMap;

use crate::{
    process::Program,
    program::{Files, started},
};

/// Counters and their values.
async fn counters(running: &Program) -> BTreeMap<String, u64> {
    let url = format!("http://{}/metrics", running.address("Health, metrics"));
    let text = reqwest::get(url).await.expect("a response").text().await.expect("a text");
    let lines = text.lines().filter(|line| line.starts_with("alb_auth_") && line.contains("_total{"));
    let counters = lines.map(|line| line.rsplit_once(' ').expect("a value"));
    counters.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

#[tokio::test]
async fn f_70_every_counter_is_0_from_the_start() {
    let files = Files::with("admin_listen: 127.0.0.1:0\n").await;
    let running = started(files.command());
    let before = counters(&running).await;
    // The kinds of the layer, and each mode and class of the proxy.
    assert!(before.len() > 60, "{before:?}");
    assert!(before.values().all(|value| *value == 0), "{before:?}");

    let page = format!("http://{}/", running.address("Reverse proxy"));
    let refused = reqwest::get(page).await.expect("a response");
    assert_eq!(refused.status(), 401);
    let after = counters(&running).await;
    assert!(after.keys().eq(before.keys()), "no counter begins with its first event: {after:?}");
    let counted: Vec<&str> = after.iter().filter(|(_, value)| **value > 0).map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        counted,
        [
            r#"alb_auth_decisions_total{outcome="missing"}"#,
            r#"alb_auth_proxy_responses_total{mode="admin",class="2xx"}"#,
            r#"alb_auth_proxy_responses_total{mode="reverse_proxy",class="4xx"}"#,
        ]
    );
}
