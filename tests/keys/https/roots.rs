//! Whom the client trusts.

use tower_alb_auth::{AuthErrorKind, keys::HttpsKeys, test_util::MockAlb};

use super::{
    certificates::Authority,
    child,
    server::{Server, key},
    site::{Site, config},
};

const AWS: &str = "https://public-keys.auth.elb.eu-central-1.amazonaws.com";

/// The sentences of a configuration with these keys, joined.
fn problem(keys: HttpsKeys) -> String {
    config(&MockAlb::new(), AWS, keys).build().expect_err("a mistake").to_string()
}

#[test]
fn roots_that_hold_nothing_are_found_when_the_configuration_is_built() {
    let no_certificate = "pem_roots has no PEM block CERTIFICATE";
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (case, pem, sentence) in [
        ("empty", "", no_certificate),
        ("a path", "/etc/ssl/certs/ca.pem", no_certificate),
        ("a private key", key, no_certificate),
        ("no END", "-----BEGIN CERTIFICATE-----\nAAAA\n", "pem_roots has an invalid PEM block"),
        (
            "no base64",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "pem_roots has an invalid PEM block",
        ),
        ("no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be a root"),
    ] {
        let said = problem(HttpsKeys::new().pem_roots(pem));
        assert!(said.contains(sentence), "{case}: {said}");
    }
    let good = Authority::new().pem();
    let said = problem(
        HttpsKeys::new().pem_roots(format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
    );
    assert!(said.contains("cannot be a root"), "one of two is bad: {said}");
}

#[tokio::test]
async fn several_roots_are_all_trusted() {
    let (alb, first, second) = (MockAlb::new(), Authority::new(), Authority::new());
    let bundle = format!("# first\n{}\n# second\r\n{}", first.pem(), second.pem());
    for authority in [first, second] {
        let pem = alb.public_key_pem();
        let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
        Site::new(alb.clone(), &server.url(), HttpsKeys::new().pem_roots(&bundle))
            .assert_lets_jane_in("a bundle")
            .await;
    }
}

#[tokio::test]
async fn given_roots_are_instead_of_the_compiled_ones_and_the_last_choice_counts() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
    let site = Site::new(alb.clone(), &server.url(), HttpsKeys::new());
    assert!(site.assert_keys_unavailable("compiled").await.contains("UnknownIssuer"));
    let other = HttpsKeys::new().pem_roots(authority.pem()).pem_roots(Authority::new().pem());
    let site = Site::new(alb, &server.url(), other);
    assert!(site.assert_keys_unavailable("another authority").await.contains("UnknownIssuer"));
}

#[test]
fn system_roots_are_read_when_the_configuration_is_built() {
    let roots = concat!(env!("CARGO_TARGET_TMPDIR"), "/system-roots.pem");
    let environment = [("SSL_CERT_FILE", roots), ("SSL_CERT_DIR", "")];
    child::run("https::roots::system_roots_are_read_when_the_configuration_is_built", &environment, || {
        let authority = Authority::new();
        std::fs::write(roots, authority.pem()).expect("a file");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let alb = MockAlb::new();
            let pem = alb.public_key_pem();
            let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
            let site = Site::new(alb.clone(), &server.url(), HttpsKeys::new().system_roots());
            std::fs::write(roots, "").expect("a file");
            site.assert_lets_jane_in("the system's roots").await;
            let compiled = Site::new(alb, &server.url(), HttpsKeys::new());
            compiled.assert_keys_unavailable("without system_roots() the system is not asked").await;
        });
        let said = problem(HttpsKeys::new().system_roots());
        assert!(said.contains("the operating system has no root certificates: install ca-certificates"), "{said}");
    });
}

#[tokio::test]
async fn s_81_a_key_that_came_under_roots_that_were_taken_out_is_not_used() {
    let (alb, first, second) = (MockAlb::new(), Authority::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&first.leaf(&["localhost"]), move |_| key(&pem)).await;
    let roots = |pems: &[&Authority]| {
        HttpsKeys::new().pem_roots(pems.iter().map(|authority| authority.pem()).collect::<Vec<_>>().join("\n"))
    };
    let site = Site::new(alb, &server.url(), roots(&[&first, &second]));
    site.assert_lets_jane_in("both roots").await;
    let reload = |keys| {
        let builder = config(&site.alb, &server.url(), keys).clock(site.clock.clone());
        site.handle.reload(builder.build().expect("a sound configuration"));
    };
    reload(roots(&[&second, &first]));
    site.assert_lets_jane_in("the same roots").await;
    assert_eq!(server.connections(), 1, "the same roots in another order are the same source");
    reload(roots(&[&second]));
    let refused = site.call().await.error.expect("the root is gone");
    assert_eq!(refused.kind(), AuthErrorKind::KeysUnavailable);
    assert!(refused.operator_message().contains("TLS to the key endpoint failed"), "{}", refused.operator_message());
}
