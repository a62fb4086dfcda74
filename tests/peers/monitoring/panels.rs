//! The panels of deploy/monitoring/dashboard.json.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

pub struct Panel {
    pub title: String,
    pub unit: String,
    /// Expressions for Prometheus, each with the form of its legend.
    pub targets: Vec<(String, String)>,
}

pub fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// With what Grafana puts into the variables: all jobs, and this interval for rates.
pub fn panels(rate_interval: &str) -> Vec<Panel> {
    let dashboard: Value = serde_json::from_str(&file("deploy/monitoring/dashboard.json")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let fill = |expression: String| expression.replace("$__rate_interval", rate_interval).replace("$job", ".+");
    let panels = dashboard["panels"].as_array().expect("panels");
    panels
        .iter()
        .map(|panel| Panel {
            title: text(&panel["title"]),
            unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
            targets: panel["targets"]
                .as_array()
                .expect("targets")
                .iter()
                .map(|target| (fill(text(&target["expr"])), text(&target["legendFormat"])))
                .collect(),
        })
        .collect()
}

/// The legend of a series: `issued, {{provider}}`.
pub fn legend(form: &str, labels: &BTreeMap<String, String>) -> String {
    labels.iter().fold(form.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}
