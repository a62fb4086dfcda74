//! Backstage's files, as the service finds them.

use std::{
    fs,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    service::site::Site,
    support::backstage_auth::{Service, run},
    support::process::MAX_WAIT,
};

pub use crate::support::backstage_auth::SOUND;

pub fn folder_with(app_config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app-config.yaml"), app_config).expect("written");
    folder
}

#[test]
fn start_lines_say_where_everything_is() {
    let folder = folder_with(SOUND);
    let service = Service::start(folder.path(), &["--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:7008"]);
    let said = service.start_lines.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Listens at http://127.0.0.1:",
        "https://backstage.example.com/api/auth/awsalb/refresh",
        "/api/auth/.well-known/jwks.json, where back ends ask past the load balancer",
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
        "http://127.0.0.1:7008",
        "one replica",
    ] {
        assert!(said.contains(part), "{part:?} is not in: {}", service.start_lines);
    }
}

#[test]
fn a_later_file_wins_and_variables_are_read() {
    let folder = folder_with(SOUND);
    let production = "backend:\n  baseUrl: https://portal.example.com\n";
    fs::write(folder.path().join("app-config.production.yaml"), production).expect("written");
    let files = ["--config", "app-config.yaml", "--config", "app-config.production.yaml", "--listen", "127.0.0.1:0"];
    let service = Service::start(folder.path(), &files);
    assert!(service.start_lines.contains("https://portal.example.com/api/auth"), "{}", service.start_lines);
}

/// The first start with the tutorial's file: what is missing comes ready to be pasted.
#[test]
fn what_the_tutorials_file_lacks_is_printed_ready_to_paste() {
    let tutorial = "\
app:
  baseUrl: https://backstage.example.com
backend:
  baseUrl: https://backstage.example.com
auth:
  providers:
    awsalb:
      issuer: https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0
      region: eu-central-1
";
    let folder = folder_with(tutorial);
    let ended = run(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    for part in [
        "app-config.yaml:8",
        "      signer: ",
        "      clientIds: ",
        "      signIn:\n        resolvers:\n",
        "describe-load-balancers",
    ] {
        assert!(ended.stderr.contains(part), "{part:?} is not in: {}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_no_yaml_is_named_with_its_line() {
    let folder = folder_with("auth: {\n  x: [\n");
    let ended = run(folder.path(), &[]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("app-config.yaml:"), "{}", ended.stderr);
}

/// The rules for users are read again; no user is signed out by it.
#[tokio::test]
async fn a_file_that_changes_counts_without_a_restart() {
    let site = Site::new().await;
    let guest = site.signed_in("guest").await;
    assert_eq!(guest.get("/api/auth/awsalb/refresh").await.0, 403);
    let file = site.folder.path().join("app-config.yaml");
    let text = fs::read_to_string(&file).expect("the file");
    fs::write(&file, text.replace("[example.com]", "[example.com, partner.example]")).expect("written");
    let until = Instant::now() + MAX_WAIT;
    while guest.get("/api/auth/awsalb/refresh").await.0 != 200 {
        assert!(Instant::now() < until, "{}", site.service.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What cannot be used leaves what was.
    fs::write(&file, "auth: [").expect("written");
    site.service.wait_until_it_logs("app-config.yaml:");
    assert_eq!(guest.get("/api/auth/awsalb/refresh").await.0, 200);
}

/// S-84: a load balancer that is named in an included file is out as soon as that file no longer names it.
#[tokio::test]
async fn s_84_a_signer_that_is_removed_in_an_included_file_is_out_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let included = folder.path().join("trusted.yaml");
    let site = Site::changed(folder, &["--without-catalog"], |settings| {
        let line =
            settings.lines().find(|line| line.trim_start().starts_with("signer: ")).expect("a signer").to_owned();
        let signer = line.trim_start().trim_start_matches("signer: ");
        let other = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/other/50dc6c495c0c9188";
        fs::write(&included, format!("signers: [{signer}, {other}]\n")).expect("written");
        settings.replace(&line, "      signers: { $include: trusted.yaml#signers }")
    })
    .await;
    let jane = site.signed_in("jane").await;
    assert_eq!(jane.get("/api/auth/awsalb/refresh").await.0, 200);
    let file = site.folder.path().join("trusted.yaml");
    let text = fs::read_to_string(&file).expect("the file");
    fs::write(&file, text.replace(&format!("{}, ", site.emulator.signer()), "")).expect("written");
    let said = site.service.wait_until_it_logs(&format!("no longer trusted: {}", site.emulator.signer()));
    assert!(said.contains("trusted.yaml"), "{said}");
    let until = Instant::now() + MAX_WAIT;
    while jane.get("/api/auth/awsalb/refresh").await.0 != 401 {
        assert!(Instant::now() < until, "{}", site.service.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// S-85: what create-app writes for pages of a laptop does not go into production unseen.
#[test]
fn s_85_an_origin_on_the_visitors_machine_beside_an_address_on_https_does_not_start() {
    let cors = SOUND.replacen("backend:\n", "backend:\n  cors:\n    origin: http://localhost:3000\n", 1);
    let folder = folder_with(&cors);
    for arguments in [&["--listen", "127.0.0.1:0"][..], &["check"]] {
        let ended = run(folder.path(), arguments);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, 1, "{said}");
        let problem =
            "- backend.cors.origin (app-config.yaml:5): \"http://localhost:3000\" is not an origin for pages of a site";
        assert!(said.contains(problem) && said.contains("dangerouslyAllowInsecureOrigins: true"), "{said}");
    }
    let waived = cors.replace("    awsalb:\n", "    awsalb:\n      dangerouslyAllowInsecureOrigins: true\n");
    let folder = folder_with(&waived);
    assert_eq!(run(folder.path(), &["check"]).code, 0);
    let service = Service::start(folder.path(), &["--listen", "127.0.0.1:0", "--without-catalog"]);
    service.wait_until_it_logs("pages of http://localhost:3000 may request sessions of https://backstage.example.com");
}
