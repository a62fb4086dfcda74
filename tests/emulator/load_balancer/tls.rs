//! https on a laptop, with a certificate that is made once.

use std::fs;

use tower_alb_auth::emulator::{Emulator, EmulatorConfig};

use crate::{load_balancer::site::Site, support::traced::Traced};

type Client = hyper_util::client::legacy::Client<
    hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>,
    String,
>;

/// A client that trusts this certificate and no other.
fn trusting(certificate: &[u8]) -> Client {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    for der in rustls::pki_types::pem::PemObject::pem_slice_iter(certificate) {
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
    hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build(connector.wrap_connector(tcp))
}

#[tokio::test]
async fn a_certificate_is_made_once_and_cookies_are_secure() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::with(|config| config.tls(folder.path())).await;
    assert!(site.emulator.url().starts_with("https://app.localhost:"));
    let certificate = fs::read(folder.path().join("certificate.pem")).expect("a certificate");
    let client = trusting(&certificate);
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

/// A page of another site asks: its answer can only set cookies that say so, those that expire old pieces included, or a piece
/// of the longer session that was there before stays and spoils the new one.
#[tokio::test]
async fn all_cookies_of_a_cors_request_are_for_other_sites_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (site, _provider) = Site::scripted_with(|config| config.tls(folder.path())).await;
    let certificate = fs::read(folder.path().join("certificate.pem")).expect("a certificate");
    let client = trusting(&certificate);
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let url = format!("https://localhost:{}{path}", site.emulator.address().port());
        let request =
            headers.iter().fold(http::Request::get(url), |request, (name, value)| request.header(*name, *value));
        client.request(request.body(String::new()).expect("a request")).await.expect("an answer")
    };
    for origin in [false, true] {
        let sent_off = ask("/", &[]).await;
        let text = |name: &str| sent_off.headers()[name].to_str().expect("ASCII").to_owned();
        let (location, nonce) = (text("location"), text("set-cookie"));
        let path =
            format!("/oauth2/idpresponse?code=c&state={}", crate::load_balancer::site::query(&location, "state"));
        let cookie = ("cookie", nonce.split(';').next().expect("a cookie"));
        let headers = [cookie, ("origin", "https://other.example")];
        let back = ask(&path, if origin { &headers } else { &headers[..1] }).await;
        assert_eq!(back.status().as_u16(), 302);
        let session = back.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("ASCII"));
        let session: Vec<&str> = session.filter(|cookie| cookie.starts_with("AWSELBAuthSessionCookie-")).collect();
        assert_eq!(session.len(), 4);
        for cookie in session {
            assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
            assert_eq!(cookie.contains("; SameSite=None"), origin, "{cookie}");
        }
    }
}

/// One of the two files alone may be another program's, so neither is written to.
#[tokio::test]
async fn s_63_no_private_key_is_written_into_a_file_that_is_there() {
    let config = |folder: &std::path::Path| EmulatorConfig::on_free_ports().target("http://127.0.0.1:1").tls(folder);
    for (there, missing) in [("key.pem", "certificate.pem"), ("certificate.pem", "key.pem")] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(there), "mine").expect("written");
        let refused = Emulator::start(config(folder.path())).await.expect_err("half of a pair");
        assert_eq!(refused.problems()[0].key(), Some("tls"), "the program adds the flag of this key");
        let refused = refused.to_string();
        for part in [there, missing, "existing files are not overwritten", "name another folder"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert_eq!(fs::read_to_string(folder.path().join(there)).expect("a file"), "mine");
        assert!(!folder.path().join(missing).exists());
    }
    // A link that leads nowhere would put the key where it points to.
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = folder.path().join("elsewhere.pem");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("key.pem")).expect("a link");
        let refused = Emulator::start(config(folder.path())).await.expect_err("a link").to_string();
        assert!(refused.contains("existing files are not overwritten") && !elsewhere.exists(), "{refused}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn s_63_a_tls_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let (traced, _guard) = Traced::begin();
    let folder = tempfile::tempdir().expect("a folder");
    let warnings = || {
        let lines = traced.lines(tracing::Level::WARN);
        lines.into_iter().filter(|line| line.contains("is open to every user")).collect::<Vec<_>>()
    };
    drop(Site::with(|config| config.tls(folder.path())).await);
    drop(Site::with(|config| config.tls(folder.path())).await);
    assert_eq!(warnings(), Vec::<String>::new(), "as it was made");
    let key = folder.path().join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    drop(Site::with(|config| config.tls(folder.path())).await);
    let warnings = warnings();
    assert!(matches!(&warnings[..], [line] if line.contains("key.pem") && line.contains("mode 0644")), "{warnings:?}");
}
