//! TLS of a server: certificate and key as PEM.

use std::sync::Arc;

use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer, pem::PemObject,
    },
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::private_key::{IS_ENCRYPTED, PemFault, pem_block};

/// Makes a key of the bytes of a block with the label.
type Parse = fn(&[u8]) -> PrivateKeyDer<'_>;

/// The forms of a private key (RFC 5958, RFC 5915, RFC 8017).
const FORMS: [(&str, Parse); 3] = [
    ("PRIVATE KEY", |der| PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der))),
    ("EC PRIVATE KEY", |der| PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der))),
    ("RSA PRIVATE KEY", |der| PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der))),
];

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with an explicit crypto provider.
///
/// The key is decoded into memory that is wiped. rustls' own reader of PEM, and a configuration that takes the key over, leave copies.
///
/// # Errors
/// What is wrong with the certificates or the key. The message contains neither.
pub(crate) fn acceptor(certificates: &[u8], key: &[u8]) -> Result<TlsAcceptor, String> {
    let chain = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let (der, parse) = key_block(key)?;
    let key = any_supported_type(&parse(&der)).map_err(|error| error.to_string())?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(error) => return Err(error.to_string()),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn key_block(pem: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Parse), String> {
    for (label, parse) in FORMS {
        if let Some(der) = pem_block(pem, label) {
            return der.map(|der| (der, parse)).map_err(|fault| match fault {
                PemFault::Encrypted => format!("the private key {IS_ENCRYPTED}"),
                PemFault::NotBase64 => format!("the block {label} of the key is not base64"),
            });
        }
    }
    Err(match pem_block(pem, "ENCRYPTED PRIVATE KEY") {
        Some(_) => format!("the private key {IS_ENCRYPTED}"),
        None => "the key has no PEM block PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};

    use super::*;

    fn pair(algorithm: &'static SignatureAlgorithm) -> (String, KeyPair) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).and_then(|params| params.self_signed(&key));
        (certificate.unwrap().pem(), key)
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// As `openssl ec -aes128` and `openssl rsa -traditional -aes128` write it (RFC 1421 section 4.6.1.1).
    fn encrypted(label: &str) -> String {
        let begin = format!("-----BEGIN {label}-----\n");
        let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
        pem(label, &[7; 48]).replace(&begin, &format!("{begin}{headers}"))
    }

    fn problem(certificates: &str, key: &str) -> String {
        acceptor(certificates.as_bytes(), key.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn each_form_of_a_private_key_is_read() {
        let (certificate, key) = pair(&PKCS_ECDSA_P256_SHA256);
        let der = key.serialized_der();
        assert_eq!(problem(&certificate, &key.serialize_pem()), "");
        // The content of PKCS #8 is the older form of the key.
        assert_eq!(problem(&certificate, &pem("EC PRIVATE KEY", &der[29..])), "");
        let (certificate, key) = pair(&PKCS_RSA_SHA256);
        assert_eq!(problem(&certificate, &key.serialize_pem()), "");
        assert_eq!(problem(&certificate, &pem("RSA PRIVATE KEY", &key.serialized_der()[26..])), "");
    }

    #[test]
    fn a_key_that_does_not_fit_or_cannot_be_read_is_refused() {
        let (certificate, key) = pair(&PKCS_ECDSA_P256_SHA256);
        let (other, _) = pair(&PKCS_ECDSA_P256_SHA256);
        let key = key.serialize_pem();
        assert!(problem(&other, &key).contains("KeyMismatch"), "{}", problem(&other, &key));
        assert!(!problem("", &key).is_empty(), "no certificate");
        for (key, part) in [
            (key.replace("MI", "?I"), "the block PRIVATE KEY of the key is not base64"),
            (key.replace("PRIVATE", "ENCRYPTED PRIVATE"), "decrypt it with openssl pkey"),
            (encrypted("EC PRIVATE KEY"), "decrypt it with openssl pkey"),
            (encrypted("RSA PRIVATE KEY"), "decrypt it with openssl pkey"),
            (certificate.clone(), "no PEM block PRIVATE KEY"),
            (pem("PRIVATE KEY", b"canary"), "failed to parse private key"),
        ] {
            let problem = problem(&certificate, &key);
            assert!(problem.contains(part) && !problem.contains("canary"), "{problem}");
        }
    }
}
