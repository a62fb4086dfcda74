//! Bright rooms, dark rooms, small screens.

use crate::browser::{driver::Browser, tour::sign_in};

/// The sum of red, green and blue of a colour as a browser computes it.
fn brightness(color: &str) -> u32 {
    let numbers = color.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    numbers.take(3).map(|number| number.parse::<u32>().expect("a number")).sum()
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn pages_are_bright_or_dark_as_the_user_likes() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        let looks = async |page: &str| {
            for (scheme, is_dark) in [("light", false), ("dark", true)] {
                browser.color_scheme(scheme).await;
                browser.picture(&format!("{page}-{scheme}")).await;
                let ground = brightness(&browser.style("body", "background-color").await);
                let ink = brightness(&browser.style("body", "color").await);
                assert_eq!(ground < ink, is_dark, "{page}, {scheme}: {ground}, {ink}");
                assert!(ground.abs_diff(ink) > 300, "{page}, {scheme}: {ground} and {ink} are hard to tell apart");
            }
        };
        browser.open(tour.url()).await;
        looks("login").await;
        sign_in(&browser, &tour, "jane").await;
        looks("profile").await;
        browser.open(&format!("{}goodbye", tour.url())).await;
        looks("goodbye").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn small_screens_scroll_in_one_direction() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        browser.resize(360, 640).await;
        browser.open(tour.url()).await;
        browser.picture("login-small").await;
        assert!(browser.fits_in_width().await, "the login page");
        sign_in(&browser, &tour, "carlos").await;
        browser.picture("profile-small").await;
        assert!(browser.fits_in_width().await, "the profile");
    })
    .await;
}
