//! The runbook in docs/OPERATING.md: each entry is made to happen, and its log line and metric are as printed there.

mod application;
mod at_backstage;
mod at_proxy;
mod behind_proxy;
mod entry;
mod site;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::entry::entries;
use crate::pages::page::{files, read};

#[test]
fn f_71_every_entry_is_complete_and_has_a_test_that_makes_it_happen() {
    let found = entries();
    assert!(found.len() >= 20, "{}", found.len());
    let mut ids: Vec<&str> = found.iter().map(|entry| entry.id.as_str()).collect();
    for entry in &found {
        assert_eq!(entry.gaps(), Vec::<&str>::new(), "{}", entry.id);
    }
    let expected: Vec<String> = (1..=ids.len()).map(|number| format!("R-{number:02}")).collect();
    assert_eq!(ids, expected, "in the order of the page");
    // `r_01_...` and `"R-01"`: a test has the id in its name, and reads the entry of this id.
    let tests: String = files(&["tests/docs/runbook"]).into_iter().map(|(_, text)| text).collect();
    ids.retain(|id| {
        let name = format!("async fn {}_", id.to_lowercase().replace('-', "_"));
        !tests.contains(&name) || !tests.contains(&format!("\"{id}\""))
    });
    assert_eq!(ids, Vec::<&str>::new(), "no test makes these happen");
    let named: BTreeSet<&str> = tests.split("\nasync fn r_").skip(1).filter_map(|rest| rest.get(..2)).collect();
    let numbers: BTreeSet<&str> = found.iter().filter_map(|entry| entry.id.get(2..)).collect();
    assert_eq!(named, numbers, "tests of entries that the page does not have");
}

/// An operator who gets an alert finds its entry, and the entry names the alert.
#[test]
fn f_71_every_alert_leads_to_an_entry_that_names_it() {
    let entries = entries();
    let anchors: BTreeMap<&str, &[String]> =
        entries.iter().map(|entry| (entry.anchor.as_str(), entry.alerts.as_slice())).collect();
    let rules: Value = serde_saphyr::from_str(&read("deploy/monitoring/alerts.yml")).expect("YAML");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    let mut alerts = BTreeSet::new();
    for rule in rules {
        let (name, runbook) = (rule["alert"].as_str().expect("a name"), &rule["annotations"]["runbook"]);
        let anchor =
            runbook.as_str().and_then(|runbook| runbook.strip_prefix("docs/OPERATING.md#")).expect("an anchor");
        let named = anchors.get(anchor).unwrap_or_else(|| panic!("{name}: there is no entry {anchor}"));
        assert!(named.iter().any(|alert| alert == name), "{name} leads to {anchor}, which names {named:?}");
        alerts.insert(name);
    }
    // An alert on several values of a label is named by the entry of each; one that pages has an entry for each, or its entry says what
    // another value means.
    for rule in rules {
        let (name, expr) = (rule["alert"].as_str().expect("a name"), rule["expr"].as_str().expect("an expression"));
        let pages = rule["labels"]["severity"] == "critical";
        for metric in selected(expr) {
            let of_metric: Vec<_> = entries.iter().filter(|entry| entry.metrics.contains(&metric)).collect();
            let (_, value) = metric.trim_end_matches('}').split_once('{').expect("a label");
            let mut its_own = entries.iter().filter(|entry| entry.alerts.iter().any(|alert| alert == name));
            let explained = !of_metric.is_empty() || its_own.any(|entry| entry.text.contains(value));
            assert!(!pages || explained, "{name}: no entry has {metric}");
            for entry in of_metric {
                assert!(
                    entry.alerts.iter().any(|alert| alert == name),
                    "{} has {metric} and does not name {name}",
                    entry.id
                );
            }
        }
    }
    let named: BTreeSet<&str> = entries.iter().flat_map(|entry| &entry.alerts).map(String::as_str).collect();
    assert_eq!(named, alerts, "entries name alerts that exist");
}

/// The series that an expression selects by `=` or `=~` of one label: `a{outcome=~"x|y"}` is `a{outcome="x"}` and `a{outcome="y"}`.
fn selected(expr: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expr;
    while let Some((before, after)) = rest.split_once('{') {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let (selector, after) = after.split_once('}').expect("a selector");
        let (label, values) = selector.split_once('=').expect("one label");
        for value in values.trim_start_matches('~').trim_matches('"').split('|') {
            found.insert(format!("{}{{{label}=\"{value}\"}}", &before[start..]));
        }
        rest = after;
    }
    found
}

#[test]
fn each_value_that_an_expression_selects_is_a_series() {
    let series = selected(r#"sum(rate(a_total{outcome=~"x|y"}[2m])) > 0 or b{kind="z"} unless b{kind="z"} offset 5m"#);
    let expected = [r#"a_total{outcome="x"}"#, r#"a_total{outcome="y"}"#, r#"b{kind="z"}"#];
    assert_eq!(series, expected.map(str::to_owned).into());
}
