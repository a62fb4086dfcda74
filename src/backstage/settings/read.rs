//! Reads the table of settings, row by row.

use std::collections::HashSet;

use super::{
    BackstageSettings,
    fields::Draft,
    keys::{Key, keys_below},
    reader::{Reader, Warning},
    rules::not_served_here,
    table::SETTINGS,
};
use crate::{
    ConfigError,
    config::{AppConfig, Problem},
    internal::{KeyAt, Node, Problems},
};

/// The parts of the files that concern an auth service.
const PARTS: [&str; 3] = ["auth", "backend", "discovery"];

impl BackstageSettings {
    /// Reads them. Opens no connection.
    ///
    /// # Errors
    /// All problems, each with its file and line, and for a missing setting the lines to add.
    pub fn read(config: &AppConfig) -> Result<Self, ConfigError> {
        match read_all(config) {
            (Some(settings), problems, warnings) if problems.is_empty() => {
                Ok(Self { warnings: warnings.iter().map(ToString::to_string).collect(), ..settings })
            }
            (_, problems, _) => Err(ConfigError::new(problems)),
        }
    }
}

/// The settings, if there is enough for them; problems and warnings. A row that cannot be read hides no problem of a later one.
pub(super) fn read_all(config: &AppConfig) -> (Option<BackstageSettings>, Vec<Problem>, Vec<Warning>) {
    let (problems, nothing) = (Problems::default(), Node::empty());
    let reader = Reader::new(config, &nothing, &problems);
    let mut draft = Draft::default();
    SETTINGS.iter().for_each(|setting| setting.read(&reader, &mut draft));
    draft.urls().into_iter().for_each(|urls| urls.check(&reader));
    let settings = draft.complete();
    let keys = keys_below(config.root(), &PARTS);
    let of_reader = reader.into_warnings();
    let problems = problems.into_inner();
    // A key that is refused is reported as that alone.
    let refused: HashSet<&KeyAt> = problems.iter().flat_map(Problem::keys).collect();
    let mut warnings = not_served_here(&keys);
    warnings.retain(|warning| !matches!(warning, Warning::Ignored { key, .. } if refused.contains(key)));
    warnings.extend(keys.iter().filter_map(Key::not_overridden));
    warnings.extend(of_reader);
    (settings, problems, warnings)
}
