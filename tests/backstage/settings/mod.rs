//! What an auth service takes from Backstage's own files.

mod catalog;
mod check;
mod database;
mod field;
mod field_files;
mod hostile;
mod key_stores;
mod kinds;
mod messages;
mod of_the_backend;
mod slips;
mod tokens;
mod urls;

use tower_alb_auth::{ConfigError, backstage::settings::BackstageSettings, config::AppConfig};

/// The least that there must be.
const BASE: &str = "
app:
  baseUrl: https://backstage.example.com
backend:
  baseUrl: https://backstage.example.com
";

/// The environment of these tests.
fn environment(name: &str) -> Option<String> {
    let value = match name {
        "PORT" => "6432",
        "PASSWORD" => "canary-password",
        "TOKEN" => "canary-token",
        _ => return None,
    };
    Some(value.to_owned())
}

fn config(text: &str) -> AppConfig {
    AppConfig::from_text("app-config.yaml", text, environment).expect("YAML")
}

/// The least, and a later file over it.
fn with(text: &str) -> Result<BackstageSettings, ConfigError> {
    let over = AppConfig::from_text("app-config.production.yaml", text, environment).expect("YAML");
    BackstageSettings::read(&over.over(config(BASE)))
}

fn read(text: &str) -> BackstageSettings {
    with(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// What is wrong.
fn wrong(text: &str) -> String {
    let error = with(text).map(drop).expect_err("a mistake");
    error.to_string().replace("the configuration cannot be used\n- ", "")
}
