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
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "# no entries so far\n").expect("written");
    let path = file.to_str().expect("UTF-8");
    let site = Site::with(&["--deny-list", path]).await;
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
