//! A folder of public keys that gains one.

use std::{fs, time::Duration};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuthErrorKind, ConfigError,
    keys::FixedKeys,
    layer::Watch,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::support::App;

#[tokio::test]
async fn a_token_of_a_key_that_was_added_is_accepted() {
    let mut alb = MockAlb::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let add =
        |alb: &MockAlb| fs::write(path.join(format!("{}.pem", alb.kid())), alb.public_key_pem()).expect("written");
    add(&alb);
    fs::write(path.join("README"), "not a key").expect("written");
    let load = {
        let (trusted, path) = (alb.trusted(), path.clone());
        move || -> Result<AlbAuthConfig, ConfigError> {
            let keys = FixedKeys::from_directory(&path).map_err(ConfigError::message)?;
            let policy = EmailLocalPart::in_domains(["example.com"]);
            AlbAuthConfig::builder().trust(trusted.clone()).sign_in(policy).fixed_keys(keys).build()
        }
    };
    let watch = Watch::files([&path]).every(Duration::from_millis(50));
    let layer = AlbAuthLayer::new(load().expect("sound settings"));
    let _watching = layer.handle().watch(watch, load);
    let app = App::new(layer);
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");

    alb.rotate();
    app.call(alb.request("/").user(&User::jane())).await.assert_401(AuthErrorKind::UnknownKey);
    add(&alb);
    let waiting = async {
        while app.call(alb.request("/").user(&User::jane())).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the key is in use");
}

#[test]
fn a_folder_without_keys_or_with_a_wrong_one_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = || {
        let error = FixedKeys::from_directory(folder.path()).expect_err("a mistake").to_string();
        error.replace(&folder.path().display().to_string(), "keys")
    };
    assert_eq!(said(), "keys: there is no file <kid>.pem");
    fs::write(folder.path().join("key.pem"), MockAlb::new().public_key_pem()).expect("written");
    assert_eq!(said(), "keys/key.pem: \"key\" is not a kid: expected a UUID in lower case");
    fs::remove_file(folder.path().join("key.pem")).expect("removed");
    fs::write(folder.path().join("c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90.pem"), "no key").expect("written");
    assert!(said().starts_with("keys/c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90.pem: the key of kid"), "{}", said());
    let missing = FixedKeys::from_directory(folder.path().join("gone")).expect_err("a mistake").to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn a_folder_or_a_file_that_is_too_large_is_refused_and_not_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let alb = MockAlb::new();
    let key = folder.path().join(format!("{}.pem", alb.kid()));
    fs::write(&key, alb.public_key_pem()).expect("written");
    // Files of other kinds do not count, wherever they stand in the folder.
    for number in 0..1_100 {
        fs::write(folder.path().join(format!("{number}.txt")), "").expect("written");
    }
    FixedKeys::from_directory(folder.path()).expect("one key");

    fs::write(&key, format!("{}{}", alb.public_key_pem(), "\n".repeat(64 * 1024))).expect("written");
    let error = FixedKeys::from_directory(folder.path()).expect_err("too long").to_string();
    assert!(error.contains("it has more than 65536 bytes"), "{error}");

    for number in 0..1_000 {
        fs::write(folder.path().join(format!("{number}.pem")), "").expect("written");
    }
    let error = FixedKeys::from_directory(folder.path()).expect_err("too many").to_string();
    assert!(error.contains("more than 1000 files *.pem"), "{error}");
}
