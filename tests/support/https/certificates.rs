//! Certificates for test servers: one authority, and leaves that are right or wrong in one way each.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority that only those clients trust which are configured to.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as a server shows it.
pub(crate) struct Leaf {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Self::named(&format!("Test authority {}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// With a new key under this name, which others may have too.
    pub(crate) fn named(name: &str) -> Self {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key pair");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("an authority") }
    }

    /// Its certificate, for `pem_roots`.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A good leaf for these names or addresses.
    pub(crate) fn leaf(&self, names: &[&str]) -> Leaf {
        self.sign(params(names))
    }

    /// A leaf for `localhost` that was good from January 2020 to January 2021.
    pub(crate) fn expired_leaf(&self) -> Leaf {
        self.leaf_of_years(2020, 2021)
    }

    /// A leaf for `localhost` that will be good from January 2090 on.
    pub(crate) fn future_leaf(&self) -> Leaf {
        self.leaf_of_years(2090, 2091)
    }

    fn leaf_of_years(&self, from: i32, until: i32) -> Leaf {
        let mut params = params(&["localhost"]);
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Leaf {
        let key = KeyPair::generate().expect("a key pair");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Leaf::new(certificate.der().clone(), &key)
    }
}

impl Leaf {
    /// Signed by itself, for `localhost`.
    pub(crate) fn self_signed() -> Self {
        let key = KeyPair::generate().expect("a key pair");
        let certificate = params(&["localhost"]).self_signed(&key).expect("a certificate");
        Self::new(certificate.der().clone(), &key)
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self { chain: vec![certificate], key: PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS #8 key") }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}
