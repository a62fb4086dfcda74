//! The CA of an emulator's key endpoint: read from its file, and for that endpoint alone.

use std::path::Path;

use super::trust::Entry;
use crate::{
    alb::KeyEndpoint,
    settings::{Problem, ProblemKind},
};
#[cfg(feature = "https")]
use crate::{
    net::tls::Roots,
    settings::{FilesRead, files},
};

/// The setting, in each place that has it.
pub(super) const SETTING: &str =
    "emulator_ca_file (environment: ALB_AUTH_EMULATOR_CA_FILE, app-config.yaml: emulatorCaFile)";

/// An entry with a CA and without a key endpoint on https.
pub(super) fn without_effect(path: &Path, endpoint: Option<&KeyEndpoint>, of: &str) -> Option<Problem> {
    let found = match endpoint {
        Some(endpoint) if endpoint.is_plain_http() => format!("the key endpoint {endpoint} is plain http"),
        Some(_) => return None,
        None => "there is no key endpoint".to_owned(),
    };
    let text = format!("{of} verifies a key endpoint by the CA in {}, but {found}", path.display());
    let fix = format!("set the https address that alb-emulator --keys-tls prints, or remove {SETTING}");
    Some(Problem::sentence(ProblemKind::Conflict, text).with_fix(fix))
}

/// The roots of each key endpoint that has a CA, from the files, which are added to those that were read.
#[cfg(feature = "https")]
pub(super) fn roots(
    entries: &[Entry],
    files_read: &mut FilesRead,
    problems: &mut Vec<Problem>,
) -> Vec<(KeyEndpoint, Roots)> {
    let mut all: Vec<(KeyEndpoint, Roots)> = Vec::new();
    for entry in entries {
        let Some(path) = &entry.emulator_ca else { continue };
        let shown = path.display().to_string();
        let read = files::read(path);
        files_read.add_file(path, &shown, &read);
        let roots = match read {
            Ok(pem) => Roots::PemFile(String::from_utf8_lossy(&pem).into_owned(), path.clone()),
            Err(error) => {
                let text = format!("the CA of the emulator's key endpoint, {shown}, cannot be read: {error}");
                problems.push(wrong_file(ProblemKind::Unreadable, text).caused_by(error));
                continue;
            }
        };
        if let Err(text) = roots.client_config() {
            problems.push(wrong_file(ProblemKind::InvalidValue, text));
            continue;
        }
        for (_, endpoint) in &entry.signers {
            if all.iter().all(|(held, _)| held != endpoint) {
                all.push((endpoint.clone(), roots.clone()));
            }
        }
    }
    all
}

/// A file that is not that of the emulator's CA.
#[cfg(feature = "https")]
fn wrong_file(kind: ProblemKind, text: String) -> Problem {
    Problem::sentence(kind, text).with_fix(format!("name the file ca.pem of alb-emulator --keys-tls by {SETTING}"))
}

/// Keys that are not fetched are verified by no CA.
pub(super) fn unused(entries: &[Entry]) -> Option<Problem> {
    entries.iter().any(|entry| entry.emulator_ca.is_some()).then(|| {
        let text =
            "the CA of an emulator's key endpoint has no effect, because keys are not fetched over HTTPS by this crate";
        Problem::sentence(ProblemKind::Conflict, text).with_fix(format!("remove {SETTING}"))
    })
}
