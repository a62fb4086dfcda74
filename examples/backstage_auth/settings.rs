//! What Backstage's files say, or all that is wrong with them at once.

use tower_alb_auth::{ConfigError, backstage::settings::BackstageSettings, config::AppConfig, sign_in::Catalog};

/// The settings of the service.
pub fn read(files: &AppConfig) -> Result<BackstageSettings, ConfigError> {
    BackstageSettings::read(files).map_err(|error| with_those_of_the_provider(error, files))
}

/// Whoever starts it for the first time reads everything that is missing, not one half after the other.
fn with_those_of_the_provider(error: ConfigError, files: &AppConfig) -> ConfigError {
    // Asked by nobody: it stands for the one whose address is not known yet.
    let Ok(catalog) = Catalog::at("https://catalog.invalid").token("none").build() else { return error };
    match files.alb_auth_in_catalog(&catalog).and_then(|builder| builder.build()) {
        Ok(_) => error,
        Err(more) => all_of([error, more]),
    }
}

/// Several of them as one.
fn all_of(errors: impl IntoIterator<Item = ConfigError>) -> ConfigError {
    let problems: Vec<String> = errors.into_iter().flat_map(|error| error.problems().to_vec()).collect();
    ConfigError::message(problems.join("\n- "))
}
