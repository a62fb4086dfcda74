//! The key endpoint over https, with a CA that is made once.

use std::{fs, net::Ipv4Addr, path::Path};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder,
    config::AppConfig,
    emulator::{ApplicationSettings, Emulator, EmulatorConfig},
    sign_in::ClaimsOnly,
};

use crate::load_balancer::site::Site;

async fn start(folder: &Path, host: &str) -> Result<Emulator, String> {
    let config = EmulatorConfig::on_free_ports().keys_tls(folder).keys_host(host);
    let config = config.keys_listen((Ipv4Addr::UNSPECIFIED, 0).into());
    Emulator::start(config).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_user_is_signed_in_by_keys_over_https() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::with(|config| config.keys_tls(folder.path())).await;
    assert!(site.emulator.key_endpoint().starts_with("https://127.0.0.1:"), "{}", site.emulator.key_endpoint());
    let browser = site.browser();
    let page = browser.sign_in("/page", "jane").await;
    assert!(page.user().is_some_and(|user| user.contains("jane")), "{page:?}");
    // It is no longer plain http, and the request line is no TLS handshake.
    let plain = site.emulator.key_endpoint().replacen("https", "http", 1);
    assert!(reqwest::Client::builder().no_proxy().build().unwrap().get(plain).send().await.is_err());
}

#[tokio::test]
async fn s_171_the_ca_is_made_once_and_its_private_key_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(start(folder.path(), "emulator").await.expect("it starts"));
    let ca = fs::read_to_string(folder.path().join("ca.pem")).expect("the CA");
    assert_eq!((ca.matches("BEGIN CERTIFICATE").count(), ca.matches("PRIVATE KEY").count()), (1, 0));
    let private = folder.path().join("private");
    let mut files: Vec<_> = fs::read_dir(&private).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["certificate.pem", "key.pem"]);
    // The only private key is that of the certificate.
    let (certificate, key) = (fs::read(private.join("certificate.pem")), fs::read_to_string(private.join("key.pem")));
    let (certificate, key) = (certificate.unwrap(), rcgen::KeyPair::from_pem(&key.unwrap()).unwrap());
    let der = |pem: &[u8]| rustls::pki_types::pem::PemObject::from_pem_slice(pem).unwrap();
    let holds_key = |der: rustls::pki_types::CertificateDer<'_>| {
        let public = key.public_key_raw();
        der.windows(public.len()).any(|window| window == public)
    };
    assert!(holds_key(der(&certificate)) && !holds_key(der(ca.as_bytes())));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&private.join("key.pem")), mode(&folder.path().join("ca.pem"))), (0o600, 0o644));
    }
    // The next start keeps it.
    drop(start(folder.path(), "emulator").await.expect("it starts again"));
    assert_eq!(fs::read_to_string(folder.path().join("ca.pem")).unwrap(), ca);
}

#[tokio::test]
async fn s_171_files_that_do_not_fit_are_refused_and_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(start(folder.path(), "emulator").await.expect("it starts"));
    let ca_file = folder.path().join("ca.pem");
    let ca = fs::read(&ca_file).unwrap();

    let found = start(folder.path(), "other").await.expect_err("another host");
    assert!(found.contains("for other") && found.contains("remove both"), "{found}");

    let another = tempfile::tempdir().expect("a folder");
    drop(start(another.path(), "emulator").await.expect("it starts"));
    fs::copy(another.path().join("ca.pem"), &ca_file).unwrap();
    let found = start(folder.path(), "emulator").await.expect_err("the CA of another folder");
    assert!(found.contains("remove both"), "{found}");

    fs::remove_file(&ca_file).unwrap();
    let found = start(folder.path(), "emulator").await.expect_err("no CA");
    assert!(found.contains("ca.pem does not"), "{found}");
    assert!(!ca_file.exists());

    fs::write(&ca_file, &ca).unwrap();
    fs::remove_file(folder.path().join("private/key.pem")).unwrap();
    let found = start(folder.path(), "emulator").await.expect_err("no key");
    assert!(found.contains("key.pem does not"), "{found}");
    fs::remove_dir_all(folder.path().join("private")).unwrap();
    let found = start(folder.path(), "emulator").await.expect_err("no pair");
    assert!(found.contains("private does not"), "{found}");
    assert_eq!(fs::read(&ca_file).unwrap(), ca);
}

/// Without a name, a certificate is for this machine alone.
#[tokio::test]
async fn s_147_keys_over_https_leave_this_machine_for_a_named_host_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = EmulatorConfig::on_free_ports().keys_tls(folder.path());
    let found = Emulator::start(config.keys_listen((Ipv4Addr::UNSPECIFIED, 0).into())).await;
    let found = found.map_or_else(|error| error.to_string(), |_| "none".to_owned());
    assert!(found.contains("their certificate is for one name"), "{found}");
    let found = start(folder.path(), "emulator.example.com").await.expect_err("a public name");
    assert!(found.contains("is not the host of a private network"), "{found}");
    assert!(!folder.path().join("ca.pem").exists(), "nothing is made before the settings are checked");
}

/// What the emulator prints is what an application needs, in each of its forms.
#[tokio::test]
async fn f_85_the_printed_settings_name_the_ca() {
    let folder = tempfile::tempdir().expect("a folder");
    let emulator = start(folder.path(), "emulator").await.expect("it starts");
    let ca_file = folder.path().join("ca.pem");
    let claims_only = |builder: AlbAuthConfigBuilder| builder.sign_in(ClaimsOnly).build().expect("it builds").summary();
    let by_code = claims_only(AlbAuthConfig::builder().trust(emulator.trusted()));
    assert!(by_code.contains(&format!("by the CA in {}", ca_file.display())), "{by_code}");
    let by_env = claims_only(AlbAuthConfig::trust_from_vars(emulator.env()).expect("known variables"));
    assert_eq!(by_code, by_env);
    let settings = ApplicationSettings::of(&emulator, &["example.com".to_owned()]);
    let line = format!("ALB_AUTH_EMULATOR_CA_FILE={}\n", ca_file.display());
    assert!(settings.to_env_file().contains(&line), "{}", settings.to_env_file());
    assert!(settings.to_rust().contains(&format!(".emulator_ca_file({:?})", ca_file.display().to_string())));
    let read = AppConfig::from_text("app-config.yaml", &settings.to_app_config(), |_| None).expect("YAML");
    let by_file = read.alb_auth().expect("settings").build().expect("it builds").summary();
    assert_eq!(by_code.split("; sign-in").next(), by_file.split("; sign-in").next());
    assert!(!settings.to_app_config().contains("dangerouslyFetch"));
}
