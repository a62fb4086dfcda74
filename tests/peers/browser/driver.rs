//! Debian's chromium, driven over WebDriver.
#![allow(dead_code, reason = "each surface uses a part of it")]

use std::{panic::AssertUnwindSafe, process::Stdio, sync::Mutex, time::Duration};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    elements::Element,
    key::Key,
};
use futures::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A page is there long before; the machine may do much else.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A headless browser with a new profile.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    driver: String,
}

impl Browser {
    /// Runs the test in a browser, and ends browser and driver however it goes.
    pub async fn with(test: impl AsyncFnOnce(Browser)) {
        let profile = TempDir::new().expect("a directory");
        let (_driver, url) = start_driver().await;
        let client = connect(&url, &profile).await;
        let browser = Self { client: client.clone(), driver: url };
        let ended = AssertUnwindSafe(test(browser)).catch_unwind().await;
        client.close().await.expect("the browser ends");
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    }

    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
    }

    pub async fn url(&self) -> String {
        self.client.current_url().await.expect("an address").to_string()
    }

    /// Waits until the page's heading is this.
    pub async fn reads(&self, heading: &str) {
        self.until(&format!("the heading {heading:?}"), async || {
            let found = self.client.find(Locator::Css("h1")).await;
            match found {
                Ok(found) => found.text().await.is_ok_and(|text| text == heading),
                // Between two pages there is none.
                Err(_) => false,
            }
        })
        .await;
    }

    /// The text of the page, as it is shown.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.expect("text")
    }

    /// The text of an element, as it is shown.
    pub async fn text_of(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("text")
    }

    /// Waits until the text of an element is such, and gives it.
    pub async fn text_once(&self, css: &str, is_such: impl Fn(&str) -> bool) -> String {
        let found = Mutex::new(String::new());
        self.until(css, async || {
            let Ok(element) = self.client.find(Locator::Css(css)).await else { return false };
            let Ok(text) = element.text().await else { return false };
            let such = is_such(&text);
            *found.lock().unwrap() = text;
            such
        })
        .await;
        found.into_inner().unwrap()
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("an answer")
    }

    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(MAX_WAIT).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.expect("a click");
    }

    /// Waits until the browser is there.
    pub async fn arrives_at(&self, url: &str) {
        self.until(url, async || self.url().await == url).await;
    }

    /// Waits until the browser is at an address that begins so.
    pub async fn arrives_within(&self, start: &str) {
        self.until(start, async || self.url().await.starts_with(start)).await;
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(MAX_WAIT, waiting).await.is_err() {
            panic!("{what} was expected; this is {}: {}", self.url().await, self.text().await);
        }
    }

    /// As if the sessions of this host had never been.
    pub async fn forget_cookies_of_this_host(&self) {
        self.client.delete_all_cookies().await.expect("no cookies");
    }

    pub async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.expect("another size");
    }

    /// Whether the page fits the width of the window.
    pub async fn fits_in_width(&self) -> bool {
        const SCRIPT: &str = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth;";
        self.client.execute(SCRIPT, Vec::new()).await.expect("an answer") == json!(true)
    }

    /// Presses a key, wherever the focus is.
    pub async fn press(&self, key: Key) {
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: key.into() })
            .then(KeyAction::Up { value: key.into() });
        self.client.perform_actions(keys).await.expect("a key");
    }

    /// The text of what has the focus.
    pub async fn focused(&self) -> String {
        self.client.active_element().await.expect("a focus").text().await.expect("text")
    }

    /// What `fetch` gives a page's script: `{"status": .., "redirected": ..}`, or `{"error": ..}`.
    pub async fn fetch(&self, path: &str) -> Value {
        const SCRIPT: &str = "const done = arguments[1];
            fetch(arguments[0]).then(
                answer => done({status: answer.status, redirected: answer.redirected}),
                error => done({error: String(error)}));";
        self.client.execute_async(SCRIPT, vec![json!(path)]).await.expect("an answer")
    }

    /// Runs something in a second tab, closes it, and is back.
    pub async fn in_another_tab(&self, run: impl AsyncFnOnce(Browser)) {
        let here = self.client.window().await.expect("a tab");
        let tab = self.client.new_window(true).await.expect("a tab").handle;
        self.client.switch_to_window(tab).await.expect("the tab");
        run(self.clone()).await;
        self.client.close_window().await.expect("no tab");
        self.client.switch_to_window(here).await.expect("the first tab");
    }

    /// What the browser complained about since it was last asked, all levels.
    pub async fn console(&self) -> Vec<String> {
        let id = self.client.session_id().await.expect("a session").expect("an id");
        let request = reqwest::Client::new().post(format!("{}/session/{id}/se/log", self.driver));
        let answer: Value = request.json(&json!({ "type": "browser" })).send().await.unwrap().json().await.unwrap();
        let entries = answer["value"].as_array().unwrap_or_else(|| panic!("a log: {answer}"));
        entries.iter().map(|entry| format!("{} {}", entry["level"], entry["message"])).collect()
    }

    /// Shows pages as in a dark room, or as in a bright one.
    pub async fn color_scheme(&self, scheme: &str) {
        let id = self.client.session_id().await.expect("a session").expect("an id");
        let request = reqwest::Client::new().post(format!("{}/session/{id}/goog/cdp/execute", self.driver));
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let answer = request.json(&json!({ "cmd": "Emulation.setEmulatedMedia", "params": features })).send().await;
        assert!(answer.expect("an answer").status().is_success());
    }

    /// A computed style of an element, such as its colour.
    pub async fn style(&self, css: &str, property: &str) -> String {
        self.find(css).await.css_value(property).await.expect("a value")
    }

    /// Keeps a picture of the page in the directory that `SCREENSHOTS` names, if it does: to be looked at by people.
    pub async fn picture(&self, name: &str) {
        if let Some(directory) = std::env::var_os("SCREENSHOTS") {
            let png = self.client.screenshot().await.expect("a picture");
            std::fs::write(std::path::Path::new(&directory).join(format!("{name}.png")), png).expect("a file");
        }
    }
}

/// Starts chromedriver on a free port. It ends with the child.
///
/// It takes a free port of IPv4 and then the same of IPv6, which another process may have: it ends in that case, and is started
/// again.
async fn start_driver() -> (Child, String) {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver: install the packages chromium and chromium-driver");
        let output = driver.stdout.take().expect("its output");
        if let Some(port) = timeout(MAX_WAIT, reported_port(output)).await.expect("chromedriver starts or ends") {
            return (driver, format!("http://127.0.0.1:{port}"));
        }
    }
    panic!("chromedriver ended {TRIES} times before it printed its port");
}

async fn reported_port(output: ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.expect("a line") {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Some(port.trim_end_matches('.').to_owned());
        }
    }
    None
}

async fn connect(driver: &str, profile: &TempDir) -> Client {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,900",
        &format!("--user-data-dir={}", profile.path().display()),
    ];
    let Value::Object(capabilities) = json!({
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    }) else {
        unreachable!("an object was written")
    };
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities).connect(driver).await.expect("a browser")
}
