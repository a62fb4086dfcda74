//! Dashboard and alert rules, against the metrics that the crate emits.

use std::collections::BTreeSet;

use serde_json::Value;
use tower_alb_auth::AuthErrorKind;

use crate::pages::page::{read, rows, section};

/// What Prometheus adds to the name of a histogram.
const SUFFIXES: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Names of metrics in an expression.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words =
        expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("alb_auth_"));
    words.map(|word| SUFFIXES.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word).to_owned()).collect()
}

/// Pairs of label and value in the selectors of an expression: `{outcome=~"a|b"}` has two.
fn values(expression: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for selector in expression.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        for matcher in selector.split("\",").filter(|matcher| !matcher.starts_with("job")) {
            let Some((label, value)) = matcher.split_once(['=', '!']) else { continue };
            let alternatives = value.trim_matches(['=', '~', '"', '!']);
            found.extend(alternatives.split('|').map(|value| (label.to_owned(), value.to_owned())));
        }
    }
    found
}

fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

fn alerts() -> Vec<(String, String)> {
    let rules: Value = serde_saphyr::from_str(&read("deploy/monitoring/alerts.yml")).expect("YAML");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    rules.iter().map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect()
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_emitted_and_the_dashboard_shows_every_one() {
    let source = read("src/telemetry/metrics.rs") + &read("src/auth_proxy/counters.rs");
    let of_the_layer = rows(&section(&read("docs/OPERATING.md"), "## Metrics"));
    let of_the_proxy = rows(&section(&read("docs/PROXY.md"), "## Operating"));
    let described: Vec<Vec<String>> = of_the_layer.into_iter().chain(of_the_proxy).collect();
    let emitted: BTreeSet<String> = described
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .filter(|name| name.starts_with("alb_auth_"))
        .collect();
    assert!(emitted.len() >= 8, "{emitted:?}");
    for name in &emitted {
        assert!(source.contains(&format!("!(\"{name}\"")), "{name} is described and not emitted");
    }
    let shown: BTreeSet<String> = dashboard().iter().flat_map(|expression| metrics(expression)).collect();
    assert_eq!(shown, emitted);
    for (alert, expression) in alerts() {
        let used = metrics(&expression);
        assert!(!used.is_empty() && used.is_subset(&emitted), "{alert}: {used:?}");
    }
}

#[test]
fn every_label_value_of_the_dashboard_and_the_alerts_is_emitted() {
    let source = read("src/telemetry/metrics.rs");
    let mut checked = 0;
    for expression in dashboard().into_iter().chain(alerts().into_iter().map(|(_, expression)| expression)) {
        for (label, value) in values(&expression) {
            assert!(matches!(label.as_str(), "outcome" | "result" | "kind" | "reason"), "{label} in {expression}");
            assert!(source.contains(&format!("\"{value}\"")), "{value} in {expression}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    // The two checks find a name that is not there.
    assert_eq!(values("x{job=~\"$job\",outcome=~\"gone|user\"}").len(), 2);
    assert_eq!(
        metrics("rate(alb_auth_sign_in_seconds_sum[5m]) / alb_auth_gone_total"),
        ["alb_auth_gone_total", "alb_auth_sign_in_seconds"].map(str::to_owned).into()
    );
}

/// The table explains each alert, and names no other.
#[test]
fn every_alert_is_in_the_table_of_the_page() {
    let table = rows(&section(&read("docs/DEPLOYING.md"), "## Monitoring"));
    let named = table.iter().flat_map(|row| row[0].split('`')).filter(|word| word.starts_with("AlbAuth"));
    let mut named: Vec<String> = named.map(str::to_owned).collect();
    let mut alerts: Vec<String> = alerts().into_iter().map(|(alert, _)| alert).collect();
    named.sort();
    alerts.sort();
    assert_eq!(named, alerts);
}

/// A rule that no test makes fire may never fire.
#[test]
fn every_alert_fires_in_a_test_and_is_quiet_in_another() {
    let tests: Value = serde_saphyr::from_str(&read("deploy/monitoring/alerts.test.yml")).expect("YAML");
    let cases: Vec<&Value> = tests["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().expect("cases"))
        .collect();
    for (alert, _) in alerts() {
        let (fires, quiet): (Vec<&Value>, Vec<&Value>) =
            cases.iter().filter(|case| case["alertname"] == *alert).partition(|case| case["exp_alerts"].is_array());
        assert!(!fires.is_empty() && !quiet.is_empty(), "{alert}");
    }
}

/// An outage that the panel does not show looks like quiet.
#[test]
fn f_69_the_panel_of_503_has_every_kind_with_this_status() {
    let (panel, alerts) = (dashboard(), alerts());
    let share =
        panel.iter().find(|expression| expression.contains(") / sum(rate(alb_auth_decisions")).expect("a panel");
    let shown: BTreeSet<String> = values(share).into_iter().map(|(_, value)| value).collect();
    let unavailable = AuthErrorKind::ALL.iter().filter(|kind| kind.status() == 503);
    let unavailable: BTreeSet<String> = unavailable.map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(shown, unavailable);
    // Each of them has an alert too.
    let alerted: BTreeSet<String> =
        alerts.iter().flat_map(|(_, expression)| values(expression)).map(|(_, value)| value).collect();
    assert!(unavailable.is_subset(&alerted), "{alerted:?}");
}
