//! What this crate reads, in the form in which the stock readers are shown.

use std::path::Path;

use serde_json::{Value, json};
use tower_alb_auth::{
    ConfigError,
    backstage::settings::{
        BackstageSettings, CatalogCredentials, Check, DatabaseSettings, DatabaseTls, KeyStoreSettings,
    },
    config::AppConfig,
    sign_in::Catalog,
};

use super::Case;

pub struct Ours {
    /// Trust and policy, in one line.
    pub summary: String,
    pub values: Value,
    /// What the service would print about the files.
    pub printed: String,
}

/// The values, or everything that is wrong.
pub fn read(folder: &Path, case: &Case) -> Result<Ours, ConfigError> {
    let variable = |name: &str| case.variables.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
    let files = match case.named.is_empty() {
        true => AppConfig::default_files(folder, variable("BACKSTAGE_ENV")),
        false => case.named.iter().map(|name| folder.join(name)).collect(),
    };
    let config = AppConfig::load_from(files, case.variables.iter().cloned())?;
    let check = Check::of(&config);
    if let Some(error) = check.error() {
        return Err(error);
    }
    let settings = BackstageSettings::read(&config)?;
    let catalog = Catalog::at("https://localhost/api/catalog").token("a-token").build()?;
    let summary = config.alb_auth_in_catalog(&catalog)?.build()?.summary();
    Ok(Ours { summary, values: values(&settings), printed: format!("{check}{settings:?}") })
}

fn values(settings: &BackstageSettings) -> Value {
    let token = match &settings.catalog.credentials {
        CatalogCredentials::Static { token, .. } => Some(token.expose()),
        _ => None,
    };
    let key_store = match settings.key_store {
        KeyStoreSettings::Memory => "memory",
        KeyStoreSettings::Database => "database",
        _ => "static",
    };
    json!({
        "baseUrl": settings.base_url,
        "appUrl": settings.app_url,
        "listen": { "host": settings.listen.host.as_deref().unwrap_or_default(), "port": settings.listen.port },
        "exposeAccessToken": settings.expose_access_token,
        "lifetime": settings.token_lifetime.as_secs(),
        "omitOwnership": settings.omit_ownership_claim,
        "keyStore": key_store,
        "guest": settings.guest.as_ref().map(|guest| json!({
            "user": guest.user.to_string(),
            "outside": guest.outside_development,
        })),
        "token": token,
        "catalog": settings.catalog.url,
        "auth": settings.auth_url,
        "database": settings.database.as_ref().map(database),
    })
}

fn database(database: &DatabaseSettings) -> Value {
    let (tls, ca) = match &database.tls {
        DatabaseTls::Off => ("off", None),
        DatabaseTls::Verified { roots } => ("verified", roots.as_deref()),
        _ => ("unverified", None),
    };
    let path = match (&database.schema, database.search_path.is_empty()) {
        (Some(schema), true) => vec![schema.clone()],
        _ => database.search_path.clone(),
    };
    json!({
        "client": "pg",
        "host": database.host,
        "port": database.port,
        "user": database.user,
        "password": database.password.as_ref().map(|password| password.expose()),
        "database": database.database,
        "tls": tls,
        "ca": ca,
        "searchPath": path,
        "ensureExists": database.ensure_exists,
        "role": database.role,
    })
}
