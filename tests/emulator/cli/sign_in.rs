//! The whole of it: the program, its demo provider, an application that it starts, and a browser.

use std::process::Command;

use crate::cli::{
    application,
    program::program,
    running::{FREE_PORTS, Running},
};

#[tokio::test]
async fn without_as_there_is_a_login_page_with_the_ready_users() {
    let running = Running::with_application(&["--demo"], &application::command());
    assert!(running.named("Users").starts_with("jane, carlos, admin, nomail, guest, at http://idp.localhost:"));
    assert!(!running.start_lines.contains("curl"), "{}", running.start_lines);
    let (status, page) = running.get(&running.browser(), "/").await;
    assert_eq!(status, 200);
    assert!(page.contains("jane.doe@example.com"), "{page}");
}

#[tokio::test]
async fn the_start_lines_have_the_addresses_and_settings() {
    let running = Running::with_application(&["--as", "jane"], &application::command());
    let lines = &running.start_lines;
    for part in [
        "a load balancer for development only",
        "Open http://app.localhost:",
        "Users jane, without a login page, at http://idp.localhost:",
        "Public keys http://127.0.0.1:",
        "ALB_AUTH_SIGNERS=arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/emulator/0000000000000001",
        "ALB_AUTH_KEY_ENDPOINT=http://127.0.0.1:",
        "curl -L -c jar -b jar http://app.localhost:",
        "kill -USR1",
    ] {
        let said = lines.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(part), "{part:?} is not in: {lines}");
    }
    // The key that is named is given there.
    let key = reqwest::get(running.named("Public keys")).await.unwrap();
    assert!(key.text().await.unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    // There is nothing to be registered at the demo provider.
    assert!(!lines.contains("redirect URI"), "{lines}");
    // On plain http, cookies of a session are not Secure; nothing else is warned of.
    assert!(!running.log().contains("WARNING"), "{}", running.log());
}

#[tokio::test]
async fn another_provider_is_named_with_what_has_to_be_registered_there() {
    let mut program = program(&["--listen", "0", "--keys-listen", "0", "--target", "http://localhost:1"]);
    program.args(["--discovery", "https://login.example.com/tenant/v2.0/.well-known/openid-configuration"]);
    program.args(["--client-id", "my-client"]).env("ALB_EMULATOR_CLIENT_SECRET", "canary");
    let running = Running::start(program);
    let lines = &running.start_lines;
    assert!(lines.contains("Configure the application with"), "{lines}");
    assert!(lines.contains("ALB_AUTH_ISSUER=https://login.example.com/tenant/v2.0\n"), "{lines}");
    assert!(lines.contains("ALB_AUTH_CLIENT_IDS=my-client\n"), "{lines}");
    let callback = format!("{}/oauth2/idpresponse", running.url());
    assert!(lines.contains(&format!("redirect URI at the provider\n  {callback}\n")), "{lines}");
    assert!(!lines.contains("canary") && !running.log().contains("canary"), "{lines}");
}

#[tokio::test]
async fn a_signal_makes_a_new_key_sign_and_sessions_go_on() {
    let running = Running::with_application(&["--as", "jane"], &application::command());
    let browser = running.browser();
    assert_eq!(running.get(&browser, "/").await.0, 200);
    running.signal("USR1");
    let said = running.wait_until_it_logs("new signing key: ");
    let kid = said.split("signing key: ").nth(1).unwrap().split_whitespace().next().unwrap();
    let first_key = running.named("Public keys");
    let (endpoint, first_kid) = first_key.rsplit_once('/').unwrap();
    assert_ne!(kid, first_kid);
    for kid in [kid, first_kid] {
        assert_eq!(reqwest::get(format!("{endpoint}/{kid}")).await.unwrap().status(), 200, "{kid}");
    }
    assert_eq!(running.get(&browser, "/").await, (200, "user:default/jane.doe".to_owned()));
}

#[tokio::test]
async fn rules_are_those_of_the_command_line() {
    let rules = ["--as", "jane", "--rule", "/api/*=deny", "--rule", "/open=forward"];
    let running = Running::with_application(&rules, &application::command());
    let browser = running.browser();
    assert_eq!(running.get(&browser, "/api/x").await.0, 401);
    // The application itself refuses who comes without a header.
    let (status, said) = running.get(&browser, "/open").await;
    assert_eq!((status, said.contains("needs a sign-in through the load balancer")), (401, true), "{said}");
    assert_eq!(running.get(&browser, "/").await.0, 200);
}

#[tokio::test]
async fn with_tls_it_serves_https_and_keeps_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let tls = format!("--tls={}", folder.path().display());
    let certificate = || std::fs::read(folder.path().join("certificate.pem")).unwrap();
    let running = Running::with_application(&["--as", "jane", &tls], &application::command());
    assert!(running.url().starts_with("https://app.localhost:"), "{}", running.start_lines);
    assert!(running.start_lines.contains("curl -L -k -c jar"), "{}", running.start_lines);
    let first = certificate();
    drop(running);
    let _again = Running::with_application(&["--as", "jane", &tls], &application::command());
    assert_eq!(certificate(), first);
}

/// The command that the start lines give, as it stands there.
#[test]
#[ignore = "peer: curl 7.78 or later"]
fn curl_gets_in_by_the_command_of_the_start_lines() {
    for tls in [None, Some(tempfile::tempdir().unwrap())] {
        let tls_flag = tls.as_ref().map(|folder| format!("--tls={}", folder.path().display()));
        let flags: Vec<&str> = ["--as", "jane"].into_iter().chain(tls_flag.as_deref()).collect();
        let running = Running::with_application(&flags, &application::command());
        let command = running.start_lines.lines().find(|line| line.contains("curl")).expect("a command").trim();
        let folder = tempfile::tempdir().unwrap();
        for round in ["first", "with the session of the first"] {
            let output = Command::new("sh").args(["-c", command]).current_dir(&folder).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(
                said,
                "user:default/jane.doe",
                "{round}: {command}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[tokio::test]
async fn the_log_is_what_a_load_balancer_would_write() {
    let mut program = program(&FREE_PORTS);
    program.args(["--as", "jane", "--"]).args(application::command()).env(application::TOLD, "1");
    let running = Running::start(program);
    assert_eq!(running.get(&running.browser(), "/").await.0, 200);
    let said = running.wait_until_it_logs("GET / 200 authenticate,forward");
    assert!(said.contains("GET / 302 authenticate"), "{said}");
    // Not a terminal, so no colours.
    assert!(!said.contains('\u{1b}'), "{said}");
}
