//! Reads the YAML file of `--config`; messages of configuration errors.

use std::{fs, path::Path};

use crate::{ConfigError, emulator::EmulatorSettings};

/// Maximum size of a settings file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings of a YAML file.
///
/// # Errors
/// The file cannot be read, or it has mistakes, each with its line.
pub(super) fn read_settings(path: &Path) -> Result<EmulatorSettings, String> {
    let name = path.display().to_string();
    let unread = |error| format!("{name} cannot be read: {error}");
    if fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        return Err(format!("{name} is larger than {MAX_BYTES} bytes, which is too large for a settings file"));
    }
    let text = fs::read_to_string(path).map_err(unread)?;
    EmulatorSettings::from_yaml(&name, &text).map_err(|error| message_of(&error))
}

/// The only problem, or the list of all of them.
pub(super) fn message_of(error: &ConfigError) -> String {
    match error.problems() {
        [problem] => problem.to_string(),
        _ => error.to_string(),
    }
}
