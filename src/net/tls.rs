//! TLS settings of HTTP clients: trusted roots, and error messages.
//!
//! The crypto provider is set explicitly. The process-wide default is neither used nor changed, so
//! this crate and other crates in the program cannot affect each other.

use std::{error::Error, fmt, io, path::PathBuf, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The trusted certificate authorities.
#[derive(Clone, Default)]
pub(crate) enum Roots {
    /// Mozilla's root certificates, which are compiled in.
    #[default]
    Compiled,
    /// The root certificates of the operating system.
    System,
    /// Root certificates as PEM blocks.
    Pem(String),
    /// The same, of a file with this path.
    PemFile(String, PathBuf),
}

impl Roots {
    /// The TLS settings of a client that trusts these roots.
    ///
    /// # Errors
    /// A message with the setting to change.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, String> {
        self.fingerprinted_client_config().map(|(config, _)| config)
    }

    /// As [`client_config`](Self::client_config), with a fingerprint of the roots. Two sets of roots
    /// have the same fingerprint only if they are equal, in any order.
    pub(crate) fn fingerprinted_client_config(&self) -> Result<(ClientConfig, String), String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let roots = self.load()?;
        let fingerprint = fingerprint(&roots);
        Ok((builder.with_root_certificates(roots).with_no_client_auth(), fingerprint))
    }

    /// A description, unless these are the default roots.
    pub(crate) fn describe(&self) -> Option<String> {
        match self {
            Self::Compiled => None,
            Self::System => Some("the operating system's roots".to_owned()),
            Self::Pem(pem) => {
                let count = CertificateDer::pem_slice_iter(pem.as_bytes()).count();
                Some(format!("roots given as PEM ({count})"))
            }
            Self::PemFile(_, path) => Some(format!("the roots of {}", path.display())),
        }
    }

    fn load(&self) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Compiled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::System => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Self::Pem(pem) | Self::PemFile(pem, _) => {
                return read_pem(pem).map_err(|predicate| format!("{} {predicate}", self.name()));
            }
        }
        if store.is_empty() {
            return Err("the operating system has no root certificates: install ca-certificates, check SSL_CERT_FILE, or remove system_roots()".to_owned());
        }
        Ok(store)
    }

    /// What messages call it.
    fn name(&self) -> String {
        match self {
            Self::PemFile(_, path) => path.display().to_string(),
            Self::Compiled | Self::System | Self::Pem(_) => "pem_roots".to_owned(),
        }
    }
}

/// The root certificates of PEM blocks.
///
/// # Errors
/// What is wrong with the text, as a predicate.
pub(crate) fn read_pem(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| "has an invalid PEM block".to_owned())?;
        store.add(certificate).map_err(|error| format!("has a certificate that cannot be a root: {error}"))?;
    }
    if store.is_empty() { Err("has no PEM block CERTIFICATE".to_owned()) } else { Ok(store) }
}

fn fingerprint(roots: &RootCertStore) -> String {
    let mut anchors: Vec<[&[u8]; 3]> = roots
        .roots
        .iter()
        .map(|anchor| {
            let constraints = anchor.name_constraints.as_ref().map_or(&[][..], |constraints| constraints);
            [&*anchor.subject, &*anchor.subject_public_key_info, constraints]
        })
        .collect();
    anchors.sort_unstable();
    anchors.dedup();
    let mut context = Context::new(&SHA256);
    for part in anchors.iter().flatten() {
        // Preceded by its length, so that two different lists never have the same bytes.
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compiled => "compiled",
            Self::System => "system",
            Self::Pem(_) | Self::PemFile(..) => "pem",
        })
    }
}

/// Whether a cause of the error is a TLS error, which a retry cannot resolve.
pub(crate) fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).iter().any(|cause| cause.is::<rustls::Error>())
}

/// The messages of an error and its causes, without those that another message contains.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut messages: Vec<String> = Vec::new();
    for cause in causes(error) {
        let message = cause.to_string();
        if !messages.iter().any(|other| other.contains(&message)) {
            messages.push(message);
        }
    }
    messages.join(": ")
}

/// The error and its causes, including errors that an `io::Error` wraps, which its `source` omits.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut all, mut next) = (Vec::new(), Some(error));
    while let Some(cause) = next {
        all.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
        next = wrapped.or_else(|| cause.source());
    }
    all
}
