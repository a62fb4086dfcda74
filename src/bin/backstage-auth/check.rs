//! The subcommand `check`: how each key of Backstage's files is used.

use std::path::PathBuf;

use tower_alb_auth::{ConfigError, backstage::settings::Check, config::AppConfig};

/// Prints how each key is used. Returns whether the service starts with these files.
pub fn run(paths: &[PathBuf]) -> Result<bool, ConfigError> {
    let check = Check::of(&AppConfig::load(paths)?);
    print!("{check}");
    match check.is_sound() {
        true => println!("\nThe settings are valid."),
        false => println!("\nThe service does not start with these files."),
    }
    Ok(check.is_sound())
}
