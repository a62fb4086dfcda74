//! Redirects are answers like any other that is not a key.

use tower_alb_auth::test_util::MockAlb;

use super::{
    certificates::Authority,
    server::{Script, Server, answer, key},
    site::Site,
};

#[tokio::test]
async fn s_49_redirects_are_not_followed() {
    let authority = Authority::new();
    let good = MockAlb::new().public_key_pem();
    let (plain_pem, tls_pem) = (good.clone(), good);
    let plain = Server::http(move |_| key(&plain_pem)).await;
    let tls = Server::https(&authority.leaf(&["localhost"]), move |_| key(&tls_pem)).await;
    let targets = [
        format!("http://{}/key", plain.address),
        format!("//{}/key", plain.address),
        format!("{}/key", tls.url()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ];
    for status in [301, 302, 303, 307, 308] {
        for target in &targets {
            let location = format!("location: {target}");
            let (site, server) = Site::of(move |_, _| Script::Answer(answer(status, &[&location], ""))).await;
            let case = format!("{status} to {target}");
            let said = site.assert_keys_unavailable(&case).await;
            assert!(said.contains(&format!("responded with {status}")), "{case}: {said}");
            assert_eq!(server.connections(), 1, "{case}");
        }
    }
    assert_eq!((plain.connections(), tls.connections()), (0, 0));
}

#[tokio::test]
async fn f_10_a_redirect_is_an_error_even_to_a_good_key_at_the_same_place() {
    for status in [300, 301, 302, 303, 304, 305, 306, 307, 308] {
        let (site, server) = Site::of(move |nth, alb| match nth {
            1 => Script::Answer(answer(status, &["location: /again"], alb.public_key_pem())),
            _ => key(&alb.public_key_pem()),
        })
        .await;
        site.assert_keys_unavailable(&status.to_string()).await;
        assert_eq!(server.connections(), 1, "{status}");
    }
}

#[tokio::test]
async fn only_status_200_gives_a_key() {
    for status in [201, 202, 203, 204, 206, 207, 226, 299, 400, 401, 402, 405, 410, 418, 451, 999] {
        let (site, _server) = Site::of(move |_, alb| Script::Answer(answer(status, &[], alb.public_key_pem()))).await;
        let said = site.assert_keys_unavailable(&status.to_string()).await;
        assert!(said.contains(&format!("responded with {status}")), "{said}");
    }
}
