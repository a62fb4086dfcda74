//! A certificate for this machine, generated once and kept.

use std::{fs, io::Write, path::Path};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use tokio_rustls::TlsAcceptor;

use crate::internal::{private_file::warn_if_open, server_tls::acceptor};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// A certificate and its key, as PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Certificate and key, as they are stored in a folder.
pub(in crate::emulator) struct TlsFiles(Pair);

impl TlsFiles {
    /// For browsers, which need to trust `certificate.pem`.
    ///
    /// # Errors
    /// The message says what to change.
    pub(in crate::emulator) fn for_browsers(folder: &Path, host: &str) -> Result<Self, String> {
        Self::in_folder(folder, || {
            self_signed(host).map_err(|error| format!("a certificate cannot be generated: {error}"))
        })
    }

    /// Whether one of the files is in the folder.
    pub(super) fn exist_in(folder: &Path) -> bool {
        [CERTIFICATE, KEY].iter().any(|name| there(&folder.join(name)))
    }

    /// Reads the files of the folder; generates them if there are none. An existing file is never overwritten: if only one of the
    /// two exists, it may belong to another program.
    pub(super) fn in_folder(folder: &Path, generate: impl FnOnce() -> Result<Pair, String>) -> Result<Self, String> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let wrong = |path: &Path, error: std::io::Error| format!("the TLS file {}: {error}", path.display());
        match (there(&certificate), there(&key)) {
            (false, false) => {
                let made = generate()?;
                fs::create_dir_all(folder).map_err(|error| wrong(folder, error))?;
                write_new(&key, &made.key, Mode::Private).map_err(|error| wrong(&key, error))?;
                write_new(&certificate, &made.certificate, Mode::Public).map_err(|error| wrong(&certificate, error))?;
                return Ok(Self(made));
            }
            (true, true) => warn_if_open(&key),
            (has_certificate, _) => {
                let (found, missing) = if has_certificate { (&certificate, &key) } else { (&key, &certificate) };
                return Err(format!(
                    "the TLS file {} exists, but {} does not; existing files are not overwritten: add the missing file, \
                     move the other one away to get new ones, or name another folder",
                    found.display(),
                    missing.display()
                ));
            }
        }
        Ok(Self(Pair {
            certificate: fs::read_to_string(&certificate).map_err(|error| wrong(&certificate, error))?,
            key: fs::read_to_string(&key).map_err(|error| wrong(&key, error))?,
        }))
    }

    pub(super) fn certificate(&self) -> &[u8] {
        self.0.certificate.as_bytes()
    }

    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with an explicit crypto provider.
    pub(in crate::emulator) fn acceptor(&self) -> Result<TlsAcceptor, String> {
        acceptor(self.certificate(), self.0.key.as_bytes())
            .map_err(|error| format!("the TLS files cannot be used: {error}; delete them to get new ones"))
    }
}

fn self_signed(host: &str) -> Result<Pair, rcgen::Error> {
    let names = ["localhost", "*.localhost", host, "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "alb-emulator (development)");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Whether the path exists, also as a dangling link.
fn there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Who may read a file.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// Its owner only.
    Private = 0o600,
    Public = 0o644,
}

/// Creates a new file. Fails if the path exists, even as a dangling link.
pub(super) fn write_new(path: &Path, text: &str, mode: Mode) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode as u32);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}
