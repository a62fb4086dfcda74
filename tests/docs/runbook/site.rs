//! The program `alb-auth-proxy` behind a mock load balancer, with what an entry of the runbook needs.

use std::path::Path;

use reqwest::Client;
use tempfile::TempDir;
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    runbook::entry::{Entry, entry},
    support::{
        alb_auth_proxy::{Proxy, trust},
        key_endpoint::KeyEndpoint,
        process::wait_until,
        streaming::{serve, service},
    },
};

pub struct Site {
    pub entry: Entry,
    pub proxy: Proxy,
    pub alb: MockAlb,
    pub keys: KeyEndpoint,
    pub client: Client,
    folder: TempDir,
}

impl Site {
    /// Before a service that responds; these lines are added to the settings.
    pub async fn for_entry(id: &str, lines: &str) -> Self {
        let upstream = serve(service()).await;
        Self::before(id, &upstream, lines, |_| {}).await
    }

    /// Before this service, with files that are there before the proxy starts.
    pub async fn before(id: &str, upstream: &str, lines: &str, files: impl FnOnce(&Path)) -> Self {
        let (alb, keys, folder) = (MockAlb::new(), KeyEndpoint::start().await, tempfile::tempdir().expect("a folder"));
        keys.publish(&alb);
        files(folder.path());
        let trust = trust(alb.signer(), alb.issuer(), alb.client_id(), keys.url());
        let settings = format!(
            "trust:\n{trust}sign_in: {{ email_local_part: {{ domains: [example.com] }} }}\n\
             accept_missing_email_verified: true\nupstream: {upstream}\nlisten: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{lines}"
        );
        let entry = entry(id);
        // Faults of clients are logged at a level that is off unless it is set.
        let filter = if entry.is_at_debug() { "log_filter: tower_alb_auth=debug\n" } else { "" };
        let proxy = Proxy::start(folder.path(), &(settings + filter));
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { entry, proxy, alb, keys, client, folder }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn token(&self) -> String {
        self.alb.sign(&User::jane())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.proxy.address())
    }

    pub async fn get(&self, headers: &[(&str, &str)]) -> u16 {
        let mut request = self.client.get(self.url("/"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("a response").status().as_u16()
    }

    pub async fn with_token(&self, token: &str) -> u16 {
        self.get(&[("x-amzn-oidc-data", token)]).await
    }

    /// That log and metrics are as the entry has them.
    pub async fn assert_seen(&self) {
        wait_until(|| self.entry.has_logged(&self.proxy.log()).then_some(()));
        let metrics = self.client.get(format!("http://{}/metrics", self.proxy.admin())).send().await;
        let metrics = metrics.expect("a response").text().await.expect("a text");
        self.entry.assert_seen(&self.proxy.log(), &metrics);
    }
}
