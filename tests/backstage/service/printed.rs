//! The settings that the local load balancer prints start the service.

use std::{fs, process::Command};

use crate::support::{
    backstage_auth::{Service, run},
    port::free_port,
};

#[test]
fn what_the_emulator_prints_as_app_config_starts_the_service() {
    let [front, provider, keys] = [free_port(), free_port(), free_port()].map(|port| port.to_string());
    let printed = Command::new(env!("CARGO_BIN_EXE_alb-emulator"))
        .args(["--demo", "--print-config", "app-config", "--listen", &front])
        .args(["--provider-listen", &provider, "--keys-listen", &keys])
        .env_clear()
        .output()
        .expect("it starts");
    assert!(printed.status.success(), "{printed:?}");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app-config.yaml"), &printed.stdout).expect("written");

    let listen = format!("127.0.0.1:{}", free_port());
    let service = Service::start(folder.path(), &["--listen", &listen, "--without-catalog"]);
    let browsers = format!("http://app.localhost:{front}/api/auth");
    assert!(service.start_lines.contains(&browsers), "{}", service.start_lines);

    let checked = run(folder.path(), &["check"]);
    assert_eq!(checked.code, 0, "{}\n{}", checked.stdout, checked.stderr);
}
