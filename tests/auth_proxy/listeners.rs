//! What listens: how many connections, and by which certificate.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{Files, started},
    site::{LONG, raw, status},
};

/// One connection is idle and one is in the middle of a head; both take a place.
#[tokio::test]
async fn f_54_connections_beyond_the_limit_wait_until_one_is_closed() {
    let files = Files::with("max_connections: 2\nadmin_listen: 127.0.0.1:0\n").await;
    let running = started(files.command());
    let (service, admin) = (running.address("Reverse proxy"), running.address("Health, metrics"));
    let idle = TcpStream::connect(service).await.expect("a connection");
    let mut slow = TcpStream::connect(service).await.expect("a connection");
    slow.write_all(b"GET / HTTP/1.1\r\n").await.expect("written");
    let is_full = async {
        while !running.log().contains("2 connections are open, which is max_connections") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, is_full).await.expect("a warning");
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut third = TcpStream::connect(service).await.expect("the system accepts it");
    third.write_all(request).await.expect("written");
    assert_eq!(
        status(&raw(admin, b"GET /.alb-auth-proxy/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await),
        200
    );
    let mut response = Vec::new();
    let waits = tokio::time::timeout(std::time::Duration::from_millis(300), third.read_to_end(&mut response)).await;
    assert!(waits.is_err() && response.is_empty(), "it has no place: {}", String::from_utf8_lossy(&response));
    drop(idle);
    tokio::time::timeout(LONG, third.read_to_end(&mut response)).await.expect("a place").expect("a response");
    assert_eq!(status(&String::from_utf8_lossy(&response)), 401);
    drop(slow);
}

/// Accepts any certificate, and so shows which one it is.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS connection to this port.
async fn connect(port: u16) -> tokio_rustls::client::TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}

/// The certificate that it presents.
fn presented(stream: &tokio_rustls::client::TlsStream<TcpStream>) -> Vec<u8> {
    let certificates = stream.get_ref().1.peer_certificates().expect("certificates");
    certificates.first().expect("one").to_vec()
}

/// A certificate and its key: DER, PEM, PEM.
fn certificate() -> (Vec<u8>, String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.der().to_vec(), certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn f_53_a_new_certificate_is_used_without_a_restart_and_a_wrong_one_never() {
    let audit = crate::audited::AuditFile::new();
    let lines = format!("tls_certificate: certificate.pem\ntls_key: key.pem\naudit_file: {}\n", audit.path().display());
    let files = Files::with(&lines).await;
    let write = |name: &str, text: &str| fs::write(Path::join(files.path(), name), text).expect("written");
    let ((first, first_pem, first_key), (second, second_pem, second_key)) = (certificate(), certificate());
    write("certificate.pem", &first_pem);
    write("key.pem", &first_key);
    let running = started(files.command());
    let port = running.address("Reverse proxy").port();
    let mut held = connect(port).await;
    assert_eq!(presented(&held), first);

    // Replaced one after the other: the new certificate does not fit the key.
    write("certificate.pem", &second_pem);
    let warned = async {
        while !running.log().contains("the certificate that is in use stays in use") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, warned).await.expect("a warning");
    assert_eq!(presented(&connect(port).await), first);
    write("key.pem", &second_key);
    let in_use = async {
        while presented(&connect(port).await) != second {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, in_use).await.expect("the new certificate");
    assert_eq!(audit.first("reloaded")["entity"]["name"], "tls_certificate and tls_key");

    held.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("written");
    let mut response = Vec::new();
    held.read_to_end(&mut response).await.expect("a response");
    assert_eq!(status(&String::from_utf8_lossy(&response)), 401, "an open connection goes on");
    assert!(!running.log().contains("PRIVATE KEY"), "{}", running.log());
}
