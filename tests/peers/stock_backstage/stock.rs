//! A stock Backstage back end, until the test ends.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::programs::process::{Peer, free_port, peers};

/// What callers from outside show; ours asks the catalog with it.
pub const EXTERNAL_TOKEN: &str = "for-tests-and-nothing-else";

/// The back end, and the folder of its configuration.
pub struct Stock {
    pub url: String,
    _peer: Peer,
    _folder: TempDir,
}

impl Stock {
    /// Starts these plugins. `settings` stand beside what every back end needs; `key_endpoint` stands in for AWS's.
    pub async fn start(plugins: &str, settings: Value, key_endpoint: Option<&str>) -> Self {
        let key_endpoint = key_endpoint.map(|key_endpoint| ("KEY_ENDPOINT", key_endpoint.to_owned()));
        Self::start_in(plugins, settings, None, key_endpoint.into_iter().collect()).await
    }

    /// The same behind a front at this address, in development. Documents of `https://mcp-client.example` are at this port.
    pub async fn behind(front: &str, plugins: &str, settings: Value, client_port: u16) -> Self {
        let documents = format!("http://127.0.0.1:{client_port}");
        let variables = vec![("CLIENT_DOCUMENTS", documents), ("NODE_ENV", "development".to_owned())];
        Self::start_in(plugins, settings, Some(front), variables).await
    }

    async fn start_in(
        plugins: &str,
        settings: Value,
        front: Option<&str>,
        variables: Vec<(&'static str, String)>,
    ) -> Self {
        let (port, folder) = (free_port(), TempDir::new().expect("a folder"));
        let url = format!("http://127.0.0.1:{port}");
        let entities = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/stock_backstage/entities.yaml");
        let mut config = json!({
            "app": { "baseUrl": url },
            "backend": {
                "baseUrl": front.unwrap_or(&url),
                "listen": { "host": "127.0.0.1", "port": port },
                "database": { "client": "better-sqlite3", "connection": ":memory:" },
                "auth": {
                    "externalAccess": [{ "type": "static", "options": { "token": EXTERNAL_TOKEN, "subject": "tests" } }],
                },
            },
            "catalog": {
                "rules": [{ "allow": ["User", "Group"] }],
                "locations": [{ "type": "file", "target": entities }],
            },
        });
        let (Value::Object(config_map), Value::Object(more)) = (&mut config, settings) else {
            panic!("settings are an object");
        };
        config_map.extend(more);
        // JSON is YAML.
        let file = folder.path().join("app-config.yaml");
        fs::write(&file, config.to_string()).expect("a file");

        let mut command = Command::new("node");
        command.arg(peers().join("backstage-backend/backend.mjs")).arg(plugins).arg("--config").arg(&file);
        command.envs(variables);
        let stock = Self { _peer: Peer::start(command, port).await, url, _folder: folder };
        stock.is_ready().await;
        if plugins.contains("catalog") {
            stock.has_users().await;
        }
        stock
    }

    async fn is_ready(&self) {
        let url = format!("{}/.backstage/health/v1/readiness", self.url);
        eventually("the back end is ready", async || {
            reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// The catalog reads its files after it has started, and works out who is a member of what after that.
    async fn has_users(&self) {
        eventually("the catalog is filled", async || {
            let url = format!("{}/api/catalog/entities?filter=relations.memberOf=group:default/team-a", self.url);
            let answer = reqwest::Client::new().get(url).bearer_auth(EXTERNAL_TOKEN).send().await;
            let Ok(answer) = answer else { return false };
            answer.json::<Value>().await.is_ok_and(|found| found.as_array().is_some_and(|users| !users.is_empty()))
        })
        .await;
    }

    /// What the plugin `whoami` says to a caller with this token.
    pub async fn whoami(&self, token: &str) -> (u16, Value) {
        let answer = reqwest::Client::new().get(format!("{}/api/whoami/me", self.url)).bearer_auth(token).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

/// Waits until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    const MAX_WAIT: Duration = Duration::from_secs(60);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(MAX_WAIT, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}
