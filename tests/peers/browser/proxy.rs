//! A service behind `alb-auth-proxy` behind the emulator, both as programs: sign-in, a WebSocket, and the end of both.

use std::{process::Stdio, time::Duration};

use axum::{
    Router,
    extract::{WebSocketUpgrade, ws::Message},
    response::Html,
    routing::any,
};
use http::HeaderMap;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::browser::driver::Browser;

/// Longer than the programs take to start on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

/// Names the user, and shows what comes back over a WebSocket.
const PAGE: &str =
    "<!doctype html><title>Behind the proxy</title><h1>Hello, USER</h1><p id='socket'>opening</p><script>
    const shown = document.querySelector('#socket');
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.onopen = () => socket.send('echo');
    socket.onmessage = (event) => { shown.textContent = event.data; };
    socket.onclose = () => { shown.textContent = 'closed'; };
</script>";

async fn service() -> String {
    let user = |headers: &HeaderMap| {
        headers.get("x-webauth-user").map_or("stranger", |user| user.to_str().expect("ASCII")).to_owned()
    };
    let page = any(async move |headers: HeaderMap| Html(PAGE.replace("USER", &user(&headers))));
    let socket = any(async move |upgrade: WebSocketUpgrade, headers: HeaderMap| {
        let user = user(&headers);
        upgrade.on_upgrade(async move |mut socket| {
            while let Some(Ok(Message::Text(text))) = socket.recv().await {
                if socket.send(Message::Text(format!("{} to {user}", text.as_str()).into())).await.is_err() {
                    return;
                }
            }
        })
    });
    let app = Router::new().route("/socket", socket).fallback(page);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: chromium and chromedriver"]
async fn s_116_a_user_signs_in_before_the_proxy_and_is_shut_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let denied = folder.path().join("denied.jsonl");
    std::fs::write(&denied, "{\"entries\": 0}\n").expect("written");
    let mut emulator = Command::new(env!("CARGO_BIN_EXE_alb-emulator"))
        .args(["--demo", "--listen", "0", "--provider-listen", "0", "--keys-listen", "0", "--"])
        .arg(env!("CARGO_BIN_EXE_alb-auth-proxy"))
        .args(["--upstream", &service().await, "--profile", "grafana", "--deny-list"])
        .arg(&denied)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(emulator.stdout.take().expect("a pipe")).lines();
    let started = async {
        let mut printed = String::new();
        loop {
            let line = lines.next_line().await.expect("text").unwrap_or_else(|| panic!("it ended: {printed}"));
            printed.push_str(&format!("{line}\n"));
            if line.trim() == "Ready" {
                return printed;
            }
        }
    };
    let printed = tokio::time::timeout(LONG, started).await.expect("it starts in time");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let url = printed.split_whitespace().find(|word| word.starts_with("http://app.localhost"));
    let url = format!("{}/", url.unwrap_or_else(|| panic!("{printed}")).trim_end_matches(['.', ',', '/']));

    Browser::with(async |browser| {
        browser.open(&url).await;
        browser.reads("Who signs in?").await;
        browser.click("button[name=user][value=jane]").await;
        browser.arrives_at(&url).await;
        browser.reads("Hello, jane.doe@example.com").await;
        browser.text_once("#socket", |text| text == "echo to jane.doe@example.com").await;

        std::fs::write(&denied, "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
        browser.text_once("#socket", |text| text == "closed").await;
        browser.open(&url).await;
        let text = browser.text().await;
        assert!(text.contains("does not let you in"), "{text}");
    })
    .await;
    // As a terminal does, so that the emulator ends the proxy too.
    let id = emulator.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.expect("kill").success());
    tokio::time::timeout(LONG, emulator.wait()).await.expect("it ends").expect("a status");
}
