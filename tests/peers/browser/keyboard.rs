//! The whole way without a mouse.

use fantoccini::key::Key;

use crate::browser::driver::Browser;

/// Tabs on until something with this text has the focus.
async fn tab_to(browser: &Browser, text: &str) {
    const MAX_STEPS: usize = 12;
    let mut seen = Vec::new();
    for _ in 0..MAX_STEPS {
        browser.press(Key::Tab).await;
        let focused = browser.focused().await;
        if focused.contains(text) {
            // Whoever looks sees where they are.
            assert_ne!(browser.style(":focus", "outline-style").await, "none", "{text}");
            assert_ne!(browser.style(":focus", "outline-width").await, "0px", "{text}");
            return;
        }
        seen.push(focused);
    }
    panic!("{text} was not reached; the focus was at {seen:?}");
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn the_keyboard_is_enough() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        browser.open(tour.url()).await;
        tab_to(&browser, "Ada Admin").await;
        browser.press(Key::Enter).await;
        browser.arrives_at(tour.url()).await;
        browser.reads("Hello, Ada Admin").await;

        tab_to(&browser, "Admin").await;
        browser.press(Key::Enter).await;
        browser.arrives_at(&format!("{}admin", tour.url())).await;

        tab_to(&browser, "Sign out").await;
        browser.press(Key::Enter).await;
        browser.arrives_at(&format!("{}goodbye", tour.url())).await;
        tab_to(&browser, "Sign in again").await;
        browser.press(Key::Enter).await;
        browser.arrives_within(tour.provider()).await;
        // By the space bar too, as buttons are pressed.
        tab_to(&browser, "Jane Doe").await;
        browser.press(Key::Space).await;
        browser.arrives_at(tour.url()).await;
        browser.reads("Hello, Jane Doe").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn cancelling_leads_back() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        browser.open(tour.url()).await;
        tab_to(&browser, "Cancel").await;
        browser.press(Key::Enter).await;
        browser.arrives_within(tour.url()).await;
        browser.reads("561 Authentication Error").await;
    })
    .await;
}
