//! The service behind the local load balancer, and a browser in front.

use std::{fs, net::SocketAddr};

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tower_alb_auth::emulator::{Emulator, EmulatorConfig};

use crate::support::{backstage_auth::Service, port::free_port};

pub struct Site {
    pub emulator: Emulator,
    pub service: Service,
    pub folder: TempDir,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these additional arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        Self::of(tempfile::tempdir().expect("a folder"), &[&["--without-catalog"], arguments].concat()).await
    }

    /// In this folder.
    pub async fn of(folder: TempDir, arguments: &[&str]) -> Self {
        Self::changed(folder, arguments, |settings| settings).await
    }

    /// With settings that are changed in this way.
    pub async fn changed(folder: TempDir, arguments: &[&str], change: impl FnOnce(String) -> String) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{listen}");
        Self::behind(&url, &listen, folder, arguments, change).await
    }

    /// With a load balancer that forwards to another target, which knows the way on.
    pub async fn behind(
        target: &str,
        listen: &str,
        folder: TempDir,
        arguments: &[&str],
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let emulator = Emulator::start(EmulatorConfig::on_free_ports().target(target)).await.expect("sound");
        let text = change(settings(&emulator, emulator.key_endpoint()));
        fs::write(folder.path().join("app-config.yaml"), text).expect("written");
        let arguments: Vec<&str> =
            ["--config", "app-config.yaml", "--listen", listen].into_iter().chain(arguments.iter().copied()).collect();
        let service = Service::start(folder.path(), &arguments);
        Self { emulator, service, folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.url())
    }

    /// A browser that is signed in as this user of the demo provider.
    pub async fn signed_in(&self, user: &str) -> Browser {
        Browser::signed_in(&self.emulator, user).await
    }
}

/// Keeps cookies, and follows redirects.
pub struct Browser {
    pub client: Client,
    pub url: String,
}

impl Browser {
    pub async fn signed_in(emulator: &Emulator, user: &str) -> Self {
        let this_machine = SocketAddr::from(([127, 0, 0, 1], 0));
        let client = Client::builder()
            .cookie_store(true)
            .no_proxy()
            .resolve("app.localhost", this_machine)
            .resolve("idp.localhost", this_machine)
            .build()
            .expect("a client");
        let url = emulator.url().to_owned();
        let page = client.get(format!("{url}/.backstage/health/v1/liveness")).send().await.expect("an answer");
        let page = page.text().await.expect("a page");
        let ticket = page.split("name=\"ticket\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = [("ticket", ticket.unwrap_or_else(|| panic!("no login page: {page}"))), ("user", user)];
        let back = client.post(format!("{}/login", emulator.issuer())).form(&form).send().await.expect("an answer");
        assert_eq!(back.status(), 200, "{back:?}");
        Self { client, url }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    /// The session, as the front end's sign-in page asks for it.
    pub async fn session(&self) -> Value {
        let request = self.client.get(format!("{}/api/auth/awsalb/refresh", self.url));
        let request = request.header("x-requested-with", "XMLHttpRequest").header("sec-fetch-site", "same-origin");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.json().await.expect("JSON")
    }
}

/// What a Backstage behind this load balancer has to say.
pub fn settings(emulator: &Emulator, keys: &str) -> String {
    let (url, issuer, signer) = (emulator.url(), emulator.issuer(), emulator.signer());
    let client_id = emulator.client_id();
    format!(
        "\
app:
  baseUrl: {url}
backend:
  baseUrl: {url}
auth:
  providers:
    awsalb:
      issuer: {issuer}
      signer: {signer}
      clientIds: [{client_id}]
      keyEndpoint: {keys}
      signOutUrl: {issuer}/logout
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
            dangerouslyAllowSignInWithoutUserInCatalog: true
"
    )
}
