//! TLS of the clients in here: which roots are trusted, and what went wrong in words.
//!
//! The provider is named, so the process-global one is neither used nor set: what else is in the program can neither break
//! this crate nor be broken by it.

use std::{error::Error, fmt, io, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Which certificate authorities are believed.
#[derive(Clone, Default)]
pub(crate) enum Roots {
    /// Those of Mozilla's programme, compiled in.
    #[default]
    Compiled,
    /// Those of the operating system.
    System,
    /// These PEM blocks.
    Pem(String),
}

impl Roots {
    /// The settings of a client that believes them.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, String> {
        self.fingerprinted_client_config().map(|(config, _)| config)
    }

    /// The same, and a text that two sets of roots share only if they are equal, in whatever order they were loaded.
    pub(crate) fn fingerprinted_client_config(&self) -> Result<(ClientConfig, String), String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let roots = self.load()?;
        let fingerprint = fingerprint(&roots);
        Ok((builder.with_root_certificates(roots).with_no_client_auth(), fingerprint))
    }

    /// Which ones, unless they are the usual ones.
    pub(crate) fn describe(&self) -> Option<String> {
        match self {
            Self::Compiled => None,
            Self::System => Some("the operating system's roots".to_owned()),
            Self::Pem(pem) => {
                let count = CertificateDer::pem_slice_iter(pem.as_bytes()).count();
                Some(format!("roots given as PEM ({count})"))
            }
        }
    }

    fn load(&self) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Compiled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::System => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Self::Pem(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|_| "pem_roots has a PEM block that is broken".to_owned())?;
                    store
                        .add(certificate)
                        .map_err(|error| format!("pem_roots has a certificate that cannot be a root: {error}"))?;
                }
            }
        }
        if store.is_empty() {
            return Err(match self {
                Self::System => "the operating system has no root certificates: install ca-certificates, compare SSL_CERT_FILE, or leave system_roots() out",
                _ => "pem_roots has no PEM block CERTIFICATE",
            }
            .to_owned());
        }
        Ok(store)
    }
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
        // With its length, so that no two lists read alike.
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
            Self::Pem(_) => "pem",
        })
    }
}

/// Whether somewhere in the error's causes TLS said no. That does not pass by asking again.
pub(crate) fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).iter().any(|cause| cause.is::<rustls::Error>())
}

pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for cause in causes(error) {
        let sentence = cause.to_string();
        if !sentences.iter().any(|said| said.contains(&sentence)) {
            sentences.push(sentence);
        }
    }
    sentences.join(": ")
}

/// The error and what caused it, also through `io::Error`, which does not count what it wraps as its source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut all, mut next) = (Vec::new(), Some(error));
    while let Some(cause) = next {
        all.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
        next = wrapped.or_else(|| cause.source());
    }
    all
}
