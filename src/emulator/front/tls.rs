//! A certificate for this machine, generated once and kept.

use std::{fs, io::Write, path::Path};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use tokio_rustls::TlsAcceptor;

use crate::internal::{private_file::warn_if_open, server_tls::acceptor};

/// Certificate and key, as they are stored in a folder.
pub(in crate::emulator) struct TlsFiles {
    certificate: String,
    key: String,
}

impl TlsFiles {
    /// Reads the files of the folder; generates them if there are none. Browsers need
    /// to trust `certificate.pem`. An existing file is never overwritten: if only one of the two
    /// exists, it may belong to another program.
    ///
    /// # Errors
    /// The message says what to change.
    pub(in crate::emulator) fn in_folder(folder: &Path, host: &str) -> Result<Self, String> {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let wrong = |path: &Path, error: std::io::Error| format!("the TLS file {}: {error}", path.display());
        let there = |path: &Path| fs::symlink_metadata(path).is_ok();
        match (there(&certificate), there(&key)) {
            (false, false) => {
                let made = Self::generate(host)?;
                fs::create_dir_all(folder).map_err(|error| wrong(folder, error))?;
                write_new(&key, &made.key, PRIVATE).map_err(|error| wrong(&key, error))?;
                write_new(&certificate, &made.certificate, PUBLIC).map_err(|error| wrong(&certificate, error))?;
                return Ok(made);
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
        Ok(Self {
            certificate: fs::read_to_string(&certificate).map_err(|error| wrong(&certificate, error))?,
            key: fs::read_to_string(&key).map_err(|error| wrong(&key, error))?,
        })
    }

    fn generate(host: &str) -> Result<Self, String> {
        let failed = |error: rcgen::Error| format!("a certificate cannot be generated: {error}");
        let names = ["localhost", "*.localhost", host, "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "alb-emulator (development)");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with an explicit crypto provider.
    pub(in crate::emulator) fn acceptor(&self) -> Result<TlsAcceptor, String> {
        acceptor(self.certificate.as_bytes(), self.key.as_bytes())
            .map_err(|error| format!("the TLS files cannot be used: {error}; delete them to get new ones"))
    }
}

/// Readable by its owner only.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Creates a new file. Fails if the path exists, even as a dangling link.
fn write_new(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}
