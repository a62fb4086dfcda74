//! Entries that `backstage-auth` shows.

use std::fs;

use axum::{Router, http::StatusCode, routing::get};
use reqwest::Client;
use tempfile::TempDir;
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    runbook::entry::{Entry, entry},
    support::{backstage_auth::Service, key_endpoint::KeyEndpoint, process::wait_until, streaming::serve},
};

struct Backstage {
    entry: Entry,
    service: Service,
    alb: MockAlb,
    client: Client,
    _folder: TempDir,
}

impl Backstage {
    /// With a catalog that responds with this status about every user.
    async fn for_entry(id: &str, catalog: StatusCode) -> Self {
        let by_name = get(async move || catalog);
        let catalog = serve(Router::new().route("/api/catalog/entities/by-name/User/default/{name}", by_name)).await;
        Self::with(id, "", "", &["--upstream", &catalog]).await
    }

    /// With these lines for `backend` and for the resolver.
    async fn with(id: &str, backend: &str, resolver: &str, arguments: &[&str]) -> Self {
        let (alb, keys, folder) = (MockAlb::new(), KeyEndpoint::start().await, tempfile::tempdir().expect("a folder"));
        keys.publish(&alb);
        let text = format!(
            "app: {{ baseUrl: 'http://localhost:3000' }}\nbackend:\n  baseUrl: http://localhost:3000\n{backend}\
             auth:\n  providers:\n    awsalb:\n      issuer: {}\n      signer: {}\n      clientIds: [{}]\n      keyEndpoint: {}\n      \
             acceptMissingEmailVerified: true\n      signIn:\n        resolvers:\n          \
             - resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: [example.com]\n{resolver}",
            alb.issuer(),
            alb.signer(),
            alb.client_id(),
            keys.url()
        );
        fs::write(folder.path().join("app-config.yaml"), text).expect("written");
        let arguments = [&["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"], arguments].concat();
        let service = Service::start(folder.path(), &arguments);
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { entry: entry(id), service, alb, client, _folder: folder }
    }

    /// Jane's request for a session.
    async fn session(&self) -> u16 {
        let request = self.client.get(self.service.at("/api/auth/awsalb/refresh"));
        let request = request.header("x-requested-with", "XMLHttpRequest");
        let response = request.header("x-amzn-oidc-data", self.alb.sign(&User::jane())).send().await;
        response.expect("a response").status().as_u16()
    }

    async fn assert_seen(&self) {
        wait_until(|| self.entry.has_logged(&self.service.log()).then_some(()));
        let line =
            self.service.start_lines.lines().find(|line| line.trim().starts_with("Metrics")).expect("an address");
        let url = line.split_whitespace().nth(1).expect("an address").trim_end_matches(',');
        let metrics = self.client.get(url).send().await.expect("a response").text().await.expect("a text");
        self.entry.assert_seen(&self.service.log(), &metrics);
    }
}

#[tokio::test]
async fn r_13_the_catalog_does_not_respond() {
    let backstage = Backstage::for_entry("R-13", StatusCode::INTERNAL_SERVER_ERROR).await;
    assert_eq!(backstage.session().await, 503);
    backstage.assert_seen().await;
}

#[tokio::test]
async fn r_14_the_catalog_rejects_the_token() {
    let backstage = Backstage::for_entry("R-14", StatusCode::UNAUTHORIZED).await;
    assert_eq!(backstage.session().await, 503);
    backstage.assert_seen().await;
}

#[tokio::test]
async fn r_15_the_catalog_does_not_know_the_user() {
    let backstage = Backstage::for_entry("R-15", StatusCode::NOT_FOUND).await;
    assert_eq!(backstage.session().await, 403);
    backstage.assert_seen().await;
}

#[tokio::test]
async fn r_18_the_database_is_down() {
    let database = "  database:\n    client: pg\n    connection: { host: 127.0.0.1, port: 1, user: backstage, password: canary }\n";
    let resolver = "            dangerouslyAllowSignInWithoutUserInCatalog: true\n";
    let backstage = Backstage::with("R-18", database, resolver, &["--without-catalog"]).await;
    assert_eq!(backstage.session().await, 503);
    backstage.assert_seen().await;
    assert!(!backstage.service.log().contains("canary"), "{}", backstage.service.log());
}
