//! The layer's own settings.

use crate::{
    AlbAuthSettings, ConfigError,
    config::{Problem, ProblemKind},
    internal::{KeyAt, Node, Problems},
};

use super::sources::as_json;

/// The keys of [`AlbAuthSettings`], but for its deny list, which is a key of the proxy.
pub(super) const KEYS: [&str; 6] =
    ["trust", "sign_in", "groups", "accept_missing_email_verified", "dangerously_ignore_identity_header", "limits"];

const PREFIX: &str = "ALB_AUTH_";

/// The settings of the variables `ALB_AUTH_...`; `None` if none is set.
pub(super) fn from_variables(variables: &[(String, String)]) -> Option<Result<AlbAuthSettings, ConfigError>> {
    let ours = || variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).cloned();
    ours().next()?;
    Some(AlbAuthSettings::from_vars(ours()))
}

/// The names of the variables `ALB_AUTH_...` that are set.
pub(super) fn names(variables: &[(String, String)]) -> impl Iterator<Item = &str> {
    variables.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(PREFIX))
}

/// The settings of the file.
pub(super) fn from_file(file: &Node, problems: &Problems) -> AlbAuthSettings {
    let mut object = serde_json::Map::new();
    for key in KEYS {
        let Some(node) = file.member(key) else { continue };
        let mut value = as_json(node);
        make_flags(&mut value);
        // Each key alone, so that all mistakes are reported.
        let alone = serde_json::Value::Object([(key.to_owned(), value.clone())].into_iter().collect());
        match serde_json::from_value::<AlbAuthSettings>(alone) {
            Ok(_) => drop(object.insert(key.to_owned(), value)),
            Err(error) => {
                let at = KeyAt::new(key, &node.origin);
                problems.add(Problem::of(ProblemKind::InvalidValue, at, format!("cannot be read: {error}")));
            }
        }
    }
    if file.member("trust").is_none() {
        let fix = "add an entry with signers, issuer and client_ids, or set the variables ALB_AUTH_SIGNERS, \
                   ALB_AUTH_ISSUER and ALB_AUTH_CLIENT_IDS";
        problems.add(Problem::of(ProblemKind::Missing, KeyAt::path("trust"), "is not set").with_fix(fix));
    }
    serde_json::from_value(serde_json::Value::Object(object)).unwrap_or_default()
}

/// A sign-in policy without settings is written as a text, and `null` behind its name means the same.
fn make_flags(value: &mut serde_json::Value) {
    if let serde_json::Value::Object(members) = value
        && let [name] = members.keys().cloned().collect::<Vec<_>>().as_slice()
        && members.get(name).is_some_and(serde_json::Value::is_null)
    {
        *value = if name == "subject" { serde_json::json!({ "subject": {} }) } else { name.clone().into() };
    }
}
