//! The certificate and the key of the listeners, from files that are read again when they change.

use std::{fs, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::settings::TlsFiles;
use crate::{
    AuditTrail, ConfigError,
    config::ProblemKind,
    internal::{
        Unsettled,
        private_file::warn_if_open,
        private_key, server_tls,
        telemetry::{
            OncePerMinute,
            audit::{Details, ReloadFailure, What},
        },
    },
};

/// A change is in force after two polls that read the same: certificate and key are replaced one after the other.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The files, in events.
const FILES: &str = "tls_certificate and tls_key";

/// What TLS handshakes are made with. Connections that are open keep what they began with.
#[derive(Clone)]
pub(super) struct Acceptors {
    current: Arc<ArcSwap<TlsAcceptor>>,
    files: Arc<TlsFiles>,
    /// The fingerprints of what `current` was made of.
    read: Fingerprints,
}

/// The key is wiped when this is dropped, which is as soon as an acceptor is made of it.
struct Contents {
    certificates: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// SHA-256 of certificates and key. Enough to notice a change without keeping the key.
type Fingerprints = [[u8; 32]; 2];

/// A task that reads the files. It ends with the value.
pub(super) struct Watching(JoinHandle<()>);

impl Acceptors {
    /// # Errors
    /// A file cannot be read, or certificate and key cannot be used together.
    pub(super) fn open(files: TlsFiles) -> Result<Self, ConfigError> {
        warn_if_open(&files.key);
        let read = Contents::read(&files)?;
        let acceptor = read.acceptor(&files)?;
        Ok(Self {
            current: Arc::new(ArcSwap::from_pointee(acceptor)),
            files: Arc::new(files),
            read: read.fingerprints(),
        })
    }

    /// For a handshake that begins now.
    pub(super) fn current(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.current.load())
    }

    /// Reads the files again when they change.
    pub(super) fn watch(&self, audit: Option<AuditTrail>) -> Watching {
        let (current, files) = (Arc::clone(&self.current), Arc::clone(&self.files));
        Watching(tokio::spawn(watch(current, files, self.read, audit)))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, ConfigError> {
        let certificates = read(&files.certificate, "tls_certificate")?;
        let key = private_key::read(&files.key)
            .map_err(|problem| unreadable(format!("tls_key {} {problem}", files.key.display())))?;
        Ok(Self { certificates, key })
    }

    fn fingerprints(&self) -> Fingerprints {
        [&self.certificates, &*self.key].map(|bytes| {
            let mut fingerprint = [0; 32];
            fingerprint.copy_from_slice(digest(&SHA256, bytes).as_ref());
            fingerprint
        })
    }

    fn acceptor(&self, files: &TlsFiles) -> Result<TlsAcceptor, ConfigError> {
        server_tls::acceptor(&self.certificates, &self.key).map_err(|error| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            let text = format!("tls_certificate {certificate} and tls_key {key} cannot be used: {error}");
            ConfigError::of(ProblemKind::InvalidValue, text)
        })
    }
}

async fn watch(
    current: Arc<ArcSwap<TlsAcceptor>>,
    files: Arc<TlsFiles>,
    at_start: Fingerprints,
    audit: Option<AuditTrail>,
) {
    let warned = OncePerMinute::default();
    let (mut settled, mut last) = (at_start, Some(at_start));
    let mut unsettled = Unsettled::default();
    // What is recorded already.
    let mut failed = None;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let of_task = Arc::clone(&files);
        let Ok(read) = tokio::task::spawn_blocking(move || Contents::read(&of_task)).await else { continue };
        let acceptor = match read {
            Ok(read) => {
                let found = read.fingerprints();
                let stands = last.replace(found) == Some(found);
                match unsettled.poll(stands) {
                    Some(polls) => Err((ReloadFailure::Changing, None, different_each_time(&files, polls))),
                    None if !stands => continue,
                    None if found == settled => {
                        failed = None;
                        continue;
                    }
                    None => read
                        .acceptor(&files)
                        .map(|acceptor| (acceptor, found))
                        .map_err(|error| (ReloadFailure::Invalid, Some(found), error)),
                }
            }
            Err(error) => Err((ReloadFailure::Unreadable, None, error)),
        };
        if let (Some(trail), Err((failure, found, _))) = (&audit, &acceptor)
            && failed.replace((*failure, *found)) != Some((*failure, *found))
        {
            trail.reload_failed(FILES, *failure);
        }
        match acceptor {
            Ok((acceptor, found)) => {
                current.store(Arc::new(acceptor));
                (settled, failed) = (found, None);
                if let Some(trail) = &audit {
                    let entity = Some(FILES.to_owned());
                    trail.record(What::Reloaded, None, || Details { entity, ..Details::default() });
                }
                tracing::info!(target: "tower_alb_auth", "tls_certificate and tls_key have changed: new connections use them");
            }
            Err((.., error)) if warned.is_due() => {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the certificate that is in use stays in use, because the files have changed and cannot be used: {}",
                    error.in_one_line()
                );
            }
            Err(_) => {}
        }
    }
}

fn different_each_time(files: &TlsFiles, polls: u32) -> ConfigError {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let text = format!(
        "tls_certificate {certificate} and tls_key {key} were different at each of the last {polls} reads; write them only when they \
         change"
    );
    ConfigError::of(ProblemKind::Changing, text)
}

/// # Errors
/// The file cannot be read.
pub(super) fn read(path: &Path, setting: &str) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| unreadable(format!("{setting} {} cannot be read: {error}", path.display())))
}

fn unreadable(text: String) -> ConfigError {
    ConfigError::of(ProblemKind::Unreadable, text)
}
