//! Ways around the rules, and ways out.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower_alb_auth::emulator::{Rule, RuleAction};

use crate::{
    load_balancer::site::{Site, query},
    support::traced::Traced,
};

/// What comes back for these bytes: the first line.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("written");
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
            }
            if answer.windows(4).any(|window| window == b"\r\n\r\n") {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), read).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// A request for this path, as it is.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: app.localhost\r\n\r\n").into_bytes()
}

/// S-73: paths that a target could read as another one than the rule did.
#[tokio::test]
async fn s_73_path_tricks_reach_no_target_by_a_rule_that_does_not_authenticate() {
    let (site, _provider) =
        Site::scripted_with(|config| config.rule(Rule::new("/public/*", RuleAction::Forward))).await;
    let address = site.emulator.address();
    assert_eq!(raw(address, &get("/public/page")).await, "HTTP/1.1 200 OK");
    for path in [
        "/public/../admin",
        "/public/./../admin",
        "/public/%2e%2e/admin",
        "/public/..%2fadmin",
        "/public/%2E%2E%2Fadmin",
        "/public/..;/admin",
        "/public/..\\admin",
        "/public/%5c..%5cadmin",
        "/public//admin",
        "//public/admin",
        "/public/%252e%252e/admin",
        "/public/a%00b",
        "/public/;/admin",
    ] {
        assert_eq!(raw(address, &get(path)).await, "HTTP/1.1 400 Bad Request", "{path}");
    }
    // The absolute form names the host once more: the address counts, and must be one of this machine.
    for (line, status) in [
        ("GET http://app.localhost/public/a HTTP/1.1\r\nhost: evil.example\r\n\r\n", "HTTP/1.1 200 OK"),
        ("GET http://evil.example/public/a HTTP/1.1\r\nhost: app.localhost\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /public/a HTTP/1.1\r\nhost: evil.example\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /public/a HTTP/1.1\r\nhost: app.localhost\r\nhost: evil.example\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("GET /public/a HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ("OPTIONS * HTTP/1.1\r\nhost: app.localhost\r\n\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        assert_eq!(raw(address, line.as_bytes()).await, status, "{line}");
    }
}

#[tokio::test]
async fn requests_that_two_parsers_would_cut_differently_are_refused() {
    let (site, _provider) = Site::scripted_with(|config| config.rule(Rule::new("/*", RuleAction::Forward))).await;
    let address = site.emulator.address();
    let before = site.calls();
    for head in [
        "content-length: 4\r\ncontent-length: 5",
        "content-length: +4",
        "content-length: 4x",
        "content-length: -1",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "transfer-encoding : chunked",
        "content-length: 0\r\n continued: x",
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: app.localhost\r\n{head}\r\n\r\n0\r\n\r\n");
        let answer = raw(address, request.as_bytes()).await;
        assert!(answer.is_empty() || answer.contains(" 400 "), "{head}: {answer}");
    }
    assert_eq!(site.calls(), before, "none of them went on");
}

/// Where both lengths are given, one counts here (RFC 9112 section 6.3), and only that one goes on.
#[tokio::test]
async fn of_two_lengths_the_target_gets_one() {
    let (site, _provider) = Site::scripted_with(|config| config.rule(Rule::new("/*", RuleAction::Forward))).await;
    let mut stream = TcpStream::connect(site.emulator.address()).await.expect("a connection");
    let request = "POST / HTTP/1.1\r\nhost: app.localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains("\"transfer-encoding\":\"chunked\"") && !answer.contains("\"content-length\""), "{answer}");
}

/// A client names the load balancer's headers as ones that end at this hop.
#[tokio::test]
async fn headers_that_the_load_balancer_added_cannot_be_nominated_away() {
    let (site, _provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    let named = "close, x-amzn-oidc-data, x-amzn-oidc-identity, x-forwarded-for, x-amzn-trace-id, x-custom, host";
    let request = browser.client.get(site.url("/")).header("connection", named).header("x-custom", "canary");
    let page = crate::load_balancer::site::Page::of(request.send().await.expect("an answer")).await;
    assert!(page.user().is_some(), "{page:?}");
    for name in ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-forwarded-for", "x-amzn-trace-id", "host"] {
        assert!(page.saw(name).is_some(), "{name}");
    }
    assert_eq!(page.saw("x-custom"), None);
}

