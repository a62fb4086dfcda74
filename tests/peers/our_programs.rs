//! `backstage-auth` and `alb-auth-proxy` as processes, with settings that trust a mock load balancer.

use std::{fs, net::SocketAddr, process::Command, sync::Arc};

use rustls::pki_types::{CertificateDer, ServerName};
use tower_alb_auth::test_util::MockAlb;

use crate::support::process::Program;

pub fn backstage_auth(command: Command) -> Program {
    Program::start(command, "Listens at")
}

pub fn auth_proxy(command: Command) -> Program {
    Program::start(command, "Ready")
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
