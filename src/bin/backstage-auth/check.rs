//! The task `check`: what becomes of each key of Backstage's files.

use std::path::PathBuf;

use tower_alb_auth::{ConfigError, backstage::settings::Check, config::AppConfig};

/// Prints what becomes of each key. Whether a service starts with these files.
pub fn run(paths: &[PathBuf]) -> Result<bool, ConfigError> {
    let check = Check::of(&AppConfig::load(paths)?);
    print!("{check}");
    match check.is_sound() {
        true => println!("\nThe files are sound."),
        false => println!("\nThe service does not start with these files."),
    }
    Ok(check.is_sound())
}
