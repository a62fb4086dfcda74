//! Vite's development server beside a back end, behind the emulator with the rules of deploy/images: docs/EMULATOR.md describes it.

use std::{fs, path::Path, process::Command, time::Duration};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity,
    emulator::{Emulator, EmulatorConfig},
    sign_in::EmailLocalPart,
};

use crate::{
    browser::driver::Browser,
    support::{
        port::free_port,
        process::{MAX_WAIT, Program},
    },
};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/images/rules.yaml");
const VITE: &str = "target/peers/backstage-frontend/node_modules/vite/bin/vite.js";
const PAGE: &str =
    "<!doctype html><h1>A front end</h1><p id=user></p><p id=text></p><script type=module src=/main.js></script>\n";
/// Keeps the page when the other file changes, as the plugins of React and Vue do.
const MAIN: &str = "\
import { text } from './text.js';
const show = (text) => { document.querySelector('#text').textContent = text; };
show(text);
import.meta.hot.accept('./text.js', (changed) => show(changed.text));
document.querySelector('#user').textContent = await (await fetch('/api/user')).text();
";

fn text(text: &str) -> String {
    format!("export const text = '{text}';\n")
}

/// The development server, with its own settings and these files.
fn vite(folder: &Path) -> (Program, String) {
    for (name, content) in [("index.html", PAGE), ("main.js", MAIN), ("text.js", &text("before"))] {
        fs::write(folder.join(name), content).expect("written");
    }
    let port = free_port().to_string();
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(VITE)).args(["--port", &port, "--strictPort"]);
    command.current_dir(folder).env("NO_COLOR", "1");
    (Program::start_until(command, |lines| lines.contains("Local:"), |_| {}), format!("http://localhost:{port}"))
}

/// Names the user of the layer.
async fn back_end(listener: TcpListener, emulator: &Emulator) {
    let config = AlbAuthConfig::builder().trust(emulator.trusted());
    let config = config.sign_in(EmailLocalPart::in_domains(["example.com"])).build().expect("sound");
    let user = get(async |user: BackstageIdentity| user.user_entity_ref().to_string());
    let app = Router::new().route("/api/user", user).layer(AlbAuthLayer::new(config));
    tokio::spawn(async move { axum::serve(listener, app).await });
}

/// How many WebSockets the emulator has passed on.
async fn web_sockets(emulator: &Emulator) -> u64 {
    let series = "alb_emulator_responses_total{outcome=\"forward\",class=\"1xx\"}";
    let client = reqwest::Client::builder().no_proxy().timeout(MAX_WAIT).build().expect("a client");
    let response = client.get(emulator.metrics_url().expect("served")).send().await.expect("a response");
    let text = response.text().await.expect("a text");
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.unwrap_or_else(|| panic!("{series}: {text}")).trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: vite, chromium and chromedriver"]
async fn a_changed_file_of_the_front_end_is_shown_by_hot_reload_through_the_emulator() {
    let folder = tempfile::tempdir().expect("a folder");
    let (vite, front_end) = vite(folder.path());
    println!("{}", vite.start_lines.trim());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let target = format!("http://{}", listener.local_addr().expect("an address"));
    let config = EmulatorConfig::on_free_ports().rules_file(RULES).metrics(([127, 0, 0, 1], 0).into());
    let config = config.target_group("FrontEnd", &front_end).target_group("BackEnd", target);
    let emulator = Emulator::start(config).await.expect("sound");
    back_end(listener, &emulator).await;
    let url = format!("{}/", emulator.url());

    Browser::with(async |browser| {
        browser.open(&url).await;
        browser.reads("Who signs in?").await;
        browser.click("button[name=user][value=jane]").await;
        browser.arrives_at(&url).await;
        browser.reads("A front end").await;
        browser.text_once("#text", |text| text == "before").await;
        browser.text_once("#user", |text| text == "user:default/jane.doe").await;
        // Vite's client would go on to the server's own port.
        let connected = async {
            while web_sockets(&emulator).await == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(MAX_WAIT, connected).await.expect("a WebSocket through the emulator");
        // A page that is loaded again does not have it.
        browser.run("window.kept = true").await;
        fs::write(folder.path().join("text.js"), text("after")).expect("written");
        browser.text_once("#text", |text| text == "after").await;
        assert_eq!(browser.run("return window.kept").await, true, "the page was loaded again");

        // A change of the page itself reloads it, by the same WebSocket.
        fs::write(folder.path().join("index.html"), PAGE.replace("A front end", "Another one")).expect("written");
        browser.reads("Another one").await;
        browser.text_once("#user", |text| text == "user:default/jane.doe").await;
    })
    .await;
    emulator.shutdown().await;
}
