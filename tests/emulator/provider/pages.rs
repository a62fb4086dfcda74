//! What pages say, and what they cannot be made to do.

use tower_alb_auth::emulator::provider::DemoUser;

use crate::provider::site::{Answer, OTHER, OTHER_CALLBACK, Site};

const HOSTILE: &str = "\"'><script>alert(1)</script>&amp;<b>";

#[tokio::test]
async fn what_users_are_called_stays_text() {
    let hostile =
        DemoUser::new("a\"><script>").note(HOSTILE).claim("sub", "1").claim("name", HOSTILE).claim("email", HOSTILE);
    let site = Site::with(|builder| builder.users([hostile])).await;
    let browser = site.browser();
    for page in [browser.authorize(&[]).await, browser.get("/", &[]).await] {
        assert_eq!(page.status.as_u16(), 200);
        assert!(!page.body.contains("<script") && !page.body.contains("<b>"), "{}", page.body);
        assert!(
            page.body.contains("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&lt;b&gt;"),
            "{}",
            page.body
        );
    }
    let page = browser.authorize(&[]).await;
    assert!(page.body.contains("name=\"user\" value=\"a&quot;&gt;&lt;script&gt;\""), "{}", page.body);
}

#[tokio::test]
async fn what_a_request_says_stays_text() {
    let site = Site::new().await;
    let browser = site.browser();
    for page in [
        browser.authorize(&[("client_id", HOSTILE)]).await,
        browser.authorize(&[("redirect_uri", HOSTILE)]).await,
        browser.get("/logout", &[("post_logout_redirect_uri", HOSTILE)]).await,
        browser.get("/logout", &[("client_id", HOSTILE)]).await,
        browser.authorize(&[("login_hint", HOSTILE)]).await,
    ] {
        assert!(!page.body.contains("<script") && !page.body.contains("<b>"), "{}", page.body);
    }
}

/// The sources of a directive.
fn policy<'a>(page: &'a Answer, directive: &str) -> Option<&'a str> {
    let policy = page.header("content-security-policy").expect("a policy");
    policy.split("; ").find_map(|part| part.strip_prefix(directive)).map(str::trim)
}

#[tokio::test]
async fn no_page_runs_a_script_or_asks_anybody_else() {
    let site = Site::new().await;
    let browser = site.browser();
    let pages = [
        ("login", browser.authorize(&[]).await),
        ("error", browser.authorize(&[("client_id", "nobody")]).await),
        ("not found", browser.get("/nowhere", &[]).await),
        ("signed out", browser.get("/logout", &[]).await),
        ("about", browser.get("/", &[]).await),
    ];
    for (name, page) in &pages {
        assert_eq!(policy(page, "default-src"), Some("'none'"), "{name}");
        assert_eq!(policy(page, "script-src"), None, "{name}");
        assert_eq!(policy(page, "frame-ancestors"), Some("'none'"), "{name}");
        assert_eq!(policy(page, "base-uri"), Some("'none'"), "{name}");
        let handlers =
            page.body.split(" on").skip(1).map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_lowercase()));
        assert!(handlers.into_iter().all(|rest| !rest.starts_with('=')), "{name}");
        assert!(!page.body.contains("<script") && !page.body.contains(" style="), "{name}");
        for outside in ["src=\"http", "href=\"http", "url("] {
            assert!(!page.body.contains(outside), "{name}: {outside}");
        }
        // Read aloud in the right language, found by landmarks, fit for small screens and dark rooms.
        for part in
            ["<html lang=\"en\">", "<main", "<h1", "<footer", "<title>", "name=\"viewport\"", "content=\"light dark\""]
        {
            assert_eq!(page.body.matches(part).count(), 1, "{name}: {part}");
        }
    }
    for (name, page) in pages.iter().skip(1) {
        assert_eq!(policy(page, "form-action"), Some("'none'"), "{name}");
    }
    let answers = [("token", browser.post("/token", &[]).await), ("userinfo", browser.get("/userinfo", &[]).await)];
    for (name, page) in pages.iter().chain(&answers) {
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{name}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"), "{name}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{name}");
    }
}

#[tokio::test]
async fn the_login_form_leads_to_the_provider_and_to_the_client() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    assert_eq!(policy(&page, "form-action"), Some("'self' http://app.localhost:9000"));
    let page = browser.authorize(&[("client_id", OTHER), ("redirect_uri", OTHER_CALLBACK)]).await;
    assert_eq!(policy(&page, "form-action"), Some("'self' http://other.localhost:9000"));
}

#[tokio::test]
async fn style_and_icon_are_served() {
    let site = Site::new().await;
    for (path, content_type) in [("/style.css", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml")] {
        let answer = site.browser().get(path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(content_type)));
    }
    let style = site.browser().get("/style.css", &[]).await.body;
    for part in ["prefers-color-scheme: dark", "color-scheme: light dark", ":focus-visible"] {
        assert!(style.contains(part), "{part}");
    }
    assert!(!style.contains("url(") && !style.contains("@import"));
}
