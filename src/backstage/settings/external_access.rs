//! `backend.auth.externalAccess`: the token for the catalog's queries.
//!
//! The entries are those of stock back ends, which fail at a mistake in any of them. Values of entries that are not used here may come
//! from variables that only those back ends have.
//!
//! | entry | result |
//! |---|---|
//! | `static`, and the catalog may be read with it | its token |
//! | another one, of a known type or not | it is not used |
//! | a key is missing, or `accessRestrictions` has a mistake | a problem, as in stock back ends |

use std::collections::HashSet;

use super::{
    Secret,
    reader::{Path, Reader, Warning},
};
use crate::{
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section, Value, closest, quoted},
};

/// The plugin that is queried, and the permission that its queries need.
const PLUGIN: &str = "catalog";
const PERMISSION: &str = "catalog.entity.read";
const ACTION: &str = "read";

/// The types of stock back ends with the options that each requires. A back end may have further ones.
const TYPES: [(&str, &[&str]); 3] =
    [("static", &["token", "subject"]), ("legacy", &["secret", "subject"]), ("jwks", &["url"])];

/// The first static token with which the catalog may be read, and its key. The outer `None` means that it cannot be used.
pub(super) fn read_token(reader: &Reader<'_>, path: Path) -> Option<Option<(Secret, KeyAt)>> {
    let mut found = None;
    for entry in reader.section(path.section()).sections(path.key()).unwrap_or_default() {
        let options = options(reader, &entry);
        let may_read = may_read_the_catalog(reader, &entry);
        if found.is_some() || entry.written("type") != Some("static") || !may_read {
            continue;
        }
        found = options.filter(|options| options.node.member("token").is_some()).map(|options| token(reader, &options));
    }
    match found {
        None => Some(None),
        Some(token) => token.map(Some),
    }
}

/// The token. `None` if it has a mistake.
fn token(reader: &Reader<'_>, options: &Section<'_>) -> Option<(Secret, KeyAt)> {
    if options.is_unset("token") {
        return None;
    }
    let (token, at) = (options.text("token")?, options.at("token"));
    // As stock back ends check it.
    if token.len() < 8 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let predicate = "must be 8 visible ASCII characters at least";
        reader.problem(Problem::of(ProblemKind::InvalidValue, at, predicate));
        return None;
    }
    Some((Secret::new(token), at))
}

/// The options of an entry, if it has any.
fn options<'a>(reader: &Reader<'_>, entry: &Section<'a>) -> Option<Section<'a>> {
    let kind = entry.text("type");
    if is_absent(entry, "type") {
        lacks(reader, entry, "type");
    }
    let names = TYPES.iter().map(|(name, _)| *name);
    let known = TYPES.iter().find(|(name, _)| Some(*name) == kind.as_deref());
    if let (Some(kind), None) = (&kind, known)
        && let Some(meant) = closest(kind, names)
    {
        let text = format!("{} is no type of stock back ends; did you mean {meant}?", quoted(kind));
        reader.warn(Warning::of(entry.at("type"), text));
    }
    if is_absent(entry, "options") {
        lacks(reader, entry, "options");
        return None;
    }
    let options = entry.section("options")?;
    let required = known.map(|(_, required)| *required).unwrap_or_default();
    required.iter().filter(|key| is_absent(&options, key)).for_each(|key| lacks(reader, &options, key));
    Some(options)
}

fn is_absent(section: &Section<'_>, key: &str) -> bool {
    section.node.member(key).is_none_or(|node| matches!(node.value, Value::Null))
}

fn lacks(reader: &Reader<'_>, section: &Section<'_>, key: &str) {
    reader.problem(Problem::of(ProblemKind::Missing, section.place(), format!("lacks {key}")).with_expected(key));
}

/// Whether queries of the catalog are allowed with the entry. Reports what stock back ends refuse.
fn may_read_the_catalog(reader: &Reader<'_>, entry: &Section<'_>) -> bool {
    const KEY: &str = "accessRestrictions";
    let restrictions = match entry.sections(KEY) {
        Some(restrictions) => restrictions,
        None => return entry.find(KEY).is_none(),
    };
    // An empty list restricts nothing.
    let mut may_read = restrictions.is_empty() && entry.is_empty_list(KEY);
    let mut plugins = HashSet::new();
    for restriction in &restrictions {
        restriction.only(&["plugin", "permission", "permissionAttribute"]);
        if is_absent(restriction, "plugin") {
            lacks(reader, restriction, "plugin");
        }
        let Some(plugin) = restriction.text("plugin") else { continue };
        let permitted = permits(restriction, "permission", PERMISSION);
        let attribute = restriction.section("permissionAttribute");
        let acts = attribute.is_none_or(|attribute| {
            attribute.only(&["action"]);
            permits(&attribute, "action", ACTION)
        });
        may_read |= plugin == PLUGIN && permitted && acts;
        if let Some(twice) = Some(plugin).filter(|plugin| !plugins.insert(plugin.clone())) {
            let predicate = format!("names the plugin {} again", quoted(&twice));
            let problem = Problem::of(ProblemKind::Conflict, restriction.place(), predicate);
            reader.problem(problem.with_fix("write one entry for each plugin"));
        }
    }
    may_read
}

/// Whether the value is listed, or nothing is: a list, or a text with commas or blanks between the values.
fn permits(section: &Section<'_>, key: &str, value: &str) -> bool {
    let Some(listed) = section.text_or_texts(key) else {
        return section.find(key).is_none() && !is_unset(section, key);
    };
    let mut values = listed.iter().flat_map(|text| text.split([' ', ','])).filter(|text| !text.is_empty()).peekable();
    values.peek().is_none() || values.any(|listed| listed == value)
}

/// A variable that is not set leaves open what is allowed.
fn is_unset(section: &Section<'_>, key: &str) -> bool {
    section.node.member(key).is_some_and(|node| matches!(node.value, Value::Unset(_)))
}
