//! `AuthBackend` in an application that has the routes beside its own.

use tower_alb_auth::{
    ConfigError,
    backstage::{
        service::{AuthBackend, AuthBackendBuilder},
        settings::KeyStoreSettings,
    },
    config::AppConfig,
};

use crate::service::settings::SOUND;

fn built(
    yaml: &str,
    change: impl FnOnce(AuthBackendBuilder) -> AuthBackendBuilder,
) -> Result<AuthBackend, ConfigError> {
    let files = AppConfig::from_text("app-config.yaml", yaml, |_| None).expect("YAML");
    change(AuthBackend::builder(&files)).build()
}

#[tokio::test]
async fn parts_are_those_of_the_files() {
    let backend = built(&SOUND.replace("auth:\n", "auth:\n  backstageTokenExpiration: { minutes: 30 }\n"), |it| it);
    let backend = backend.expect("sound");
    assert_eq!(backend.tokens().issuer(), "https://backstage.example.com/api/auth");
    assert_eq!(backend.tokens().token_lifetime().as_secs(), 1800);
    assert_eq!(backend.settings().key_store, KeyStoreSettings::Memory);
    assert_eq!(backend.catalog_url(), Some("https://backstage.example.com/api/catalog"));
    assert!(backend.trust_summary().contains("loadbalancer/app/edge/50dc6c495c0c9188"), "{backend:?}");
    backend.check_stores().await.expect("nothing to ask");
}

#[tokio::test]
async fn the_catalog_is_the_backends_unless_the_files_name_another() {
    let backend = |yaml: &str| built(yaml, |it| it.catalog_of_backend("http://127.0.0.1:7008/")).expect("sound");
    assert_eq!(backend(SOUND).catalog_url(), Some("http://127.0.0.1:7008/api/catalog"));
    let named =
        "discovery:\n  endpoints:\n    - target: https://catalog.example.com/api/catalog\n      plugins: [catalog]\n";
    assert_eq!(backend(&format!("{SOUND}{named}")).catalog_url(), Some("https://catalog.example.com/api/catalog"));
    assert_eq!(built(SOUND, AuthBackendBuilder::without_catalog).expect("sound").catalog_url(), None);
}

/// The program has flags in their place.
#[tokio::test]
async fn problems_name_the_methods() {
    let strict = SOUND.replace("            dangerouslyAllowSignInWithoutUserInCatalog: true\n", "");
    let without_catalog = built(&strict, AuthBackendBuilder::without_catalog);
    for (error, part) in [
        (built(SOUND, |it| it.replicas(3)), "replicas(3): "),
        (built(SOUND, AuthBackendBuilder::create_own_tables), "create_own_tables(): "),
        (without_catalog, "without_catalog(): "),
    ] {
        let problems = error.expect_err(part).problems().to_vec();
        assert!(problems.iter().any(|problem| problem.to_string().starts_with(part)), "{part}: {problems:?}");
    }
    // No catalog mends another mistake.
    let error = built(&SOUND.replace("signer: ", "sigher: "), AuthBackendBuilder::without_catalog);
    let problems = error.expect_err("no signer").problems().to_vec();
    assert!(
        !problems.is_empty() && !problems.iter().any(|problem| problem.to_string().contains("without_catalog")),
        "{problems:?}"
    );
}
