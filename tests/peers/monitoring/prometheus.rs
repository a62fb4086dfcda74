//! Debian's Prometheus with the alert rules of deploy/monitoring, and its HTTP API.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    port::free_port,
    process::{MAX_WAIT, wait_until},
};

/// Between two scrapes, and between two evaluations of the rules.
const INTERVAL: Duration = Duration::from_secs(1);

/// Ends with the value, and its data with it.
pub struct Prometheus {
    child: Child,
    url: String,
    client: Client,
    _folder: TempDir,
}

/// A row of a result: labels, and its samples as seconds since 1970 and value.
pub type Series = (BTreeMap<String, String>, Vec<(f64, f64)>);

/// An alert rule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub name: String,
    /// `ok`, unless the expression fails.
    pub health: String,
    /// The values of `job` for which the expression has a sample, whether or not `for` is over.
    pub active: BTreeSet<String>,
}

impl Prometheus {
    /// Scrapes these jobs: a name, and the address that serves `/metrics`.
    pub async fn start(jobs: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring/alerts.yml");
        let jobs: String = jobs
            .iter()
            .map(|(name, address)| {
                format!("  - job_name: {name}\n    static_configs: [{{ targets: ['{address}'] }}]\n")
            })
            .collect();
        let seconds = INTERVAL.as_secs();
        let config = format!(
            "global: {{ scrape_interval: {seconds}s, scrape_timeout: {seconds}s, evaluation_interval: {seconds}s }}\n\
             rule_files: ['{}']\nscrape_configs:\n{jobs}",
            rules.display()
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("written");
        let address = format!("127.0.0.1:{}", free_port());
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}; run .ci/peers"));
        let client = Client::builder().no_proxy().timeout(MAX_WAIT).build().expect("a client");
        let started = Self { child, url: format!("http://{address}"), client, _folder: folder };
        let ready = async {
            while !started
                .client
                .get(format!("{}/-/ready", started.url))
                .send()
                .await
                .is_ok_and(|got| got.status() == 200)
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let ready = tokio::time::timeout(MAX_WAIT, ready).await;
        let log = || std::fs::read_to_string(started._folder.path().join("log")).unwrap_or_default();
        assert!(ready.is_ok(), "it is not ready: {}", log());
        started
    }

    async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let response = self.client.post(format!("{}/api/v1/{path}", self.url)).form(parameters).send().await;
        let response: Value = response.expect("a response").json().await.expect("JSON");
        assert_eq!(response["status"], "success", "{parameters:?}: {}", response["error"]);
        response["data"].clone()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}/api/v1/{path}", self.url)).send().await.expect("a response");
        let response: Value = response.json().await.expect("JSON");
        assert_eq!(response["status"], "success", "{path}: {response}");
        response["data"].clone()
    }

    pub async fn version(&self) -> String {
        self.get("status/buildinfo").await["version"].as_str().expect("a version").to_owned()
    }

    /// The names of all metrics that were scraped.
    pub async fn names(&self) -> BTreeSet<String> {
        let names = self.get("label/__name__/values").await;
        names.as_array().expect("names").iter().map(|name| name.as_str().expect("a text").to_owned()).collect()
    }

    /// The state of each target by its job: `up`, or why not.
    pub async fn targets(&self) -> BTreeMap<String, String> {
        let data = self.get("targets?state=active").await;
        let targets = data["activeTargets"].as_array().expect("targets");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let state = |target: &Value| match target["health"] == "up" {
            true => "up".to_owned(),
            false => format!("{} {}", text(&target["health"]), text(&target["lastError"])),
        };
        targets.iter().map(|target| (text(&target["labels"]["job"]), state(target))).collect()
    }

    /// The samples of an expression in the last so many seconds, one a second.
    pub async fn last(&self, expression: &str, seconds: u64) -> Vec<Series> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let (start, end) = (now.saturating_sub(seconds).to_string(), now.to_string());
        let parameters = [("query", expression), ("start", &start), ("end", &end), ("step", "1")];
        let data = self.api("query_range", &parameters).await;
        let rows = data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}"));
        rows.iter()
            .map(|row| (labels(row), row["values"].as_array().expect("values").iter().map(sample).collect()))
            .collect()
    }

    /// The alert rules as they stand.
    pub async fn rules(&self) -> Vec<Rule> {
        let data = self.get("rules?type=alert").await;
        let groups = data["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        rules
            .map(|rule| Rule {
                name: text(&rule["name"]),
                health: text(&rule["health"]),
                active: rule["alerts"]
                    .as_array()
                    .expect("alerts")
                    .iter()
                    .filter(|alert| alert["state"] != "inactive")
                    .map(|alert| text(&alert["labels"]["job"]))
                    .collect(),
            })
            .collect()
    }

    /// Waits until the rules are as they should be, or the limit is over, and gives them.
    pub async fn until(&self, wanted: impl Fn(&[Rule]) -> bool, limit: Duration) -> Vec<Rule> {
        let waiting = async {
            while !wanted(&self.rules().await) {
                tokio::time::sleep(INTERVAL / 4).await;
            }
        };
        let _ = tokio::time::timeout(limit, waiting).await;
        self.rules().await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It removes the lock of its data on SIGTERM.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        if wait_until(|| self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn labels(row: &Value) -> BTreeMap<String, String> {
    let labels = row["metric"].as_object().expect("labels");
    labels.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}

fn sample(value: &Value) -> (f64, f64) {
    let number = value[1].as_str().expect("a text").parse().expect("a number");
    (value[0].as_f64().expect("a time"), number)
}
