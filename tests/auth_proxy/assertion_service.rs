//! A service in Node that reads nothing but assertions, behind the proxy.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::{Child, Command};

use crate::{
    applications::started,
    port::free_port,
    site::{Log, Site, raw, status},
};

const ISSUER: &str = "http://127.0.0.1:1/sso";

/// A proxy with this audience, and with the keys of this folder where there is one.
async fn proxy(upstream: &str, audience: &str, keys: Option<&Path>, log: Log) -> Site {
    let keys = keys.map(|keys| format!("assertion_keys: {}\n", keys.display())).unwrap_or_default();
    let lines = format!(
        "assertion_issuer: {ISSUER}\nassertion_audience: {audience}\nassertion_listen: 127.0.0.1:0\n{keys}\
         rules: [{{ path: /public/*, access: optional }}]\n"
    );
    Site::in_front_of(upstream, &lines, log).await
}

/// tests/peers/service-jose.mjs at this port; ends with the value.
async fn service(port: u16, keys: SocketAddr) -> Child {
    let mut command = Command::new("node");
    command
        .arg("service-jose.mjs")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"))
        .env("PORT", port.to_string())
        .env("KEYS", format!("http://{keys}/.well-known/jwks.json"))
        .env("ISSUER", ISSUER)
        .env("AUDIENCE", "application");
    let (child, listens_at) = started(command).await;
    assert_eq!(listens_at, port);
    child
}

/// What a service behind this proxy gets for its user.
async fn assertion_of(site: &Site) -> String {
    let lines = format!("x-amzn-oidc-data: {}\r\n", site.token());
    assert_eq!(status(&site.get("/page", &lines).await), 200);
    site.log.only().headers["x-jwt-assertion"].to_str().expect("ASCII").to_owned()
}

/// A proxy in front of a service that keeps what it got.
async fn recorded(audience: &str, keys: Option<&Path>) -> Site {
    let log = Log::default();
    let upstream = crate::site::serve(crate::site::service(log.clone())).await;
    proxy(&format!("http://{upstream}"), audience, keys, log).await
}

#[tokio::test]
#[ignore = "peer: npm jose, installed by .ci/peers"]
async fn s_106_a_service_in_node_refuses_requests_without_a_valid_assertion() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key").serialize_pem();
    fs::write(folder.path().join("1.pem"), pem).expect("written");
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let site = proxy(&format!("http://{address}"), "application", Some(folder.path()), Log::default()).await;
    let keys = site.proxy.addresses().assertion.expect("an address");
    let _child = service(address.port(), keys).await;

    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    // With the claims that the service wants, but for the key or the audience.
    let of_other_key = assertion_of(&recorded("application", None).await).await;
    let for_other_service = assertion_of(&recorded("other", Some(folder.path())).await).await;
    let valid = assertion_of(&recorded("application", Some(folder.path())).await).await;
    let claims = valid.split('.').nth(1).expect("claims");
    // The header {"alg":"none","typ":"JWT"}.
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let forged = [&of_other_key, &for_other_service, &unsigned, "a.b.c"];

    // Through the proxy: the service decides on the open path.
    for (path, lines, expected) in [
        ("/page", jane.clone(), Some("jane.doe@example.com")),
        ("/public/x", jane.clone(), Some("jane.doe@example.com")),
        ("/public/x", String::new(), None),
        // A valid one that the client sends itself is removed too.
        ("/public/x", format!("x-jwt-assertion: {valid}\r\n"), None),
        ("/page", format!("x-jwt-assertion: a\r\nx_jwt_assertion: a\r\n{jane}"), Some("jane.doe@example.com")),
    ] {
        let response = site.get(path, &lines).await;
        match expected {
            Some(email) => assert!(response.ends_with(&format!("\r\n\r\n{email}")), "{path} {lines}: {response}"),
            None => assert!(status(&response) == 401 && response.contains("refused by the service"), "{response}"),
        }
    }
    let response = site.get("/page", "").await;
    assert!(status(&response) == 401 && !response.contains("refused by the service"), "by the proxy: {response}");

    // Past the proxy.
    let past = async |lines: &str| {
        let request = format!("GET /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n");
        raw(address, request.as_bytes()).await
    };
    let response = past(&format!("x-jwt-assertion: {valid}\r\n")).await;
    assert!(response.contains("jane.doe@example.com"), "it is the others that are invalid: {response}");
    for forged in forged {
        for name in ["x-jwt-assertion", "X-JWT-Assertion"] {
            let response = past(&format!("{name}: {forged}\r\n{jane}")).await;
            assert_eq!(status(&response), 401, "{forged}: {response}");
        }
    }
    for lines in [String::new(), jane, format!("x-jwt-assertion: {valid}\r\nx-jwt-assertion: {valid}\r\n")] {
        assert_eq!(status(&past(&lines).await), 401, "{lines}");
    }
}
