//! Where the keys are, and how they are rotated.

use std::time::Duration;

use crate::site::Site;

async fn ask(method: reqwest::Method, url: &str, header: Option<(&str, &str)>) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.request(method, url);
    let request = header.map_or(request.try_clone().expect("no body"), |(name, value)| request.header(name, value));
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

#[tokio::test]
async fn keys_are_given_by_kid_and_nothing_else_is() {
    let site = Site::new().await;
    let at = |path: &str| format!("{}{path}", site.emulator.key_endpoint());
    let (status, pem) = ask(reqwest::Method::GET, &at(&format!("/{}", site.emulator.kid())), None).await;
    assert_eq!((status, pem.len()), (200, 178));
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    for path in ["/", "/00000000-0000-0000-0000-000000000000", "/a/b", "/rotate"] {
        let (status, _) = ask(reqwest::Method::GET, &at(path), None).await;
        assert!(matches!(status, 403 | 405), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_rotation_in_the_middle_of_a_session_is_not_noticed() {
    let site = Site::new().await;
    let browser = site.browser();
    let user = browser.sign_in("/", "jane").await.user();
    assert!(user.is_some());
    let first = site.emulator.kid();
    let second = site.emulator.rotate().expect("a new key");
    assert_ne!(first, second);
    assert_eq!(browser.get("/").await.user(), user);

    let url = format!("{}/rotate", site.emulator.key_endpoint());
    // What another site's page can send without asking: a POST without a header of its own.
    assert_eq!(ask(reqwest::Method::POST, &url, None).await.0, 403);
    assert_eq!(ask(reqwest::Method::POST, &url, Some(("x-alb-emulator", "yes"))).await.0, 403);
    assert_eq!(site.emulator.kid(), second);
    let (status, third) = ask(reqwest::Method::POST, &url, Some(("x-alb-emulator", "rotate"))).await;
    assert_eq!((status, third.trim()), (200, site.emulator.kid().as_str()));
    assert_eq!(browser.get("/").await.user(), user);
    for kid in [first, second] {
        assert_eq!(ask(reqwest::Method::GET, &format!("{}/{kid}", site.emulator.key_endpoint()), None).await.0, 200);
    }
}

#[tokio::test]
async fn keys_are_rotated_by_a_timer_too() {
    let site = Site::with(|config| config.rotate_every(Duration::from_secs(1))).await;
    let first = site.emulator.kid();
    let waiting = async {
        while site.emulator.kid() == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("a new key");
}
