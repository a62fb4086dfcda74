//! The files that settings name: read by `check` and before the start, so that all mistakes are reported at once.

use std::{fs, path::Path};

use super::Settings;
use crate::{
    ConfigError,
    backstage::SigningKeys,
    config::{Problem, ProblemKind},
    deny_list::DenyList,
    internal::{KeyAt, server_tls, tls::Roots},
};

impl Settings {
    /// Every file that cannot be used. `at` is the place of a key.
    pub(in crate::auth_proxy) fn unusable_files(&self, at: impl Fn(&str) -> KeyAt) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(ca) = self.upstream.as_ref().and_then(|upstream| upstream.ca.as_deref())
            && let Some(pem) = content(ca, "upstream_ca", &at, &mut problems)
            && let Err(error) = Roots::Pem(String::from_utf8_lossy(&pem).into_owned()).client_config()
        {
            let what = format!("names {}, which cannot be used: {error}", ca.display());
            problems.push(Problem::of(ProblemKind::InvalidValue, at("upstream_ca"), what));
        }
        if let Some(tls) = &self.tls {
            let certificates = content(&tls.certificate, "tls_certificate", &at, &mut problems);
            let key = content(&tls.key, "tls_key", &at, &mut problems);
            if let Some((certificates, key)) = certificates.zip(key)
                && let Err(error) = server_tls::acceptor(&certificates, &key)
            {
                let (certificate, key) = (tls.certificate.display(), tls.key.display());
                let what = format!("names {certificate}, which cannot be used with tls_key {key}: {error}");
                problems.push(Problem::of(ProblemKind::InvalidValue, at("tls_certificate"), what));
            }
        }
        if let Some(path) = &self.deny_list {
            all_of(DenyList::from_file(path), &at("deny_list"), &mut problems);
        }
        if let Some(folder) = self.assertion.as_ref().and_then(|assertion| assertion.keys.as_deref()) {
            all_of(SigningKeys::from_folder(folder), &at("assertion_keys"), &mut problems);
        }
        // Not opened here: `check` would make it.
        if let Some(path) = &self.audit.file
            && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        {
            let what = format!("names {}, and there is no folder {}", path.display(), folder.display());
            let problem = Problem::of(ProblemKind::Unreadable, at("audit_file"), what);
            problems.push(problem.with_fix("create it, or name another file"));
        }
        problems
    }
}

/// The bytes of a file; a problem if it cannot be read.
fn content(path: &Path, key: &str, at: &impl Fn(&str) -> KeyAt, problems: &mut Vec<Problem>) -> Option<Vec<u8>> {
    let unreadable = |error| {
        let what = format!("names {}, which cannot be read: {error}", path.display());
        let problem = Problem::of(ProblemKind::Unreadable, at(key), what);
        problem.with_fix("correct the path, or let the user of the process read the file")
    };
    fs::read(path).map_err(|error| problems.push(unreadable(error))).ok()
}

/// The problems of what was read, each with the key that names it.
fn all_of<T>(read: Result<T, ConfigError>, at: &KeyAt, problems: &mut Vec<Problem>) {
    let Err(error) = read else { return };
    for problem in error.problems() {
        problems.push(Problem::of(problem.kind(), at.clone(), format!("cannot be used: {problem}")));
    }
}
