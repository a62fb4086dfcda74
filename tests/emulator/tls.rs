//! https on a laptop, with a certificate that is made once.

use std::fs;

use crate::site::Site;

#[tokio::test]
async fn a_certificate_is_made_once_and_cookies_are_secure() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::with(|config| config.tls(folder.path())).await;
    assert!(site.emulator.url().starts_with("https://app.localhost:"));
    let certificate = fs::read(folder.path().join("certificate.pem")).expect("a certificate");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for der in rustls::pki_types::pem::PemObject::pem_slice_iter(&certificate) {
        roots.add(der.expect("a certificate")).expect("a root");
    }
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector =
        hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().enable_http2();
    let mut tcp = hyper_util::client::legacy::connect::HttpConnector::new();
    tcp.enforce_http(false);
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build::<_, String>(connector.wrap_connector(tcp));
    let request = http::Request::get(format!("https://localhost:{}/", site.emulator.address().port()));
    let answer = client.request(request.body(String::new()).expect("a request")).await.expect("trusted");
    assert_eq!((answer.status().as_u16(), answer.version()), (302, http::Version::HTTP_2));
    let nonce = answer.headers()["set-cookie"].to_str().expect("ASCII");
    assert!(nonce.contains("; Secure"), "{nonce}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("key.pem")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The next start keeps it.
    drop(site);
    let _again = Site::with(|config| config.tls(folder.path())).await;
    assert_eq!(fs::read(folder.path().join("certificate.pem")).expect("a certificate"), certificate);
}
