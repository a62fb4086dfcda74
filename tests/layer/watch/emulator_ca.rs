//! The file with the CA of an emulator, which is read by the build and so watched with it.

use std::{fs, time::Duration};

use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, ConfigError, TrustedAlb, layer::Watch, sign_in::ClaimsOnly};

use crate::support::https::certificates::Authority;

const EMULATOR: &str = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/local/50dc6c495c0c9188";
const EVERY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn s_170_a_ca_that_is_written_again_is_read_again_and_one_that_is_gone_is_a_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, Authority::new().pem()).expect("written");
    let load = {
        let ca = ca.clone();
        move || -> Result<AlbAuthConfig, ConfigError> {
            let entry = TrustedAlb::new(EMULATOR, "https://idp.example.com").client_id("app");
            let entry = entry.key_endpoint("https://emulator:9002").emulator_ca_file(&ca);
            AlbAuthConfig::builder().trust(entry).sign_in(ClaimsOnly).build()
        }
    };
    let (loaded, mut loads) = tokio::sync::watch::channel(0);
    let layer = AlbAuthLayer::new(load().expect("sound"));
    // No file is listed here.
    let watching = layer.handle().watch(Watch::files(std::iter::empty::<&str>()).every(EVERY), move || {
        let config = load();
        loaded.send_modify(|loads| *loads += 1);
        config
    });
    let mut next = async |count: usize| {
        let changed = tokio::time::timeout(Duration::from_secs(20), loads.wait_for(|loads| *loads >= count)).await;
        changed.expect("it is loaded").expect("the task runs");
    };
    // Whole at once, as the watcher may read it at any moment.
    fs::write(folder.path().join("next"), Authority::new().pem()).expect("written");
    fs::rename(folder.path().join("next"), &ca).expect("renamed");
    next(1).await;
    assert_eq!(watching.problem(), None);
    fs::remove_file(&ca).expect("it is there");
    next(2).await;
    let problem = async {
        while watching.problem().is_none() {
            tokio::time::sleep(EVERY).await;
        }
        watching.problem().expect("a problem").to_string()
    };
    let problem = tokio::time::timeout(Duration::from_secs(20), problem).await.expect("it is reported");
    assert!(problem.contains("ALB_AUTH_EMULATOR_CA_FILE"), "{problem}");
}
