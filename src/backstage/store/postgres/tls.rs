//! Encryption of the connection to the database.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::internal::tls::Roots;

/// How the connection to PostgreSQL is encrypted, and which certificates are trusted: Backstage's
/// `backend.database.connection.ssl`.
///
/// | `ssl` in app-config.yaml | here |
/// |---|---|
/// | `false`, or not set | [`off`](Self::off) |
/// | `true` | [`verified`](Self::verified), or [`system_roots`](Self::system_roots) |
/// | `ca: ...` | [`pem_roots`](Self::pem_roots) |
/// | `rejectUnauthorized: false` | [`dangerously_accept_any_certificate`](Self::dangerously_accept_any_certificate) |
///
/// The default is [`verified`](Self::verified).
#[derive(Debug, Clone)]
pub struct PostgresTls(Mode);

#[derive(Clone)]
enum Mode {
    Off,
    Verified(Roots),
    AnyCertificate,
}

impl PostgresTls {
    /// No TLS. An attacker on the network path can read and change everything. Appropriate on one
    /// machine, and on a network that is itself protected.
    pub fn off() -> Self {
        Self(Mode::Off)
    }

    /// TLS with a certificate for the host name, verified by Mozilla's roots, which are compiled
    /// in.
    pub fn verified() -> Self {
        Self(Mode::Verified(Roots::Compiled))
    }

    /// TLS with a certificate for the host name, verified by the roots of the operating system.
    pub fn system_roots() -> Self {
        Self(Mode::Verified(Roots::System))
    }

    /// TLS with a certificate for the host name, verified by these roots: one or more PEM blocks
    /// `CERTIFICATE`. Amazon RDS needs the bundle that AWS publishes.
    pub fn pem_roots(pem: impl Into<String>) -> Self {
        Self(Mode::Verified(Roots::Pem(pem.into())))
    }

    /// TLS with any certificate: Backstage's `rejectUnauthorized: false`.
    ///
    /// An attacker on the network path can impersonate the database, publish keys, and sign in as
    /// any user. Appropriate only for a test; prefer to trust the database's self-signed
    /// certificate by [`pem_roots`](Self::pem_roots).
    pub fn dangerously_accept_any_certificate() -> Self {
        Self(Mode::AnyCertificate)
    }

    pub(super) fn is_on(&self) -> bool {
        !matches!(self.0, Mode::Off)
    }

    /// Logs a waived verification once, at the start.
    pub(super) fn log_danger(&self, host: &str) {
        if matches!(self.0, Mode::AnyCertificate) {
            tracing::warn!(
                host,
                "PostgreSQL's certificate is not verified (dangerously_accept_any_certificate, rejectUnauthorized: false): an attacker on the network path can sign in as any user"
            );
        }
    }

    /// # Errors
    /// The message says what to change.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let config = match &self.0 {
            // Not used: the driver's mode disables TLS.
            Mode::Off => Roots::Compiled.client_config()?,
            Mode::Verified(roots) => roots.client_config()?,
            Mode::AnyCertificate => any_certificate()?,
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

impl Default for PostgresTls {
    fn default() -> Self {
        Self::verified()
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Verified(roots) => write!(f, "verified, {roots:?} roots"),
            Self::AnyCertificate => f.write_str("any certificate"),
        }
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
