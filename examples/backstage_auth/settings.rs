//! What Backstage's files say, or all that is wrong with them at once.

use std::path::PathBuf;

use tower_alb_auth::{
    ConfigError,
    backstage::settings::{BackstageSettings, Check},
    config::AppConfig,
};

/// The settings of the service.
pub fn read(files: &AppConfig) -> Result<BackstageSettings, ConfigError> {
    // The check reports the provider's problems too, so that a first start shows all of them.
    BackstageSettings::read(files).map_err(|error| Check::of(files).error().unwrap_or(error))
}

/// Prints what becomes of each key. Whether a service starts with these files.
pub fn check(paths: &[PathBuf]) -> Result<bool, ConfigError> {
    let check = Check::of(&AppConfig::load(paths)?);
    print!("{check}");
    match check.is_sound() {
        true => println!("\nThe files are sound."),
        false => println!("\nThe service does not start with these files."),
    }
    Ok(check.is_sound())
}
