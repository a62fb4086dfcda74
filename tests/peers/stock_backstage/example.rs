//! The program `backstage-auth` as the whole site: it serves a stock front end, signs its users in by a stock catalog, and
//! passes their calls on to a stock back end.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use tower_alb_auth::emulator::{Emulator, EmulatorConfig, IdentityProvider};

use crate::{
    browser::driver::Browser,
    programs::process::free_port,
    stock_backstage::{
        front_ends::{ask, shows},
        site::built,
        stock::{EXTERNAL_TOKEN, Stock},
    },
    support::backstage_auth::Service,
};

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn the_example_is_all_that_a_stock_front_end_needs_beside_a_stock_back_end() {
    for front_end in ["old", "new", "handwritten"] {
        let listen = format!("127.0.0.1:{}", free_port());
        let (target, auth) = (format!("http://{listen}"), format!("http://{listen}/api/auth"));
        let discovery = json!({ "endpoints": [{ "target": auth, "plugins": ["auth"] }] });
        let stock = Stock::start("catalog,whoami", json!({ "discovery": discovery }), None).await;
        let provider = IdentityProvider::demo(([127, 0, 0, 1], 0).into()).sign_in_as("jane");
        let emulator = Emulator::start(EmulatorConfig::on_free_ports().target(target).provider(provider));
        let emulator = emulator.await.expect("a sound configuration");
        let (folder, pages) = (TempDir::new().expect("a folder"), built(front_end));
        fs::write(folder.path().join("app-config.yaml"), settings(&emulator)).expect("a file");
        let pages = pages.path().to_str().expect("UTF-8");
        let arguments = ["--listen", &listen, "--upstream", &stock.url, "--static", pages];
        let _service = Service::start(folder.path(), &arguments);

        Browser::with(async |browser| {
            browser.open(emulator.url()).await;
            shows(&browser, "Jane Doe").await;
            assert_eq!(browser.text_of("#entity-ref").await, "user:default/jane.doe", "{front_end}");
            // UserIdentity.fromLegacy of the page written by hand reads the claim `ent`, which is left out by default.
            let owns = if front_end == "handwritten" { "" } else { "user:default/jane.doe group:default/team-a" };
            assert_eq!(browser.text_of("#ownership").await, owns, "{front_end}");
            let said = ask(&browser).await;
            assert_eq!(said["principal"]["userEntityRef"], "user:default/jane.doe", "{front_end}");
            let owns = json!(["user:default/jane.doe", "group:default/team-a"]);
            assert_eq!(said["userInfo"]["ownershipEntityRefs"], owns, "{front_end}");
            browser.picture(&format!("{front_end}-example")).await;
        })
        .await;
    }
}

/// The `app-config.yaml` of that site. JSON is YAML.
fn settings(emulator: &Emulator) -> String {
    json!({
        "app": { "baseUrl": emulator.url() },
        "backend": {
            "baseUrl": emulator.url(),
            "auth": { "externalAccess": [{ "type": "static", "options": { "token": EXTERNAL_TOKEN, "subject": "auth" } }] },
        },
        "auth": { "providers": { "awsalb": {
            "issuer": emulator.issuer(),
            "signer": emulator.signer(),
            "clientIds": [emulator.client_id()],
            "keyEndpoint": emulator.key_endpoint(),
            "signIn": { "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }] },
        } } },
    })
    .to_string()
}
