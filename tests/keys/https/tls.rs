//! Servers that cannot prove who they are, and servers of another age. None is asked for a key.

use tower_alb_auth::{AuthErrorKind, keys::HttpsKeys, test_util::MockAlb};

use super::{
    certificates::{Authority, Leaf},
    server::{Script, Server, answer, key},
    site::{Site, config},
};

/// That the endpoint is left at once, unasked, and not tried in another way.
async fn assert_refused(leaf: &Leaf, authority: &Authority, case: &str, why: &str) {
    let alb = MockAlb::new();
    let pem = alb.public_key_pem();
    let server = Server::https(leaf, move |_| key(&pem)).await;
    let site = Site::new(alb, &server.url(), HttpsKeys::new().pem_roots(authority.pem()));
    let said = site.assert_keys_unavailable(case).await;
    assert!(said.contains("TLS to the key endpoint failed") && said.contains(why), "{case}: {said}");
    assert_eq!((server.connections(), server.requests().len()), (1, 0), "{case}");
}

#[tokio::test]
async fn s_48_f_14_a_server_that_cannot_prove_its_name_gets_no_request() {
    let (authority, other) = (Authority::named("Key authority"), Authority::new());
    let impostor = Authority::named("Key authority");
    for (case, leaf, why) in [
        ("self-signed", Leaf::self_signed(), "UnknownIssuer"),
        ("another authority", other.leaf(&["localhost"]), "UnknownIssuer"),
        ("another authority of the same name", impostor.leaf(&["localhost"]), "BadSignature"),
        ("another host", authority.leaf(&["other.test"]), "not valid for name"),
        ("a name below", authority.leaf(&["keys.localhost"]), "not valid for name"),
        ("a wildcard", authority.leaf(&["*.localhost"]), "not valid for name"),
        ("the address and not the name", authority.leaf(&["127.0.0.1"]), "not valid for name"),
        ("no name", authority.leaf(&[]), "not valid for name"),
        ("expired", authority.expired_leaf(), "expired"),
        ("not valid yet", authority.future_leaf(), "not valid yet"),
    ] {
        assert_refused(&leaf, &authority, case, why).await;
    }
}

#[tokio::test]
async fn s_48_the_name_of_an_address_is_checked_too() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |_| key(&pem)).await;
    let keys = HttpsKeys::new().pem_roots(authority.pem());
    let site = Site::new(alb, &format!("https://{}", server.address), keys);
    let said = site.assert_keys_unavailable("127.0.0.1").await;
    assert!(said.contains("not valid for name"), "{said}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn s_48_s_78_an_endpoint_on_plain_http_does_not_build() {
    let (alb, real) = (MockAlb::new(), MockAlb::new().signer().replace("000000000000", "123456789012"));
    for url in [
        "http://keys.example.com",
        "HTTP://keys.example.com",
        "http://10.0.0.1:80",
        "http://169.254.169.254",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
    ] {
        let error = config(&alb, url, HttpsKeys::new()).build().expect_err(url).to_string();
        assert!(error.contains("must be https"), "{url}: {error}");
    }
    for url in ["http://localhost:9000", "http://127.0.0.1:9000", "HTTP://127.0.0.1:9000", "http://[::1]:9000"] {
        assert!(config(&alb, url, HttpsKeys::new()).build().is_ok(), "{url}: the emulator may");
        let entry = tower_alb_auth::TrustedAlb::new(&real, alb.issuer()).client_id(alb.client_id()).key_endpoint(url);
        let builder =
            tower_alb_auth::AlbAuthConfig::builder().trust(entry).sign_in(tower_alb_auth::sign_in::ClaimsOnly);
        let error = builder.build().expect_err(url).to_string();
        assert!(error.contains("is plain http"), "{url}: {error}");
    }
}

#[tokio::test]
async fn f_14_a_server_that_speaks_no_current_tls_gets_no_request() {
    // A ServerHello of TLS 1.1 with ECDHE-RSA-AES128-CBC-SHA and no extensions (RFC 4346 section 7.4.1.3).
    let hello_of = |minor: u8| {
        let body = [&[3, minor][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
        let message = [&[2, 0, 0, u8::try_from(body.len()).expect("short")][..], &body].concat();
        [&[0x16, 3, minor, 0, u8::try_from(message.len()).expect("short")][..], &message].concat()
    };
    let plain = answer(200, &[], MockAlb::new().public_key_pem());
    for (case, bytes) in [
        ("TLS 1.1", hello_of(2)),
        ("TLS 1.0", hello_of(1)),
        ("SSL 3.0", hello_of(0)),
        ("the alert protocol_version", vec![0x15, 3, 1, 0, 2, 2, 70]),
        ("the alert handshake_failure", vec![0x15, 3, 3, 0, 2, 2, 40]),
        ("a record of 64 KiB", [&[0x16, 3, 3, 0xff, 0xff][..], &[0; 0xffff]].concat()),
        ("plain HTTP with a key", plain),
    ] {
        let server = Server::tcp(move |_| Script::Hold(bytes.clone())).await;
        let site = Site::new(MockAlb::new(), &server.url(), HttpsKeys::new().pem_roots(Authority::new().pem()));
        let said = site.assert_keys_unavailable(case).await;
        assert!(said.contains("TLS to the key endpoint failed"), "{case}: {said}");
        server.all_gone().await;
        let requests = server.raw_requests();
        assert_eq!(requests.len(), 1, "{case}: no second attempt in another way");
        assert_eq!(requests[0][..2], [0x16, 3], "{case}: a TLS handshake and nothing else");
    }
}

#[tokio::test]
async fn s_48_a_held_key_outlives_a_server_that_lost_its_certificate() {
    let (alb, authority) = (MockAlb::new(), Authority::new());
    let pem = alb.public_key_pem();
    let server = Server::https(&authority.leaf(&["localhost"]), move |nth| match nth {
        1 => key(&pem),
        // What a spoofed endpoint would give: another key under the same kid.
        _ => key(&MockAlb::new().public_key_pem()),
    })
    .await;
    let site = Site::new(alb, &server.url(), HttpsKeys::new().pem_roots(authority.pem()));
    site.assert_lets_jane_in("fresh").await;

    let spoofed = Site::new(site.alb.clone(), &server.url(), HttpsKeys::new().pem_roots(Authority::new().pem()));
    let answer = spoofed.call().await;
    assert_eq!(answer.kind(), Some(AuthErrorKind::KeysUnavailable));
    assert_eq!(spoofed.handle.stats().keys, 0);
    site.assert_lets_jane_in("still").await;
}
