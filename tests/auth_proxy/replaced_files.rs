//! F-72, F-73: files that are watched, and replaced by ones that cannot be used or that change all the time.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    audited::AuditFile,
    program::{Files, started},
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
    let running = started(files.command());
    fs::write(files.path().join("key.pem"), "not a key").expect("written");

    running.wait_until_it_logs("stays in use");
    let log = running.log();
    let has_time = |line: &str| line.split_once('T').is_some_and(|(date, _)| date.split('-').count() == 3);
    for line in log.lines() {
        assert!(has_time(line), "{line:?} continues another line: {log}");
    }
    let line = log.lines().find(|line| line.contains("stays in use")).expect("it is there");
    assert!(line.contains("tls_key key.pem") && !line.contains("not a key"), "{line}");
}

#[tokio::test]
async fn f_73_a_certificate_that_is_different_at_each_read_is_reported() {
    let files = Files::with("tls_certificate: certificate.pem\ntls_key: key.pem\n").await;
    let (key, certificate) = key_and_certificate();
    let (file, next) = (files.path().join("certificate.pem"), files.path().join("next"));
    fs::write(&file, &certificate).expect("written");
    fs::write(files.path().join("key.pem"), key.serialize_pem()).expect("written");
    let running = started(files.command());
    let ended = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            for number in 1.. {
                // Whole each time, and never the same twice.
                fs::write(&next, format!("{certificate}{}", "\n".repeat(number))).expect("written");
                fs::rename(&next, &file).expect("renamed");
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
    running.wait_until_it_logs("were different at each of the last");
    assert!(!running.log().contains("new connections use them"), "{}", running.log());

    ended.store(true, Ordering::SeqCst);
    writer.join().expect("the writer");
    running.wait_until_it_logs("tls_certificate and tls_key have changed: new connections use them");
}

/// One event for each failure, however long the files stay so.
#[tokio::test]
async fn f_87_a_certificate_that_cannot_be_used_is_recorded_once() {
    let audited = AuditFile::new();
    let lines =
        format!("tls_certificate: certificate.pem\ntls_key: key.pem\naudit_file: {}\n", audited.path().display());
    let files = Files::with(&lines).await;
    let (key, certificate) = key_and_certificate();
    fs::write(files.path().join("certificate.pem"), certificate).expect("written");
    fs::write(files.path().join("key.pem"), key.serialize_pem()).expect("written");
    let _running = started(files.command());
    let of_kind = |kind: &str| audited.first_where("reload_failed", |event| event["status_detail"] == kind);
    let next = files.path().join("next");
    fs::rename(files.path().join("key.pem"), &next).expect("renamed");
    let failed = of_kind("unreadable");
    assert_eq!(failed["entity"]["name"], "tls_certificate and tls_key");
    let (other, _) = key_and_certificate();
    fs::write(&next, other.serialize_pem()).expect("written");
    fs::rename(&next, files.path().join("key.pem")).expect("renamed");
    of_kind("invalid");
    fs::write(&next, key.serialize_pem()).expect("written");
    fs::rename(&next, files.path().join("key.pem")).expect("renamed");
    let (new_key, new_certificate) = key_and_certificate();
    fs::write(files.path().join("certificate.pem"), new_certificate).expect("written");
    fs::write(&next, new_key.serialize_pem()).expect("written");
    fs::rename(&next, files.path().join("key.pem")).expect("renamed");
    audited.first_where("reloaded", |event| event["entity"]["name"] == "tls_certificate and tls_key");
    let kinds: Vec<_> = audited.of("reload_failed").iter().map(|event| event["status_detail"].clone()).collect();
    assert_eq!(kinds, ["unreadable", "invalid"]);
}
