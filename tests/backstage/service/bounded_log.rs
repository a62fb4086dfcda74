//! S-158: lines that clients can cause at will.

use crate::service::site::Site;

/// With the default filter, each request has its line with method, path and status. A refusal has no error beside it, and the lines
/// with reasons are limited.
#[tokio::test]
async fn s_158_responses_503_cause_no_error_each_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let away = "discovery:\n  endpoints:\n    - target: http://127.0.0.1:1/api/catalog\n      plugins: [catalog]\n";
    let site = Site::changed(folder, &[], |settings| format!("{settings}{away}")).await;
    let browser = site.signed_in("jane").await;
    let requests = 40;
    for _ in 0..requests {
        assert_eq!(browser.get("/api/auth/awsalb/refresh").await.0, 503);
    }
    let log = site.service.wait_until_it_logs("status=503");
    let count = |part: &str| log.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count("ERROR"), 0, "{log}");
    assert!(count("finished processing request") > requests / 2, "{log}");
    // Windows of 10 s with 10 lines each: a slow machine sees a second one.
    assert!((1..requests).contains(&count(" WARN ")), "{log}");
}
