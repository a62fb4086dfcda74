//! `backstage-auth` and `alb-auth-proxy` as processes, with settings that trust a mock load balancer.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use rustls::pki_types::{CertificateDer, ServerName};
use tower_alb_auth::test_util::MockAlb;

/// A program that listens. It ends with the value.
pub struct Program {
    child: Child,
    start_lines: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Waits until a line of its standard output begins with this text.
    pub fn start(mut command: Command, last_line: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (stderr, to) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                to.lock().unwrap().push(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut start_lines = String::new();
        while !start_lines.lines().any(|line| line.trim_start().starts_with(last_line)) {
            if stdout.read_line(&mut start_lines).expect("UTF-8") == 0 {
                let _ = (child.wait(), reader.join());
                panic!("it ended: {start_lines}\n{}", log.lock().unwrap().join("\n"));
            }
        }
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self { child, start_lines, log }
    }

    pub fn backstage_auth(command: Command) -> Self {
        Self::start(command, "Listens at")
    }

    pub fn auth_proxy(command: Command) -> Self {
        Self::start(command, "Ready")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address in the start line with this label.
    pub fn address(&self, label: &str) -> SocketAddr {
        let line = self.start_lines.lines().find_map(|line| line.trim_start().strip_prefix(label));
        let line = line.unwrap_or_else(|| panic!("{label}: {}", self.start_lines)).trim();
        let address = line.trim_start_matches("http://").split(['/', ',', ' ']).next().expect("a word");
        address.parse().unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The lines of its standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// As the system does it: without a last word.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With nothing of the tests' environment.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// The lines of `auth.providers.awsalb` of app-config.yaml, with the indentation of that place.
pub fn trust_of_backstage(alb: &MockAlb, key_endpoint: &str) -> String {
    format!(
        "      issuer: {}\n      signer: {}\n      clientIds: [{}]\n      keyEndpoint: {key_endpoint}\n",
        alb.issuer(),
        alb.signer(),
        alb.client_id(),
    )
}

/// The lines of a settings file of `alb-auth-proxy`.
pub fn trust_of_proxy(alb: &MockAlb, key_endpoint: &str) -> String {
    format!(
        "trust:\n  - signers: ['{}']\n    issuer: {}\n    client_ids: [{}]\n    key_endpoint: {key_endpoint}\n\
         sign_in: {{ email_local_part: {{ domains: [example.com] }} }}\naccept_missing_email_verified: true\n",
        alb.signer(),
        alb.issuer(),
        alb.client_id(),
    )
}

/// Writes a file of a folder, and returns its path as text.
pub fn write(folder: &tempfile::TempDir, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

/// An HTTP/2 connection over TLS that trusts these certificates for `localhost`.
pub async fn tls(
    address: SocketAddr,
    certificates: &[CertificateDer<'static>],
) -> Result<hyper::client::conn::http2::SendRequest<String>, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost")?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// What [`trust_of_proxy`] says, as variables.
pub fn trust_as_variables(alb: &MockAlb, key_endpoint: &str) -> [(&'static str, String); 7] {
    [
        ("ALB_AUTH_SIGNERS", alb.signer().to_owned()),
        ("ALB_AUTH_ISSUER", alb.issuer().to_owned()),
        ("ALB_AUTH_CLIENT_IDS", alb.client_id().to_owned()),
        ("ALB_AUTH_KEY_ENDPOINT", key_endpoint.to_owned()),
        ("ALB_AUTH_SIGN_IN", "email_local_part".to_owned()),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com".to_owned()),
        ("ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED", "true".to_owned()),
    ]
}
