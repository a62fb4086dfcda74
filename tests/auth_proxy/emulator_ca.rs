//! `alb-emulator` and `alb-auth-proxy` as two programs that fetch keys over https: by the CA of the emulator alone.

use std::{fs, path::Path, process::Command};

use crate::{
    process::Program,
    site::{Log, serve, service},
};

/// The emulator with the demo provider, which signs jane in. Its keys are for `localhost`.
fn emulator(keys_tls: &Path, target: &str) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alb-emulator"));
    command.env_clear().env("PATH", std::env::var_os("PATH").expect("a path"));
    command.args(["--demo", "--as", "jane", "--listen", "0", "--keys-listen", "0.0.0.0:0", "--provider-listen", "0"]);
    command.args(["--target", target, "--keys-host", "localhost", "--keys-tls"]).arg(keys_tls);
    Program::start_until(command, |lines| lines.contains("kill -USR1") && lines.ends_with("\n\n"), |_| {})
}

/// The variables that the emulator prints for the application.
fn printed(emulator: &Program) -> Vec<(String, String)> {
    let lines = emulator.start_lines.lines().filter_map(|line| line.trim().split_once('='));
    lines
        .filter(|(name, _)| name.starts_with("ALB_AUTH_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The proxy with these variables, in front of the service.
fn proxy(variables: &[(String, String)], upstream: &str, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alb-auth-proxy"));
    command.env_clear().envs(variables.iter().cloned());
    command.env("ALB_PROXY_UPSTREAM", upstream).env("ALB_PROXY_LISTEN", format!("127.0.0.1:{port}"));
    command.env("ALB_PROXY_HEADER", "X-Forwarded-User={email}");
    command
}

/// The status and the text that a browser gets, which follows redirects.
async fn visit(emulator: &Program) -> (u16, String) {
    let here = ([127, 0, 0, 1], 0).into();
    let browser = reqwest::Client::builder().cookie_store(true).no_proxy();
    let browser = browser.resolve("app.localhost", here).resolve("idp.localhost", here).build().expect("a browser");
    let page = browser.get(emulator.named("Open")).send().await.expect("a response");
    (page.status().as_u16(), page.text().await.expect("a text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn s_170_a_proxy_fetches_keys_of_the_emulator_over_https_by_its_ca_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = crate::port::free_port();
    let emulator = emulator(&folder.path().join("tls"), &format!("http://127.0.0.1:{port}"));
    let log = Log::default();
    let upstream = format!("http://{}", serve(service(log.clone())).await);
    let variables = printed(&emulator);
    let value = |name: &str| variables.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    assert!(value("ALB_AUTH_KEY_ENDPOINT").is_some_and(|url| url.starts_with("https://localhost:")), "{variables:?}");
    assert!(value("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM").is_none(), "{variables:?}");
    {
        let _proxy = Program::start(proxy(&variables, &upstream, port), "Ready");
        assert_eq!(visit(&emulator).await, (200, "from the service".to_owned()));
        assert_eq!(log.only().headers["x-forwarded-user"], "jane.doe@example.com");
    }
    let with = |name: &str, value: Option<String>| {
        let mut changed: Vec<_> = variables.iter().filter(|(found, _)| found != name).cloned().collect();
        changed.extend(value.map(|value| (name.to_owned(), value)));
        changed
    };
    // The CA of another emulator, a name that the certificate has not, and no CA.
    let other = folder.path().join("other");
    drop(self::emulator(&other, "http://127.0.0.1:9"));
    let ca = |folder: &Path| Some(folder.join("ca.pem").display().to_string());
    let address = value("ALB_AUTH_KEY_ENDPOINT").expect("an address").replacen("localhost", "127.0.0.2", 1);
    for (case, changed, why) in [
        ("another CA", with("ALB_AUTH_EMULATOR_CA_FILE", ca(&other)), "invalid peer certificate"),
        ("no CA", with("ALB_AUTH_EMULATOR_CA_FILE", None), "UnknownIssuer"),
        ("another name", with("ALB_AUTH_KEY_ENDPOINT", Some(address)), "not valid for name"),
    ] {
        let proxy = Program::start(proxy(&changed, &upstream, port), "Ready");
        assert_eq!(visit(&emulator).await.0, 503, "{case}");
        proxy.wait_until_it_logs(why);
        assert!(log.take().is_empty(), "{case}");
    }
    // A load balancer of a real account: the proxy does not start.
    let signer = value("ALB_AUTH_SIGNERS").expect("a signer").replace(":000000000000:", ":123456789012:");
    let output = proxy(&with("ALB_AUTH_SIGNERS", Some(signer)), &upstream, port).output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("(account 000000000000) alone"), "{text}");
    // Nor with a file that is not there yet.
    fs::remove_file(folder.path().join("tls/ca.pem")).expect("a file");
    let output = proxy(&variables, &upstream, port).output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("ALB_AUTH_EMULATOR_CA_FILE"), "{text}");
}
