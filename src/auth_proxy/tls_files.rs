//! The certificate and the key of the listeners, from files that are read again when they change.

use std::{fs, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::settings::TlsFiles;
use crate::{
    AuditTrail, ConfigError,
    internal::{
        private_file::warn_if_open,
        server_tls,
        telemetry::{
            OncePerMinute,
            audit::{Details, What},
        },
    },
};

/// A change is in force after two polls that read the same: certificate and key are replaced one after the other.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What TLS handshakes are made with. Connections that are open keep what they began with.
#[derive(Clone)]
pub(super) struct Acceptors {
    current: Arc<ArcSwap<TlsAcceptor>>,
    files: Arc<TlsFiles>,
    /// What `current` was made of.
    read: Arc<Contents>,
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

/// A task that reads the files. It ends with the value.
pub(super) struct Watching(JoinHandle<()>);

impl Acceptors {
    /// # Errors
    /// A file cannot be read, or certificate and key cannot be used together.
    pub(super) fn open(files: TlsFiles) -> Result<Self, ConfigError> {
        warn_if_open(&files.key);
        let read = Contents::read(&files)?;
        let acceptor = read.acceptor(&files)?;
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(acceptor)), files: Arc::new(files), read: Arc::new(read) })
    }

    /// For a handshake that begins now.
    pub(super) fn current(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.current.load())
    }

    /// Reads the files again when they change.
    pub(super) fn watch(&self, audit: Option<AuditTrail>) -> Watching {
        let (current, files, read) = (Arc::clone(&self.current), Arc::clone(&self.files), Arc::clone(&self.read));
        Watching(tokio::spawn(watch(current, files, read, audit)))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, ConfigError> {
        Ok(Self { certificates: read(&files.certificate, "tls_certificate")?, key: read(&files.key, "tls_key")? })
    }

    fn acceptor(&self, files: &TlsFiles) -> Result<TlsAcceptor, ConfigError> {
        server_tls::acceptor(&self.certificates, &self.key).map_err(|error| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            ConfigError::message(format!("tls_certificate {certificate} and tls_key {key} cannot be used: {error}"))
        })
    }
}

async fn watch(
    current: Arc<ArcSwap<TlsAcceptor>>,
    files: Arc<TlsFiles>,
    at_start: Arc<Contents>,
    audit: Option<AuditTrail>,
) {
    let warned = OncePerMinute::default();
    let (mut settled, mut last) = (Some(at_start.clone()), Some(at_start));
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let of_task = Arc::clone(&files);
        let Ok(read) = tokio::task::spawn_blocking(move || Contents::read(&of_task)).await else { continue };
        let acceptor = match read {
            Ok(read) => {
                let read = Some(Arc::new(read));
                let stands = read == last;
                last = read;
                let Some(changed) = last.as_ref().filter(|_| stands && last != settled) else { continue };
                changed.acceptor(&files)
            }
            Err(error) => Err(error),
        };
        match acceptor {
            Ok(acceptor) => {
                current.store(Arc::new(acceptor));
                settled.clone_from(&last);
                if let Some(trail) = &audit {
                    let entity = Some("tls_certificate and tls_key".to_owned());
                    trail.record(What::Reloaded, None, || Details { entity, ..Details::default() });
                }
                tracing::info!(target: "tower_alb_auth", "tls_certificate and tls_key have changed: new connections use them");
            }
            Err(error) if warned.is_due() => {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the certificate that is in use stays in use, because the files have changed and cannot be used: {error}"
                );
            }
            Err(_) => {}
        }
    }
}

/// # Errors
/// The file cannot be read.
pub(super) fn read(path: &Path, setting: &str) -> Result<Vec<u8>, ConfigError> {
    fs::read(path)
        .map_err(|error| ConfigError::message(format!("{setting} {} cannot be read: {error}", path.display())))
}
