//! Changes of what the settings name: their deny list, before and after a reload, and a file that cannot be read.

use std::{fs, path::Path};

use serde_json::json;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuditTrail,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::support::{App, audited::AuditFile};

const JANE: &str = "{\"user\": \"user:default/jane.doe\"}\n";
const JOHN: &str = "{\"user\": \"user:default/john.doe\"}\n";

fn trail(file: &AuditFile) -> AuditTrail {
    AuditTrail::builder("orders").file(file.path()).build().expect("a file")
}

fn with_list(alb: &MockAlb, file: &Path) -> AlbAuthConfig {
    let policy = EmailLocalPart::in_domains(["example.com"]);
    alb.config_builder().sign_in(policy).deny_list_file(file).build().expect("sound settings")
}

#[tokio::test(flavor = "multi_thread")]
async fn s_142_a_change_of_the_list_of_the_settings_is_recorded_before_and_after_a_reload() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let path = |name: &str| file.folder.path().join(name);
    let changed = |added: &str, removed: &str| {
        file.first_where("deny_list_changed", |event| {
            [&event["unmapped"]["added"], &event["unmapped"]["removed"]] == [&json!([added]), &json!([removed])]
        })
    };
    fs::write(path("first"), JOHN).expect("written");
    fs::write(path("second"), JANE).expect("written");
    let trail = trail(&file);
    let layer = AlbAuthLayer::new(with_list(&alb, &path("first"))).audit_trail(&trail);
    let app = App::new(layer.clone());
    fs::write(path("first"), JANE).expect("written");
    changed("user:default/jane.doe", "user:default/john.doe");
    layer.handle().reload(with_list(&alb, &path("second")));
    fs::write(path("second"), JOHN).expect("written");
    changed("user:default/john.doe", "user:default/jane.doe");
    assert_eq!(app.call(alb.request("/").user(&User::entra("john.doe"))).await.status.as_u16(), 403);
}

#[cfg(feature = "app-config")]
#[tokio::test(flavor = "multi_thread")]
async fn f_87_settings_that_cannot_be_read_are_recorded_as_unreadable_and_wrong_ones_as_invalid() {
    let (file, alb) = (AuditFile::new(), MockAlb::new());
    let path = file.folder.path().join("app-config.yaml");
    let settings = format!(
        "auth:\n  providers:\n    awsalb:\n      issuer: {}\n      signer: {}\n      clientIds: [{}]\n      signIn:\n        \
         resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: [example.com]\n            \
         dangerouslyAllowSignInWithoutUserInCatalog: true\n",
        alb.issuer(),
        alb.signer().replace("000000000000", "123456789012"),
        alb.client_id(),
    );
    fs::write(&path, &settings).expect("written");
    let watch = tower_alb_auth::layer::Watch::files([&path]).every(std::time::Duration::from_millis(50));
    let load = move |path: &Path| AlbAuthConfig::from_app_config([path]);
    let trail = trail(&file);
    let layer = AlbAuthLayer::new(load(&path).expect("sound settings")).audit_trail(&trail);
    let _watching = layer.handle().watch(watch, {
        let path = path.clone();
        move || load(&path)
    });
    let kinds = || {
        let events = file.of("reload_failed");
        events.iter().map(|event| event["status_detail"].as_str().expect("a kind").to_owned()).collect::<Vec<_>>()
    };
    fs::remove_file(&path).expect("it is there");
    file.first("reload_failed");
    assert_eq!(kinds(), ["unreadable"]);
    fs::write(&path, settings.replace("clientIds", "clients")).expect("written");
    file.first_where("reload_failed", |event| event["status_detail"] == "invalid");
    assert_eq!(kinds(), ["unreadable", "invalid"]);
}
