//! Backstage's own auth backend: its migrations, and a replica of it.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{
    port::free_port,
    postgres::server::{PASSWORD, Server, USER},
};

/// What an auth backend up to 0.24 ends at: `user_info` has the column `exp`.
pub const BEFORE_UPDATED_AT: &str = "20240510120825_user_info.js";
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Whose tables.
#[derive(Clone, Copy)]
pub enum Migrations<'a> {
    /// The auth backend's, up to this one where there is one.
    Auth(Option<&'a str>),
    /// Those of plugin tokens' keys.
    Keys,
}

/// Runs migrations of Backstage, in this schema where there is one.
pub async fn migrate(server: &Server, database: &str, schema: Option<&str>, migrations: Migrations<'_>) {
    let mut command = node("migrate.mjs");
    let (kind, until) = match migrations {
        Migrations::Auth(until) => ("auth", until),
        Migrations::Keys => ("keys", None),
    };
    command.args([kind, &server.url(database)]);
    for (option, value) in [("--schema", schema), ("--until", until)] {
        if let Some(value) = value {
            command.args([option, value]);
        }
    }
    let output = command.output().await.expect("node is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// All of them, as a current auth backend makes them when it starts.
pub async fn migrate_all(server: &Server, database: &str, schema: Option<&str>) {
    migrate(server, database, schema, Migrations::Auth(None)).await;
    migrate(server, database, schema, Migrations::Keys).await;
}

/// A stock replica that lets John in as a guest. Ends with the value.
pub struct Stock {
    url: String,
    client: reqwest::Client,
    _child: Child,
    _folder: TempDir,
}

impl Stock {
    /// Starts it, and waits until it is ready. It makes and migrates its databases by itself.
    pub async fn start(server: &Server, division: &str) -> Self {
        Self::start_with(server, division, json!({})).await
    }

    /// And with this lifetime of its tokens, in the form of app-config.yaml.
    #[allow(dead_code, reason = "for the tests of another surface")]
    pub async fn start_with_lifetime(server: &Server, division: &str, lifetime: Value) -> Self {
        Self::start_with(server, division, json!({ "backstageTokenExpiration": lifetime })).await
    }

    /// With these members of `auth`.
    async fn start_with(server: &Server, division: &str, auth: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("app-config.json");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let mut connection = json!({ "host": "127.0.0.1", "port": server.port(), "user": USER, "password": PASSWORD });
        if division == "schema" {
            connection["database"] = json!("backstage");
        }
        let mut settings = json!({
            "app": { "baseUrl": url },
            "backend": {
                "baseUrl": url,
                "listen": { "host": "127.0.0.1", "port": port },
                "database": { "client": "pg", "pluginDivisionMode": division, "connection": connection },
            },
            "auth": { "providers": { "guest": {
                "dangerouslyAllowOutsideDevelopment": true,
                "userEntityRef": "user:default/john.doe",
                "ownershipEntityRefs": ["user:default/john.doe", "group:default/team-b"],
            } } },
        });
        for (name, value) in auth.as_object().into_iter().flatten() {
            settings["auth"][name] = value.clone();
        }
        fs::write(&config, settings.to_string()).expect("written");
        let log = folder.path().join("log");
        let mut command = node("replica.mjs");
        let output = fs::File::create(&log).expect("a log");
        command.arg("--config").arg(&config).stdout(output.try_clone().expect("a log")).stderr(output);
        let child = command.spawn().expect("node is installed");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let stock = Self { url, client, _child: child, _folder: folder };
        let ready = async {
            while !stock.is_ready().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let ready = tokio::time::timeout(MAX_WAIT, ready).await;
        assert!(ready.is_ok(), "{}", fs::read_to_string(log).unwrap_or_default());
        stock
    }

    /// Where it listens.
    #[allow(dead_code, reason = "for the tests of another surface")]
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/.backstage/health/v1/readiness", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Status and body.
    pub async fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    pub async fn json(&self, path: &str, token: Option<&str>) -> Value {
        let (status, text) = self.get(path, token).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
    }

    /// John's token.
    pub async fn sign_in(&self) -> String {
        let session = self.json("/api/auth/guest/refresh", None).await;
        session["backstageIdentity"]["token"].as_str().expect("a token").to_owned()
    }

    /// A token by which the auth backend asks this plugin.
    pub async fn plugin_token(&self, plugin: &str) -> String {
        let (status, token) = self.get(&format!("/api/auth/mint/{plugin}"), None).await;
        assert_eq!(status, 200, "{token}");
        token
    }
}

fn node(program: &str) -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/backstage-backend");
    assert!(folder.join("installed-lock.json").exists(), "the peers are not installed: run .ci/peers");
    let mut command = Command::new("node");
    command.current_dir(folder).arg(program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}
