//! Own users, from a file that is read again.

use std::{fs, path::PathBuf};

use http::StatusCode;
use tempfile::TempDir;
use tower_alb_auth::emulator::provider::DemoProvider;

use crate::provider::site::{Site, Tokens};

struct File {
    _directory: TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("users.yaml");
        fs::write(&path, text).unwrap();
        Self { _directory: directory, path }
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).unwrap();
    }
}

const AMY: &str =
    "users:\n  - id: amy\n    claims:\n      sub: \"7\"\n      name: Amy Auditor\n      roles: [auditor]\n";

async fn site(file: &File) -> Site {
    Site::with(|builder| builder.users_file(&file.path)).await
}

#[tokio::test]
async fn users_of_the_file_stand_before_the_ready_ones() {
    let file = File::new(AMY);
    let site = site(&file).await;
    assert_eq!(site.provider.user_ids(), ["amy", "jane", "carlos", "admin", "nomail", "guest"]);
    let tokens = site.tokens("amy").await;
    assert_eq!(site.userinfo(&tokens.access).await.body, r#"{"sub":"7","name":"Amy Auditor","roles":["auditor"]}"#);
}

#[tokio::test]
async fn the_ready_users_can_be_left_out_or_replaced() {
    let alone = File::new(&format!("ready_users: false\n{AMY}"));
    assert_eq!(site(&alone).await.provider.user_ids(), ["amy"]);
    let other_jane = File::new(&AMY.replace("amy", "jane"));
    let site = site(&other_jane).await;
    assert_eq!(site.provider.user_ids(), ["jane", "carlos", "admin", "nomail", "guest"]);
    let tokens = site.tokens("jane").await;
    assert_eq!(site.userinfo(&tokens.access).await.json()["name"], "Amy Auditor");
}

#[tokio::test]
async fn a_change_shows_at_the_next_look() {
    let file = File::new(AMY);
    let site = site(&file).await;
    let tokens = site.tokens("amy").await;
    assert!(!site.browser().authorize(&[]).await.body.contains("Zoe"));

    file.write(&format!(
        "{}  - id: zoe\n    claims:\n      sub: \"8\"\n      name: Zoe\n",
        AMY.replace("auditor]", "boss]")
    ));

    assert!(site.browser().authorize(&[]).await.body.contains("Zoe"));
    assert_eq!(site.userinfo(&tokens.access).await.json()["roles"], serde_json::json!(["boss"]));
    site.tokens("zoe").await;
}

#[tokio::test]
async fn a_file_that_went_wrong_leaves_the_users_of_before_and_the_page_says_so() {
    let file = File::new(AMY);
    let site = site(&file).await;
    for (broken, says) in [
        (AMY.replace("roles:", "\troles:"), "line 5"),
        (AMY.replace("claims", "claim"), "line 3"),
        (AMY.replace("sub:", "sbu:"), "no claim sub"),
        ("<script>".to_owned(), "line 1"),
    ] {
        file.write(&broken);
        let page = site.browser().authorize(&[]).await;
        assert!(page.body.contains("users.yaml cannot be used"), "{}", page.body);
        assert!(page.body.contains(says) && page.body.contains("role=\"alert\""), "{says}: {}", page.body);
        assert!(!page.body.contains("<script"), "{}", page.body);
        assert!(page.body.contains("Amy Auditor"), "{}", page.body);
        site.tokens("amy").await;
    }
    fs::remove_file(&file.path).unwrap();
    let page = site.browser().authorize(&[]).await;
    assert!(page.body.contains("cannot be used") && page.body.contains("Amy Auditor"), "{}", page.body);

    file.write(AMY);
    let page = site.browser().authorize(&[]).await;
    assert!(!page.body.contains("cannot be used") && page.body.contains("Amy Auditor"), "{}", page.body);
}

#[tokio::test]
async fn a_user_who_is_removed_from_the_file_is_signed_out() {
    for (case, after) in
        [("gone", AMY.replace("amy", "zoe")), ("somebody else by that id", AMY.replace("\"7\"", "\"8\""))]
    {
        let file = File::new(AMY);
        let site = site(&file).await;
        let browser = site.browser();
        let page = browser.authorize(&[]).await;
        let code = browser.choose(&page, "amy").await.sent_to(crate::provider::site::CALLBACK)["code"].clone();
        let tokens = Tokens::of(&site.redeem(&code, &[]).await);

        file.write(&after);

        assert_eq!(site.userinfo(&tokens.access).await.status, StatusCode::UNAUTHORIZED, "{case}");
        site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
        if case == "gone" {
            browser.authorize(&[]).await.ticket();
            // The page that was shown before has a button for her.
            file.write(AMY);
            let page = site.browser();
            let shown = page.authorize(&[]).await;
            file.write(&after);
            page.choose(&shown, "amy").await.assert_page(400, "no longer exists");
        }
    }
}

#[tokio::test]
async fn a_wrong_file_at_the_start_is_an_error_that_names_the_line() {
    let build = |path: &std::path::Path| {
        DemoProvider::builder().issuer("http://idp.localhost:9001").users_file(path).build().unwrap_err().to_string()
    };
    let file = File::new(&AMY.replace("sub: \"7\"", "sub: 7"));
    let said = build(&file.path);
    assert!(said.contains("users.yaml cannot be used: line 2") && said.contains("put it in quotes"), "{said}");
    let said = build(&file.path.with_file_name("missing.yaml"));
    assert!(said.contains("missing.yaml cannot be used") && said.contains("No such file"), "{said}");
}
