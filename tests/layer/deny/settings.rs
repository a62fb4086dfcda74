//! S-117: a list that the settings name, in each place where settings are.

use std::{fs, path::Path, time::Duration};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, AlbAuthSettings, ConfigError,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use super::assert_denied;
use crate::support::App;

const JANE: &str = "{\"user\": \"user:default/jane.doe\"}\n";
const JOHN: &str = "{\"user\": \"user:default/john.doe\"}\n";

type Place = fn(&MockAlb, &Path) -> Result<AlbAuthConfig, ConfigError>;

fn by_email(alb: &MockAlb) -> AlbAuthConfigBuilder {
    alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"]))
}

/// Settings with the list at this path, in each place.
fn places() -> Vec<(&'static str, Place)> {
    fn code(alb: &MockAlb, path: &Path) -> Result<AlbAuthConfig, ConfigError> {
        by_email(alb).deny_list_file(path).build()
    }
    fn environment(alb: &MockAlb, path: &Path) -> Result<AlbAuthConfig, ConfigError> {
        let settings = AlbAuthSettings::from_vars([
            ("ALB_AUTH_SIGNERS", alb.signer()),
            ("ALB_AUTH_ISSUER", alb.issuer()),
            ("ALB_AUTH_CLIENT_IDS", alb.client_id()),
            ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
            ("ALB_AUTH_DENY_LIST_FILE", &path.display().to_string()),
        ])?;
        alb.keys_and_clock(settings.to_builder()).build()
    }
    fn data(alb: &MockAlb, path: &Path) -> Result<AlbAuthConfig, ConfigError> {
        let settings: AlbAuthSettings = serde_json::from_value(serde_json::json!({
            "trust": [{ "signers": [alb.signer()], "issuer": alb.issuer(), "client_ids": [alb.client_id()] }],
            "sign_in": { "email_local_part": { "domains": ["example.com"] } },
            "deny_list_file": path,
        }))
        .expect("settings");
        alb.keys_and_clock(settings.to_builder()).build()
    }
    let mut places: Vec<(&'static str, Place)> =
        vec![("code", code), ("environment", environment), ("plain data", data)];
    #[cfg(feature = "app-config")]
    places.push(("app-config", |alb, path| app_config(alb, &path.display().to_string())));
    places
}

#[cfg(feature = "app-config")]
fn app_config(alb: &MockAlb, value: &str) -> Result<AlbAuthConfig, ConfigError> {
    let text = format!(
        "auth:\n  providers:\n    awsalb:\n      issuer: {}\n      signer: {}\n      clientIds: [{}]\n      denyListFile: {value}\n      \
         signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: \
         [example.com]\n            dangerouslyAllowSignInWithoutUserInCatalog: true\n",
        alb.issuer(),
        alb.signer(),
        alb.client_id(),
    );
    let config = tower_alb_auth::config::AppConfig::from_text("app-config.yaml", &text, |_| None)?;
    alb.keys_and_clock(config.alb_auth()?).build()
}

#[tokio::test]
async fn s_117_a_list_of_the_settings_denies_in_each_place_and_is_watched() {
    for (place, configured) in places() {
        let (alb, folder) = (MockAlb::new(), tempfile::tempdir().unwrap());
        let file = folder.path().join("denied.jsonl");
        fs::write(&file, JANE).unwrap();
        let config = configured(&alb, &file).unwrap_or_else(|error| panic!("{place}: {error}"));
        let app = App::new(AlbAuthLayer::new(config));
        let ask = async |user: User| app.call(alb.request("/").user(&user)).await;
        assert_denied(&ask(User::jane()).await, place);
        assert_eq!(ask(User::entra("john.doe")).await.status, 200, "{place}");
        fs::write(&file, JOHN).unwrap();
        let in_force = async {
            while ask(User::entra("john.doe")).await.status != 403 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), in_force).await.expect(place);
        assert_eq!(ask(User::jane()).await.status, 200, "{place}");
    }
}

