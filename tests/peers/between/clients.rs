//! Clients of the emulator: which of them sign in, at which host, and with how many claims.

use std::{fs, process::Stdio, sync::Mutex, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tower_alb_auth::emulator::IdentityProvider;

use super::installed;
use crate::{
    browser::driver::Browser,
    programs::browser::Site,
    support::between::{CLIENTS, CURL_WITH_ALL_COOKIES, HOSTS},
};

const MAX_WAIT: Duration = Duration::from_secs(60);
const AMY: &str = "user:default/amy_example.com";
/// Claims of some 200 bytes, and of 10 KB.
const FILLERS: [usize; 2] = [140, 9_940];

/// The emulator at this host, with a user of such claims.
async fn site(host: &str, filler: usize, folder: &TempDir) -> Site {
    let users = folder.path().join("users.yaml");
    let claims = format!("sub: amy, email: amy@example.com, filler: {}", "x".repeat(filler));
    fs::write(&users, format!("users:\n  - {{ id: amy, claims: {{ {claims} }} }}\n")).expect("written");
    let demo = IdentityProvider::demo(([127, 0, 0, 1], 0).into()).users_file(users).sign_in_as("amy");
    Site::start(|config| config.provider(demo).public_host(host)).await
}

/// What a program prints.
async fn printed(mut command: Command) -> String {
    let command = command.current_dir(installed()).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = tokio::time::timeout(MAX_WAIT, command.output()).await.expect("it ends by itself");
    String::from_utf8(output.expect("it is installed: run .ci/peers").stdout).expect("UTF-8")
}

async fn python(client: &str, url: &str) -> String {
    let mut command = Command::new(installed().join("venv/bin/python"));
    command.args(["sign_in.py", client, url]);
    printed(command).await
}

async fn node(client: &str, url: &str) -> String {
    let mut command = Command::new("node");
    command.args(["sign_in.mjs", client, url]);
    printed(command).await
}

/// As docs/EMULATOR.md shows it, once to sign in and once with the session.
async fn curl(url: &str, folder: &TempDir) -> String {
    let mut pages = Vec::new();
    for _ in 0..2 {
        let mut command = Command::new("curl");
        let jar = folder.path().join("jar");
        command.args(["-sSL", "--noproxy", "*", "-c"]).arg(&jar).arg("-b").arg(&jar).arg(url);
        pages.push(printed(command).await);
    }
    let _ = fs::remove_file(folder.path().join("jar"));
    user(&pages[1])
}

/// The user whom a page of the application names.
fn user(page: &str) -> String {
    let page: Option<Value> = serde_json::from_str(page).ok();
    page.and_then(|page| Some(page["user"].as_str()?.to_owned())).unwrap_or_default()
}

async fn reqwest(site: &Site) -> String {
    let browser = site.browser();
    let mut page = String::new();
    for _ in 0..2 {
        let response = browser.get(site.emulator.url()).send().await.expect("a response");
        page = response.text().await.expect("a text");
    }
    user(&page)
}

async fn chromium(url: &str) -> String {
    let page = Mutex::new(String::new());
    Browser::with(async |browser| {
        browser.open(url).await;
        browser.open(url).await;
        *page.lock().unwrap() = browser.text().await;
    })
    .await;
    user(&page.into_inner().unwrap())
}

/// The cell of the table: whether this client signs in.
async fn cell(client: &str, host: &str, filler: usize) -> &'static str {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(host, filler, &folder).await;
    let url = site.emulator.url();
    let found = match client {
        "Chromium" => chromium(url).await,
        "reqwest" => reqwest(&site).await,
        "requests" => python("requests", url).await,
        "aiohttp" => python("aiohttp", url).await,
        "aiohttp, `CookieJar(unsafe=True)`" => python("aiohttp-unsafe", url).await,
        "undici" => node("undici", url).await,
        "undici with tough-cookie" => node("tough-cookie", url).await,
        "curl" => curl(url, &folder).await,
        client => panic!("how is {client} started?"),
    };
    if found.trim() == AMY { "yes" } else { "no" }
}

#[tokio::test]
#[ignore = "peer: requests, aiohttp, undici, tough-cookie, curl and Chromium, installed by .ci/peers"]
async fn f_51_clients_sign_in_through_the_emulator_as_the_table_says() {
    let mut different = Vec::new();
    for (name, _, expected, with_many) in CLIENTS {
        let mut found = Vec::new();
        for host in HOSTS {
            found.push(cell(name, host, FILLERS[0]).await);
        }
        if found != expected {
            different.push(format!("{name}: {found:?}, not {expected:?}"));
        }
        let found = cell(name, HOSTS[0], FILLERS[1]).await;
        if found != with_many {
            different.push(format!("{name} with 10 KB of claims: {found}"));
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

/// As docs/BETWEEN.md says: a header instead of the jar.
#[tokio::test]
#[ignore = "peer: aiohttp, installed by .ci/peers"]
async fn f_51_aiohttp_uses_a_session_of_many_claims_by_a_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(HOSTS[0], FILLERS[1], &folder).await;
    assert_ne!(python("aiohttp", site.emulator.url()).await.trim(), AMY);
    assert_eq!(python("aiohttp-header", site.emulator.url()).await.trim(), AMY);
}

/// curl's limit is for cookies of its jar, and not for a header of the command line.
#[tokio::test]
#[ignore = "peer: curl, installed by .ci/peers"]
async fn f_51_curl_uses_a_session_of_many_claims_by_the_command_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = site(HOSTS[0], FILLERS[1], &folder).await;
    assert_eq!(curl(site.emulator.url(), &folder).await, "");
    let url = format!("{}/", site.emulator.url());
    let commands = CURL_WITH_ALL_COOKIES.replace("http://app.localhost:9000/", &url);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-ec", &commands]).env("no_proxy", "*").stdin(Stdio::null()).current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || shell.output()).await.expect("no panic").expect("a shell");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    // The first command ends at a page of the emulator, the second at the application.
    assert!(printed.ends_with(&format!("\"user\":\"{AMY}\"}}")), "{printed}");
}
