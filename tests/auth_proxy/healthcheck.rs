//! The subcommand `healthcheck`, which an image without a shell runs.

use std::{fs, process::Output};

use crate::{
    port::free_port,
    program::{Files, started},
};

/// With these arguments, beside the file of settings.
fn check(files: &Files, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = files.command().arg("healthcheck").args(arguments).output().expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

// The programs are waited for in a blocking way.
#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_tells_a_proxy_that_runs_from_everything_else() {
    let files = Files::with("").await;
    // As in a container: any address of it, which the health check reaches by loopback.
    let listen = format!("0.0.0.0:{}", free_port());
    let arguments = ["--listen", listen.as_str()];
    let (code, printed) = check(&files, &arguments);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(&listen.replace("0.0.0.0", "127.0.0.1")) && printed.contains("--address"), "{printed}");

    let mut command = files.command();
    command.args(arguments);
    let running = started(command);
    assert_eq!(check(&files, &arguments), (Some(0), String::new()));
    let address = listen.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(check(&files, &["--address", &address]), (Some(0), String::new()));
    drop(running);

    let other = axum::Router::new().fallback(|| async { http::StatusCode::NOT_FOUND });
    let other = crate::site::serve(other).await.to_string();
    let (code, printed) = check(&files, &["--address", &other]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("/.alb-auth-proxy/live"), "{printed}");
}

#[tokio::test]
async fn with_tls_the_health_check_is_at_the_address_for_operators() {
    let files = Files::with("tls_certificate: certificate.pem\ntls_key: key.pem\n").await;
    let key = rcgen::KeyPair::generate().expect("a key");
    let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    fs::write(files.path().join("certificate.pem"), certificate.pem()).expect("written");
    fs::write(files.path().join("key.pem"), key.serialize_pem()).expect("written");
    let (code, printed) = check(&files, &[]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("admin_listen"), "{printed}");

    let admin = format!("127.0.0.1:{}", free_port());
    let arguments = ["--admin-listen", admin.as_str()];
    let mut command = files.command();
    command.args(arguments);
    let _running = started(command);
    assert_eq!(check(&files, &arguments), (Some(0), String::new()));
}
