//! Reads the YAML file of `--config`; messages of configuration errors.

use std::{fs, path::Path};

use tower_alb_auth::{ConfigError, config::Problem, emulator::EmulatorSettings};

use crate::arguments::flag_of;

/// Maximum size of a settings file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings of a YAML file.
///
/// # Errors
/// The file cannot be read, or it has mistakes, each with its line.
pub(crate) fn read_settings(path: &Path) -> Result<EmulatorSettings, String> {
    let name = path.display().to_string();
    let unread = |error| format!("{name} cannot be read: {error}");
    if fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        return Err(format!("{name} is larger than {MAX_BYTES} bytes, which is too large for a settings file"));
    }
    let text = fs::read_to_string(path).map_err(unread)?;
    EmulatorSettings::from_yaml(&name, &text).map_err(|error| message_of(&error))
}

/// The only problem, or the list of all of them. Each names the flag of its setting, if there is
/// one.
pub(crate) fn message_of(error: &ConfigError) -> String {
    let with_flag = |problem: &Problem| {
        // A problem of the file is mended there.
        let key = problem.key().filter(|_| problem.location().is_none());
        key.and_then(flag_of).map_or_else(|| problem.to_string(), |flag| format!("{problem} ({flag})"))
    };
    match error.problems() {
        [problem] => with_flag(problem),
        problems => {
            let lines: Vec<String> = problems.iter().map(|problem| format!("\n- {}", with_flag(problem))).collect();
            format!("the configuration cannot be used{}", lines.concat())
        }
    }
}
