//! The subcommand `healthcheck`, which an image without a shell runs.

use crate::{
    service::site::Site,
    support::{backstage_auth::run, port::free_port},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_of_an_image_tells_a_service_that_runs_from_everything_else() {
    let site = Site::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let check = |address: &str| run(folder.path(), &["healthcheck", "--address", address]);
    let running = site.service.url.trim_start_matches("http://").to_owned();
    let ended = check(&running);
    assert_eq!(ended.code, 0, "{ended:?}");

    let nothing = format!("127.0.0.1:{}", free_port());
    let ended = check(&nothing);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains(&nothing) && ended.stderr.contains("--address"), "{ended:?}");

    let other = axum::Router::new().fallback(|| async { http::StatusCode::NOT_FOUND });
    let other = crate::service::upstream::serve(other).await;
    let ended = check(other.trim_start_matches("http://"));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("/.backstage/health/v1/liveness"), "{ended:?}");
}
