//! The message about a value that does not exist.

use crate::internal::{closest, quoted};

/// `"dney" is not one of allow, deny. Did you mean deny?`
pub(super) fn not_one_of(found: &str, known: &[&str]) -> String {
    let meant = closest(found, known.iter().copied()).map(|name| format!(". Did you mean {name}?"));
    format!("{} is not one of {}{}", quoted(found), known.join(", "), meant.unwrap_or_default())
}
