//! S-93: `--deny-list` and `--deny-list-in-database`.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::{
    service::{settings::folder_with, site::Site},
    support::backstage_auth::run,
};

#[tokio::test]
async fn s_93_a_user_in_the_file_is_shut_out_while_the_program_runs() {
    shuts_jane_out(async |path| Site::with(&["--deny-list", path]).await).await;
}

#[tokio::test]
async fn s_117_the_file_may_stand_in_app_config() {
    shuts_jane_out(async |path| {
        let folder = tempfile::tempdir().expect("a folder");
        Site::changed(folder, &["--without-catalog"], |text| {
            let changed = text.replacen("    awsalb:\n", &format!("    awsalb:\n      denyListFile: {path}\n"), 1);
            assert_ne!(changed, text);
            changed
        })
        .await
    })
    .await;
}

/// By a file at this path, in sessions and for a token that was issued before.
async fn shuts_jane_out(start: impl AsyncFnOnce(&str) -> Site) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "# no entries so far\n{\"entries\": 0}\n").expect("written");
    let site = start(file.to_str().expect("UTF-8")).await;
    let browser = site.signed_in("jane").await;
    let session = browser.session().await;
    let token = session["backstageIdentity"]["token"].as_str().expect("a token");
    fs::write(&file, "{\"email\": \"jane.doe@example.com\"}\n{\"user\": \"user:default/jane.doe\"}\n")
        .expect("written");
    let started = Instant::now();
    while browser.get("/api/auth/awsalb/refresh").await.0 != 403 {
        assert!(started.elapsed() < Duration::from_secs(20), "Jane is not refused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let info = browser.client.get(site.url("/api/auth/v1/userinfo")).bearer_auth(token).send().await;
    assert_eq!(info.expect("an answer").status(), 403);
}

#[test]
fn f_46_a_list_that_cannot_be_read_at_the_start_ends_it() {
    let folder = folder_with(crate::service::settings::SOUND);
    fs::write(folder.path().join("denied.jsonl"), "{\"user\": \"canary\"}\n").expect("written");
    for (arguments, part) in [
        (&["--deny-list", "denied.jsonl"][..], "denied.jsonl:1: "),
        (&["--deny-list", "missing.jsonl"], "missing.jsonl cannot be read"),
        (&["--deny-list-in-database"], "backend.database names no PostgreSQL"),
    ] {
        let ended = run(folder.path(), &[arguments, &["--without-catalog", "--listen", "127.0.0.1:0"]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
        assert!(ended.stderr.contains(part) && !ended.stderr.contains("canary"), "{arguments:?}: {}", ended.stderr);
    }
}
