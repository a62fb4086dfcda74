//! F-72: files that are watched, and replaced by ones that cannot be used.

use std::fs;

use crate::{
    program::{Files, Running},
    site::LONG,
};

fn key_and_certificate() -> (rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = parameters.self_signed(&key).expect("a certificate").pem();
    (key, certificate)
}

/// What collects or searches a log has one line for one event.
#[tokio::test]
async fn f_72_what_is_wrong_with_new_files_is_in_one_line_of_the_log() {
    let files = Files::with("tls_certificate: certificate.pem\ntls_key: key.pem\n").await;
    let (key, certificate) = key_and_certificate();
    fs::write(files.path().join("certificate.pem"), certificate).expect("written");
    fs::write(files.path().join("key.pem"), key.serialize_pem()).expect("written");
    let running = Running::start(files.command(), "Ready");
    fs::write(files.path().join("key.pem"), "not a key").expect("written");

    let logged = async {
        while !running.log().contains("stays in use") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, logged).await.unwrap_or_else(|_| panic!("{}", running.log()));
    let log = running.log();
    let has_time = |line: &str| line.split_once('T').is_some_and(|(date, _)| date.split('-').count() == 3);
    for line in log.lines() {
        assert!(has_time(line), "{line:?} continues another line: {log}");
    }
    let line = log.lines().find(|line| line.contains("stays in use")).expect("it is there");
    assert!(line.contains("tls_key key.pem") && !line.contains("not a key"), "{line}");
}
