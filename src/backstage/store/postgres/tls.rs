//! Encryption of the connection to the database.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{backstage::settings::DatabaseTls, internal::tls::Roots};

impl DatabaseTls {
    /// No TLS. An attacker on the network path can read and change everything. Appropriate on one
    /// machine, and on a network that is itself protected.
    pub fn off() -> Self {
        Self::Off
    }

    /// TLS with a certificate for the host name, verified by Mozilla's roots, which are compiled
    /// in.
    pub fn verified() -> Self {
        Self::Verified { roots: None }
    }

    /// TLS with a certificate for the host name, verified by the roots of the operating system.
    pub fn system_roots() -> Self {
        Self::SystemRoots
    }

    /// TLS with a certificate for the host name, verified by these roots: one or more PEM blocks
    /// `CERTIFICATE`. Amazon RDS needs the bundle that AWS publishes.
    pub fn pem_roots(pem: impl Into<String>) -> Self {
        Self::Verified { roots: Some(pem.into()) }
    }

    /// TLS with any certificate: Backstage's `rejectUnauthorized: false`.
    ///
    /// An attacker on the network path can impersonate the database, publish keys, and sign in as
    /// any user. Appropriate only for a test; prefer to trust the database's self-signed
    /// certificate by [`pem_roots`](Self::pem_roots).
    pub fn dangerously_accept_any_certificate() -> Self {
        Self::Unverified
    }

    pub(super) fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    /// Logs a waived verification once, at the start.
    pub(super) fn log_danger(&self, host: &str) {
        if matches!(self, Self::Unverified) {
            tracing::warn!(
                host,
                "PostgreSQL's certificate is not verified (dangerously_accept_any_certificate, rejectUnauthorized: false): an attacker on the network path can sign in as any user"
            );
        }
    }

    /// # Errors
    /// The message says what to change.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let config = match self {
            // Without TLS it is not used: the driver's mode disables TLS.
            Self::Off | Self::Verified { roots: None } => Roots::Compiled.client_config()?,
            Self::Verified { roots: Some(pem) } => Roots::Pem(pem.clone()).client_config()?,
            Self::SystemRoots => Roots::System.client_config()?,
            Self::Unverified => any_certificate()?,
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

impl Default for DatabaseTls {
    fn default() -> Self {
        Self::verified()
    }
}

fn any_certificate() -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = AnyCertificate(Arc::clone(&provider));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Accepts every certificate, but still verifies the handshake's signature, so the server must hold
/// the certificate's key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
