//! Clients that sign in through Backstage itself, by our front, at a stock auth backend behind it: Backstage's command line and
//! an MCP client.

use std::{path::Path, process::Stdio};

use axum::Router;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use tower_alb_auth::{
    AlbAuthLayer,
    backstage::{BackstageAuth, TokenIssuer, Upstream, router_with_fallback},
    test_util::{MockAlb, User},
};

use crate::{
    programs::process::{free_port, peers},
    stock_backstage::{
        auth_backend::{Place, Server},
        stock::{Stock, eventually},
    },
};

/// The only patterns of addresses that a client's document may have.
const CLIENT: &str = "https://mcp-client.example/client.json";

/// Our front, and the stock back end behind it, which asks our front for keys and users as every back end of the site does.
struct Site {
    alb: MockAlb,
    front: Server,
    stock: Stock,
}

impl Site {
    /// `client_port` is where the document of an MCP client is.
    async fn start(client_port: u16) -> Self {
        let (alb, place) = (MockAlb::new(), Place::take().await);
        let discovery = json!({ "endpoints": [{ "target": format!("{}/api/auth", place.url), "plugins": ["auth"] }] });
        let documents = json!({
            "enabled": true,
            "allowedClientIdPatterns": [CLIENT],
            "allowedRedirectUriPatterns": ["http://127.0.0.1:*/*"],
        });
        let auth = json!({ "clientIdMetadataDocuments": documents, "providers": { "guest": {} } });
        let settings = json!({ "discovery": discovery, "auth": auth });
        let stock = Stock::behind(&place.url, "auth,whoami", settings, client_port).await;
        let tokens = TokenIssuer::builder(format!("{}/api/auth", place.url)).build().expect("sound");
        let auth = BackstageAuth::builder(AlbAuthLayer::new(alb.config()).handle(), tokens).build().expect("sound");
        let upstream = Upstream::at(&stock.url).build().expect("sound");
        let routes = router_with_fallback(auth, upstream.clone());
        let front = place.serve(Router::new().nest("/api/auth", routes).fallback_service(upstream));
        Self { alb, front, stock }
    }

    /// What the front end's page for consent does, for a user who is signed in.
    async fn approve(&self, authorize: &str) {
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let answer = browser.get(authorize).send().await.expect("an answer");
        let to = answer.headers().get("location").map(|to| to.to_str().expect("ASCII").to_owned());
        let to = to.unwrap_or_else(|| panic!("{authorize}: {answer:?}"));
        let (_, session) = to.split_once("/oauth2/authorize/").unwrap_or_else(|| panic!("{to}"));
        let token = self.front.token(&self.alb, &User::jane()).await;
        let approve = format!("{}/api/auth/v1/sessions/{session}/approve", self.front.url);
        let answer = browser.post(approve).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
        let approved: Value = answer.json().await.expect("JSON");
        let back = approved["redirectUrl"].as_str().expect("an address");
        assert!(reqwest::get(back).await.expect("the client listens").status().is_success());
    }

    /// A back end of the site takes the client's token for Jane's, and knows her groups. The stock auth backend makes its key with
    /// its first token, and a back end that has just fetched the key set does not fetch it again for 30 s.
    async fn is_janes(&self, token: &str) {
        eventually("the client's token is accepted", async || self.stock.whoami(token).await.0 == 200).await;
        let (_, said) = self.stock.whoami(token).await;
        assert_eq!(said["principal"]["userEntityRef"], "user:default/jane.doe");
        assert_eq!(said["userInfo"]["ownershipEntityRefs"], json!(["user:default/jane.doe"]));
    }
}

/// A client's process, and the lines that it prints.
struct Client {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = child.spawn().expect("node is installed");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { _child: child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(std::time::Duration::from_secs(60), self.lines.next_line()).await;
        line.expect("a line in time").expect("UTF-8").expect("a line")
    }

    /// The address that it asks its user to open.
    async fn address(&mut self) -> String {
        let line = self.line().await;
        line.strip_prefix("Open this URL to continue: ").unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}

/// The command `auth` of Backstage's own command line, with its state in this folder.
fn cli(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    let program =
        peers().join("backstage-clients/node_modules/@backstage/cli-module-auth/bin/backstage-cli-module-auth");
    command.arg(program).arg("auth").args(arguments).current_dir(folder);
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(name, folder);
    }
    command
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn the_command_line_of_backstage_signs_in_through_our_front() {
    let (site, folder) = (Site::start(free_port()).await, TempDir::new().expect("a folder"));
    let mut client = Client::start(cli(folder.path(), &["login", "--backend-url", &site.front.url, "--no-browser"]));
    site.approve(&client.address().await).await;
    assert_eq!(client.line().await, "Login successful");
    let printed = cli(folder.path(), &["print-token"]).output().await.expect("node is installed");
    let token = String::from_utf8(printed.stdout).expect("UTF-8");
    site.is_janes(token.trim()).await;
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn an_mcp_client_signs_in_through_our_front_by_its_metadata_document() {
    let port = free_port();
    let site = Site::start(port).await;
    let mut command = Command::new("node");
    command.arg(peers().join("backstage-clients/mcp-sign-in.mjs"));
    command.arg(format!("{}/api/auth", site.front.url)).arg(port.to_string());
    let mut client = Client::start(command);
    site.approve(&client.address().await).await;
    let said: Value = serde_json::from_str(&client.line().await).expect("JSON");
    assert_eq!(said["client"], CLIENT);
    site.is_janes(said["token"].as_str().expect("a token")).await;
}
