//! Where the keys are, and how they are rotated.

use std::time::Duration;

use crate::load_balancer::site::Site;

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

/// A page of the web whose name leads to this machine (DNS rebinding) is of one origin with the key endpoint: no header keeps
/// it out then, its name does.
#[tokio::test]
async fn the_key_endpoint_answers_to_names_of_this_machine_alone() {
    let site = Site::new().await;
    let kid = site.emulator.kid();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let at = |path: &str| format!("{}{path}", site.emulator.key_endpoint());
    for host in ["evil.example", "evil.example:80", "localhost.evil.example", "app.localhost@evil.example", "", "a b"] {
        let rotation = client.post(at("/rotate")).header("x-alb-emulator", "rotate").header("host", host);
        assert_eq!(rotation.send().await.expect("an answer").status(), 403, "{host}");
        let key = client.get(at(&format!("/{kid}"))).header("host", host);
        assert_eq!(key.send().await.expect("an answer").status(), 403, "{host}");
    }
    assert_eq!(site.emulator.kid(), kid);
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "127.1.2.3"] {
        let key = client.get(at(&format!("/{kid}"))).header("host", host);
        assert_eq!(key.send().await.expect("an answer").status(), 200, "{host}");
    }
}

/// A key per second, the shortest interval there is: a token lives 120 s, and verifiers may allow 30 s more.
#[tokio::test]
async fn keys_are_given_for_as_long_as_tokens_by_them_live() {
    let site = Site::new().await;
    let first = site.emulator.kid();
    for _ in 0..150 {
        site.emulator.rotate().expect("a new key");
    }
    let url = format!("{}/{first}", site.emulator.key_endpoint());
    assert_eq!(ask(reqwest::Method::GET, &url, None).await.0, 200);
    // And there is an end to them.
    for _ in 0..300 {
        site.emulator.rotate().expect("a new key");
    }
    assert_eq!(ask(reqwest::Method::GET, &url, None).await.0, 403);
}
