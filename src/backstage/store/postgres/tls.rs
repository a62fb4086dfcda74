//! How the connection to the database is protected.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::internal::tls::Roots;

/// How the connection to PostgreSQL is protected, and whose certificates are believed: Backstage's
/// `backend.database.connection.ssl`.
///
/// | `ssl` in app-config.yaml | here |
/// |---|---|
/// | `false`, or not there | [`off`](Self::off) |
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
    /// No TLS. Who stands between reads and writes along. Right on one machine, and where the network itself keeps others
    /// out.
    pub fn off() -> Self {
        Self(Mode::Off)
    }

    /// TLS with a certificate for the host's name, by Mozilla's roots, which are compiled in.
    pub fn verified() -> Self {
        Self(Mode::Verified(Roots::Compiled))
    }

    /// TLS with a certificate for the host's name, by the roots of the operating system.
    pub fn system_roots() -> Self {
        Self(Mode::Verified(Roots::System))
    }

    /// TLS with a certificate for the host's name, by these roots: one or more PEM blocks `CERTIFICATE`. Amazon RDS needs the
    /// bundle that AWS publishes.
    pub fn pem_roots(pem: impl Into<String>) -> Self {
        Self(Mode::Verified(Roots::Pem(pem.into())))
    }

    /// TLS with whatever certificate comes: Backstage's `rejectUnauthorized: false`.
    ///
    /// Who stands between can be the database: publish keys of its own, and sign in as anybody. Right for a test against a
    /// database with a certificate of its own making; give its certificate to [`pem_roots`](Self::pem_roots) instead.
    pub fn dangerously_accept_any_certificate() -> Self {
        Self(Mode::AnyCertificate)
    }

    pub(super) fn is_on(&self) -> bool {
        !matches!(self.0, Mode::Off)
    }

    /// Says once, at the start, what was given up.
    pub(super) fn log_danger(&self, host: &str) {
        if matches!(self.0, Mode::AnyCertificate) {
            tracing::warn!(
                host,
                "PostgreSQL's certificate is not checked (dangerously_accept_any_certificate, rejectUnauthorized: false): who stands between can sign in as anybody"
            );
        }
    }

    /// # Errors
    /// A sentence that says what to change.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let config = match &self.0 {
            // Never asked: the driver's mode says that there is no TLS.
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

/// Believes every certificate, but not that somebody holds its key: the handshake's signature is checked.
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
