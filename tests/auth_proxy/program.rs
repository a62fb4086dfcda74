//! The program, started as an operator starts it.

use std::{fs, net::SocketAddr, path::Path, process::Command, sync::Arc};

use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    process::Program,
    site::{LONG, Log, raw, serve, service, status, trust},
};

/// The program, with nothing of the tests' environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alb-auth-proxy"));
    command.env_clear();
    command
}

/// The program past its start lines.
pub fn started(command: Command) -> Program {
    Program::start(command, "Ready")
}

pub struct Files {
    folder: tempfile::TempDir,
    alb: MockAlb,
    log: Log,
}

impl Files {
    pub async fn with(lines: &str) -> Self {
        let (alb, log, folder) = (MockAlb::new(), Log::default(), tempfile::tempdir().expect("a folder"));
        let upstream = serve(service(log.clone())).await;
        let text =
            format!("{}upstream: http://{upstream}\nlisten: 127.0.0.1:0\nprofile: grafana\n{lines}", trust(&alb).await);
        fs::write(folder.path().join("proxy.yaml"), text).expect("written");
        Self { folder, alb, log }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn token(&self, user: &User) -> String {
        self.alb.sign(user)
    }

    pub fn command(&self) -> Command {
        let mut command = program();
        command.current_dir(self.path()).args(["--config", "proxy.yaml"]);
        command
    }
}

async fn get(address: SocketAddr, path: &str, lines: &str) -> String {
    raw(address, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n").as_bytes()).await
}

#[tokio::test]
async fn it_serves_by_file_variables_and_flags_and_ends_when_it_is_stopped() {
    let files = Files::with("log_format: json\n").await;
    let mut command = files.command();
    command
        .args(["--admin-listen", "127.0.0.1:0", "--exempt", "GET /healthz"])
        .env("ALB_PROXY_HEADER", "X-Team={sub};X-Who={entity}");
    let mut running = started(command);
    let (service, admin) = (running.address("Reverse proxy"), running.address("Health, metrics"));

    let jane = format!("x-amzn-oidc-data: {}\r\n", files.alb.sign(&User::jane()));
    assert_eq!(status(&get(service, "/", &jane).await), 200);
    let seen = files.log.only();
    for (name, value) in [("x-webauth-user", "jane.doe@example.com"), ("x-who", "user:default/jane.doe")] {
        assert_eq!(seen.headers[name], value);
    }
    assert_eq!(status(&get(service, "/healthz", "").await), 200);
    assert_eq!(status(&get(service, "/", "").await), 401);
    assert_eq!(status(&get(admin, "/.alb-auth-proxy/ready", "").await), 200);
    let metrics = get(admin, "/metrics", "").await;
    for line in [
        "alb_auth_proxy_responses_total{mode=\"reverse_proxy\",class=\"4xx\"} 1",
        "alb_auth_decisions_total{outcome=\"user\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(status(&get(service, "/metrics", "").await), 401, "metrics are on the other port alone");

    running.signal("TERM");
    assert_eq!(running.ended(), 0);
    let log = running.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(
        lines.iter().any(|line| line["message"].as_str().is_some_and(|message| message.starts_with("SIGTERM"))),
        "{log}"
    );
    assert!(!log.contains("jane") && !log.contains("eyJ"), "no claim and no token: {log}");
}

#[tokio::test]
async fn a_service_with_a_shutdown_delay_reports_not_ready_and_serves_on() {
    let files = Files::with("shutdown_delay_seconds: 3600\n").await;
    let mut running = started(files.command());
    let service = running.address("Reverse proxy");
    running.signal("TERM");
    let not_ready = async { while status(&get(service, "/.alb-auth-proxy/ready", "").await) != 503 {} };
    tokio::time::timeout(LONG, not_ready).await.expect("not ready");
    let jane = format!("x-amzn-oidc-data: {}\r\n", files.alb.sign(&User::jane()));
    assert_eq!(status(&get(service, "/", &jane).await), 200);
    running.signal("TERM");
    assert_eq!(running.ended(), 0, "a second signal ends it at once");
}

#[tokio::test]
async fn it_serves_tls_by_files_with_http_2() {
    let files = Files::with("tls_certificate: certificate.pem\ntls_key: key.pem\n").await;
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate");
    fs::write(files.path().join("certificate.pem"), certificate.pem()).expect("written");
    fs::write(files.path().join("key.pem"), "not a key").expect("written");
    let output = files.command().output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && printed.contains("tls_key key.pem") && !printed.contains("not a key"),
        "{printed}"
    );

    fs::write(files.path().join("key.pem"), key.serialize_pem()).expect("written");
    let running = started(files.command());
    let port = running.address("Reverse proxy").port();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/x")
        .header("x-amzn-oidc-data", files.alb.sign(&User::jane()))
        .body(String::new())
        .expect("a request");
    assert_eq!(sender.send_request(request).await.expect("a response").status(), 200);
    assert_eq!(files.log.only().headers["x-webauth-user"], "jane.doe@example.com");
}

#[tokio::test]
async fn check_says_what_becomes_of_every_key_and_mistakes_end_it() {
    let files = Files::with("").await;
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = program()
            .current_dir(files.path())
            .args(arguments)
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, printed, _) =
        run(&["check", "--config", "proxy.yaml", "--listen", "127.0.0.1:1"], &[("ALB_PROXY_MAX_BODY_BYTES", "10")]);
    assert_eq!(code, Some(0), "{printed}");
    for part in [
        "replaced by --listen",
        "ALB_PROXY_MAX_BODY_BYTES",
        "sets x-webauth-user",
        "grafana needs: [auth.proxy]",
        "A change of these settings needs a restart",
        "The settings are valid.",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    fs::write(files.path().join("denied.jsonl"), "{\"entries\": 0}\n").expect("written");
    let (_, printed, _) = run(&["check", "--config", "proxy.yaml", "--deny-list", "denied.jsonl"], &[]);
    let line = printed.lines().find(|line| line.starts_with("deny_list")).expect("a line");
    assert!(line.ends_with("used; the file is watched"), "{printed}");
    let (code, printed, _) = run(&["check", "--config", "proxy.yaml", "--max-body-bytes", "many"], &[]);
    assert!(code == Some(1) && printed.contains("max_body_bytes (--max-body-bytes)"), "{printed}");
    let (code, _, printed) = run(&["--config", "nowhere.yaml"], &[]);
    assert!(code == Some(1) && printed.contains("nowhere.yaml cannot be read"), "{printed}");
    let (code, _, printed) = run(&["--config", "proxy.yaml"], &[("ALB_PROXY_LISTN", "x")]);
    assert!(code == Some(2) && printed.contains("ALB_PROXY_LISTN"), "{printed}");
    let (code, _, printed) = run(&[], &[]);
    assert!(
        code == Some(1) && printed.contains("upstream is not set") && printed.contains("ALB_AUTH_SIGNERS"),
        "{printed}"
    );
    let (code, printed, _) = run(&["--version"], &[]);
    assert_eq!((code, printed.trim()), (Some(0), concat!("alb-auth-proxy ", env!("CARGO_PKG_VERSION"))));
    let (code, printed, _) = run(&["--help"], &[]);
    assert!(
        code == Some(0) && printed.contains("--upstream <URL>") && printed.contains("ALB_PROXY_UPSTREAM"),
        "{printed}"
    );
    assert_eq!(run(&["--upstrem", "x"], &[]).0, Some(2));
}

/// The five minutes on a laptop of docs/PROXY.md: the line of the page, with other ports.
#[tokio::test]
async fn a_user_signs_in_at_the_emulator_and_the_service_sees_the_user() {
    let log = Log::default();
    let upstream = serve(service(log.clone())).await;
    let folder = tempfile::tempdir().expect("a folder");
    let page = include_str!("../../docs/PROXY.md");
    let (_, section) = page.split_once("## Five minutes on a laptop\n").expect("the section");
    let (_, block) = section.split_once("```sh\n").expect("a block");
    let (line, rest) = block.split_once('\n').expect("a line");
    assert!(rest.starts_with("```"), "a block of one line");
    let (emulator, proxy) = line.split_once(" -- ").expect("the proxy behind the emulator");
    assert_eq!((emulator, proxy.split(' ').next()), ("alb-emulator --demo", Some("alb-auth-proxy")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_alb-emulator"));
    command.env_clear().current_dir(folder.path()).args(emulator.split(' ').skip(1));
    command.args(["--as", "jane", "--listen", "0", "--provider-listen", "0", "--keys-listen", "0", "--"]);
    command.arg(env!("CARGO_BIN_EXE_alb-auth-proxy"));
    command.args(proxy.split(' ').skip(1).map(|word| word.replace("127.0.0.1:3000", &upstream.to_string())));
    let mut child = started(command);
    let address =
        child.start_lines.split_whitespace().find(|word| word.starts_with("http://") && word.contains("localhost"));
    let url = address.unwrap_or_else(|| panic!("{}", child.start_lines)).trim_end_matches(['.', ',', '/']).to_owned();
    let here = ([127, 0, 0, 1], 0).into();
    let builder =
        || reqwest::Client::builder().no_proxy().resolve("app.localhost", here).resolve("idp.localhost", here);
    let browser = builder().cookie_store(true).build().expect("a client");
    let response = browser.get(format!("{url}/page")).header("x-webauth-user", "admin").send().await;
    let response = response.unwrap_or_else(|error| panic!("{error:?}\n{}\n{}", child.start_lines, child.log()));
    assert_eq!(response.status(), 200, "{}", child.log());
    let seen = log.take();
    let user = seen.last().expect("a request").headers["x-webauth-user"].to_str().expect("ASCII").to_owned();
    assert!(section.contains(&format!("`X-WEBAUTH-USER: {user}`")), "the page says who it is: {user}");
    let stranger = builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    assert_eq!(stranger.get(format!("{url}/page")).send().await.expect("a response").status(), 302);
    child.signal("INT");
    assert_eq!(child.ended(), 0);
}

/// `--deny-list "$UNSET"` and `ALB_PROXY_DENY_LIST=` would shut out no user, without notice.
#[tokio::test]
async fn s_117_a_flag_or_variable_that_is_set_to_nothing_is_refused() {
    let files = Files::with("").await;
    let checked = |change: &dyn Fn(&mut Command)| {
        let mut command = files.command();
        change(&mut command);
        let output = command.arg("check").output().expect("started");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    for flag in ["--deny-list", "--strip-header", "--upstream", "--listen"] {
        let (code, error) = checked(&|command| _ = command.args([flag, ""]));
        assert!(
            code == Some(2) && error.contains(flag) && error.contains("set to nothing"),
            "{flag}: {code:?} {error}"
        );
    }
    for variable in ["ALB_PROXY_DENY_LIST", "ALB_PROXY_STRIP_HEADER", "ALB_PROXY_END_STREAMS_WITH_TOKEN"] {
        let (code, error) = checked(&|command| _ = command.env(variable, ""));
        let named = error.contains(variable) && error.contains("set to nothing");
        assert!(code == Some(2) && named, "{variable}: {code:?} {error}");
    }
    let (code, error) = checked(&|command| _ = command.env("ALB_PROXY_PROFILE", "").env("ALB_PROXY_LISTEN", ""));
    assert_eq!(code, Some(0), "others count as unset: {error}");
}
