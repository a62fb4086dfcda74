//! TLS of the key endpoint: a CA whose certificate is for the applications, and a certificate by it.

use std::{fs, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use super::tls::{Mode, Pair, TlsFiles, write_new};

/// The certificate of the CA, in the folder. Applications of other containers get this file, or the folder without
/// [`PRIVATE_FOLDER`].
pub(in crate::emulator) const CA_FILE: &str = "ca.pem";
/// Certificate and key of the key endpoint.
const PRIVATE_FOLDER: &str = "private";

/// The TLS of a key endpoint under this host, and under those of this machine. The files are generated if there are none, and kept.
///
/// The private key of the CA is dropped at once, so the CA never signs another certificate.
///
/// # Errors
/// The message names what to change.
pub(in crate::emulator) fn keys_tls(folder: &Path, host: &str) -> Result<TlsAcceptor, String> {
    let (ca_file, private) = (folder.join(CA_FILE), folder.join(PRIVATE_FOLDER));
    let wrong = |error: std::io::Error| format!("the file of the CA {}: {error}", ca_file.display());
    let (has_ca, has_pair) = (fs::symlink_metadata(&ca_file).is_ok(), TlsFiles::exist_in(&private));
    if has_ca != has_pair {
        let (found, missing) = if has_ca { (&ca_file, &private) } else { (&private, &ca_file) };
        return Err(format!(
            "the TLS files of the key endpoint are incomplete: {} exists, but {} does not; existing files are not overwritten: \
             remove both to get new ones, or name another folder",
            found.display(),
            missing.display()
        ));
    }
    let mut ca = None;
    let files = TlsFiles::in_folder(&private, || {
        let (pem, pair) = generate(host).map_err(|error| format!("a certificate cannot be generated: {error}"))?;
        ca = Some(pem);
        Ok(pair)
    })?;
    if let Some(pem) = ca {
        // Last, because applications wait for it.
        write_new(&ca_file, &pem, Mode::Public).map_err(wrong)?;
    }
    let ca = fs::read(&ca_file).map_err(wrong)?;
    check(&ca, files.certificate(), host).map_err(|problem| {
        format!(
            "the certificate in {} is not one of {} for {host}: {problem}; remove both to get new ones, and give the new {CA_FILE} to \
             the applications",
            private.display(),
            ca_file.display()
        )
    })?;
    files.acceptor()
}

/// The certificate of a CA, and a pair that it signed.
fn generate(host: &str) -> Result<(String, Pair), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.distinguished_name.push(DnType::CommonName, "alb-emulator CA of the key endpoint (development)");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "alb-emulator key endpoint (development)");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &ca)?;
    Ok((ca.pem(), Pair { certificate: certificate.pem(), key: key.serialize_pem() }))
}

/// Whether an application that trusts the CA accepts the certificate for the host, now.
fn check(ca: &[u8], certificate: &[u8], host: &str) -> Result<(), String> {
    let parse = |pem| CertificateDer::from_pem_slice(pem).map_err(|_| "there is no PEM block CERTIFICATE".to_owned());
    let mut roots = RootCertStore::empty();
    roots.add(parse(ca)?).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let verified = rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &*verifier,
        &parse(certificate)?,
        &[],
        &name,
        &[],
        UnixTime::now(),
    );
    verified.map(drop).map_err(|error| error.to_string())
}
