//! The files that rules are read from.

use std::{fs, path::Path};

use serde_json::Value;

use super::yaml;

/// Maximum size of a file, in bytes. A template has 1 MB at most.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file, by what it contains.
pub(super) struct Document {
    /// Its name, for messages.
    pub(super) name: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Of `aws elbv2 describe-rules`.
    Rules(Vec<Value>),
    /// Of `aws elbv2 describe-listeners`.
    Listeners(Vec<Value>),
    /// A CloudFormation template.
    Template(Value),
}

impl Document {
    /// # Errors
    /// The message names the file. It shows nothing of its content: a file may have a client secret.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().escape_default().to_string();
        let unread = |error| format!("{} cannot be read: {error}", path.display());
        if fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
            return Err(format!("{name} is larger than {MAX_BYTES} bytes"));
        }
        let text = fs::read_to_string(path).map_err(unread)?;
        let content = Content::parse(&text).map_err(|reason| format!("{name}: {reason}"))?;
        Ok(Self { name, content })
    }
}

impl Content {
    fn parse(text: &str) -> Result<Self, String> {
        let mut root = match text.trim_start().strip_prefix('{') {
            // The reader's own message would quote the file.
            Some(_) => serde_json::from_str(text).map_err(|error| format!("line {}: not JSON", error.line()))?,
            None => yaml::parse(text)?,
        };
        let more =
            ["NextToken", "NextMarker"].into_iter().find(|key| root.get(key).is_some_and(|value| !value.is_null()));
        if let Some(more) = more {
            return Err(format!("it has {more}, so it is a part of a list: let the AWS CLI print all of it"));
        }
        let mut list = |key: &str| match root.get_mut(key).map(Value::take) {
            Some(Value::Array(items)) => Ok(Some(items)),
            None => Ok(None),
            Some(_) => Err(format!("{key} is not a list")),
        };
        if let Some(rules) = list("Rules")? {
            return Ok(Self::Rules(rules));
        }
        if let Some(listeners) = list("Listeners")? {
            return Ok(Self::Listeners(listeners));
        }
        if root.get("Resources").is_some_and(Value::is_object) {
            return Ok(Self::Template(root));
        }
        Err("it has no Rules (aws elbv2 describe-rules), Listeners (aws elbv2 describe-listeners) or Resources \
             (a CloudFormation template); write the output of the AWS CLI with --output json"
            .to_owned())
    }
}