/// What comes back from the provider leads to the host that was asked, and to no other.
#[tokio::test]
async fn the_callback_is_no_open_redirect() {
    let (site, _provider) = Site::scripted().await;
    for wanted in ["/@evil.example", "/a?next=https://evil.example", "/a?b=%0d%0aset-cookie:%20x", "/.evil.example"] {
        let browser = site.browser();
        let page = browser.callback(wanted).await;
        assert_eq!(page.status, 302, "{wanted}");
        assert_eq!(page.location(), site.url(wanted), "{wanted}");
        assert_eq!(page.headers.get_all("location").iter().count(), 1);
    }
    // A state of one host, brought to another one.
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let state = query(sent_off.location(), "state");
    let url = format!("http://127.0.0.1:{}/oauth2/idpresponse?code=c&state={state}", site.emulator.address().port());
    assert_eq!(browser.visit(&url).await.status, 401);
}

/// Codes, states, cookies and tokens stand in no line of the log.
#[tokio::test]
async fn s_61_nothing_secret_is_logged() {
    let (traced, _guard) = Traced::begin();
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let state = query(sent_off.location(), "state");
    let back = browser.get(&format!("/oauth2/idpresponse?code=canary-code&state={state}")).await;
    let page = browser.get("/inbox?canary-query=1").await;
    let token = page.saw("x-amzn-oidc-data").expect("a token");
    browser.get("/oauth2/idpresponse?code=canary-code&state=canary-state").await;
    provider.change(|script| {
        (script.token_status, script.token) =
            (400, serde_json::json!({ "error": "invalid_grant", "error_description": "canary-text" }));
    });
    site.browser().callback("/").await;
    let said = traced.all();
    assert!(said.contains("/inbox 200 authenticate,forward") && said.contains("AuthInvalidGrantError"), "{said}");
    let cookie = back.cookies()[0].split(['=', ';']).nth(1).expect("a value").to_owned();
    for secret in ["canary", "access-1", "refresh-1", "s:ecret", "jane@", &state, &cookie, &token] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    assert!(!format!("{:?}", site.emulator).contains("secret"));
}

/// Nor does what a provider sends in a wrong form, and no client writes control characters to the terminal that shows the log.
#[tokio::test]
async fn s_60_the_log_is_plain_text_without_claims() {
    let (traced, _guard) = Traced::begin();
    let (site, provider) = Site::scripted_with(|config| config.rule(Rule::new("/open/*", RuleAction::Forward))).await;
    for path in ["/open/\u{9b}31mcanary", "/open/\u{202e}canary", "/a\u{85}b"] {
        raw(site.emulator.address(), &get(path)).await;
    }
    let browser = site.browser();
    let state = query(browser.get("/").await.location(), "state");
    browser.get(&format!("/oauth2/idpresponse?state={state}&error=%1b%5b2Jx%0aforged")).await;
    for member in ["exp", "aud", "sub", "iss", "azp"] {
        provider.change(|script| script.id_token[member] = serde_json::json!({ "x": "canary-claim" }));
        site.browser().callback("/").await;
        provider.change(|script| script.id_token[member] = serde_json::json!(["canary-claim"]));
        site.browser().callback("/").await;
    }
    provider.change(|script| script.id_token["exp"] = serde_json::json!("canary-claim"));
    site.browser().callback("/").await;
    provider.change(|script| script.token["access_token"] = serde_json::json!(["canary-claim"]));
    site.browser().callback("/").await;
    let lines: Vec<String> = [tracing::Level::INFO, tracing::Level::WARN, tracing::Level::ERROR]
        .into_iter()
        .flat_map(|level| traced.lines(level))
        .collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        assert!(line.chars().all(|c| matches!(c, ' '..='~')), "{line:?}");
        assert!(!line.contains("canary-claim"), "{line}");
    }
}
