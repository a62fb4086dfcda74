//! Signing in, from the first request to the application's answer.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use serde_json::Value;

use crate::site::Site;

#[tokio::test]
async fn a_browser_is_sent_to_the_provider_and_comes_back_signed_in() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.sign_in("/inbox?folder=new&x=%20", "jane").await;
    assert_eq!(page.user().as_deref(), Some("user:default/jane.doe_example.com"));
    assert_eq!(page.said()["path"], "/inbox?folder=new&x=%20");

    // The session holds, and each request has a token of its own.
    let first = browser.get("/").await.saw("x-amzn-oidc-data").expect("a token");
    site.clock.advance(std::time::Duration::from_secs(1));
    let second = browser.get("/").await.saw("x-amzn-oidc-data").expect("a token");
    assert_ne!(first, second);

    let segments: Vec<&str> = second.split('.').collect();
    let decode =
        |text: &str| -> Value { serde_json::from_slice(&URL_SAFE.decode(text).expect("padded")).expect("JSON") };
    let (header, payload) = (decode(segments[0]), decode(segments[1]));
    assert_eq!(header["signer"], site.emulator.signer());
    assert_eq!(header["client"], "alb-emulator");
    assert_eq!((&header["iss"], &header["exp"]), (&payload["iss"], &payload["exp"]));
    assert_eq!(header["exp"].as_u64(), Some(site.unix_now() + 120));
    assert_eq!(header["kid"], site.emulator.kid());
}
