//! `backend.health.headers`: headers of health responses.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::reader::{Path, Reader};
use crate::{
    config::{Problem, ProblemKind},
    internal::Value,
};

/// Names with their values, which must be texts, as in stock back ends.
pub(super) fn read_health_headers(reader: &Reader<'_>, path: Path) -> HeaderMap {
    let headers = reader.section(path.whole());
    let mut read = HeaderMap::new();
    for (name, node) in headers.members() {
        reader.tell_unset(&headers, name);
        let value = match &node.value {
            Value::Text(text) => text,
            Value::Null | Value::Unset(_) => continue,
            _ => {
                headers.wrong::<()>(name, node, "a text");
                continue;
            }
        };
        match (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => drop(read.insert(name, value)),
            _ => {
                let predicate = "is not a header: its name must be a token of RFC 9110, its value visible ASCII";
                reader.problem(Problem::of(ProblemKind::InvalidValue, headers.at(name), predicate));
            }
        }
    }
    read
}