#[test]
fn s_117_a_list_of_the_settings_that_cannot_be_read_is_an_error_beside_the_others() {
    for (place, configured) in places() {
        let (alb, folder) = (MockAlb::new(), tempfile::tempdir().unwrap());
        let file = folder.path().join("denied.jsonl");
        let missing = configured(&alb, &file).err().unwrap_or_else(|| panic!("{place}")).to_string();
        assert!(missing.contains("denied.jsonl cannot be read"), "{place}: {missing}");
        fs::write(&file, "{\"mail\": \"x\"}\n{\"user\": \"jane\"}\n").unwrap();
        let wrong = configured(&alb, &file).err().unwrap_or_else(|| panic!("{place}"));
        assert_eq!(wrong.problems().len(), 2, "{place}: {wrong}");
    }
    let error = AlbAuthConfig::builder().deny_list_file("nowhere.jsonl").build().unwrap_err();
    assert!(error.problems().len() > 1 && error.to_string().contains("nowhere.jsonl"), "{error}");
}

/// `ALB_AUTH_DENY_LIST_FILE=$UNSET` would shut out no user, without notice.
#[test]
fn s_117_a_variable_without_which_more_users_are_admitted_is_not_set_to_nothing() {
    let alb = MockAlb::new();
    let of = |name: &str, value: &str| {
        AlbAuthSettings::from_vars(
            [
                ("ALB_AUTH_SIGNERS", alb.signer()),
                ("ALB_AUTH_ISSUER", alb.issuer()),
                ("ALB_AUTH_CLIENT_IDS", alb.client_id()),
                ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
            ]
            .into_iter()
            .filter(|(held, _)| *held != name)
            .chain([(name, value)]),
        )
    };
    for name in ["ALB_AUTH_DENY_LIST_FILE", "ALB_AUTH_REQUIRE_VERIFIED_EMAIL", "ALB_AUTH_VERIFY_ACCESS_TOKEN"] {
        for value in ["", " \t"] {
            let error = of(name, value).err().unwrap_or_else(|| panic!("{name} is accepted"));
            assert_eq!(error.problems().len(), 1, "{error}");
            assert_eq!(error.problems()[0].key(), Some(name), "{error}");
        }
    }
    for name in ["ALB_AUTH_ALLOWED_ADDRESSES", "ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT", "ALB_AUTH_KEY_ENDPOINT"] {
        assert!(of(name, "").is_ok(), "{name}");
    }
}

/// Null in a later file would take an earlier file's list away.
#[cfg(feature = "app-config")]
#[test]
fn s_117_a_blank_key_of_app_config_is_refused() {
    for value in ["", "null", "~", "7", "[a]"] {
        let error = app_config(&MockAlb::new(), value).err().unwrap_or_else(|| panic!("{value} is accepted"));
        assert!(error.to_string().contains("auth.providers.awsalb.denyListFile"), "{value}: {error}");
    }
}

#[tokio::test]
async fn s_117_a_reload_replaces_the_list_of_the_settings_and_no_other() {
    let (alb, folder) = (MockAlb::new(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let (jane, john) = (file("jane", JANE), file("john", JOHN));
    let layer = AlbAuthLayer::new(by_email(&alb).deny_list_file(&jane).build().unwrap());
    let handle = layer.handle();
    let app = App::new(layer);
    let both = async || {
        let ask = async |user: User| app.call(alb.request("/").user(&user)).await.status.as_u16();
        [ask(User::jane()).await, ask(User::entra("john.doe")).await]
    };
    assert_eq!(both().await, [403, 200]);
    handle.reload(by_email(&alb).deny_list_file(&john).build().unwrap());
    assert_eq!(both().await, [200, 403]);
    // From code: it belongs to the layer.
    handle.deny(tower_alb_auth::deny_list::Denied::user("user:default/jane.doe".parse().unwrap()));
    assert_eq!(both().await, [403, 403]);
    handle.reload(alb.config());
    assert_eq!(both().await, [403, 200]);
}
