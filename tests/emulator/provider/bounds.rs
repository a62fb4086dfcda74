//! However much is asked, only so much is kept.

use crate::provider::site::{CALLBACK, Site};

#[tokio::test]
async fn old_login_pages_make_room_for_new_ones() {
    let site = Site::new().await;
    let browser = site.browser();
    let first = browser.authorize(&[]).await;
    for _ in 0..511 {
        browser.authorize(&[]).await;
    }
    let last = browser.authorize(&[]).await;
    browser.choose(&first, "jane").await.assert_page(400, "no longer valid");
    browser.choose(&last, "jane").await.sent_to(CALLBACK);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_unread() {
    let site = Site::new().await;
    let large = "x".repeat(40 * 1024);
    for path in ["/authorize", "/token", "/login", "/logout", "/revoke"] {
        let answer = site.browser().post(path, &[("state", &large)]).await;
        assert_eq!(answer.status.as_u16(), 413, "{path}");
    }
}
