//! `discovery.endpoints`: the addresses of plugins.

use super::reader::{Path, Reader};
use crate::{
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section},
};

pub(super) const ENDPOINTS: Path = Path::new("discovery.endpoints");

/// The side that needs an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Another back end.
    Internal,
    /// A browser.
    External,
}

/// `discovery.endpoints`: plugins that have another address than `backend.baseUrl`.
pub(super) struct Endpoints<'a>(Vec<Section<'a>>);

impl<'a> Endpoints<'a> {
    /// The entries. A mistake in one of another plugin is one too, since stock back ends fail at it.
    pub(super) fn read(reader: &Reader<'a>) -> Self {
        let entries = reader.section(ENDPOINTS.section()).sections(ENDPOINTS.key()).unwrap_or_default();
        for entry in &entries {
            for key in ["target", "plugins"] {
                if entry.find(key).is_none() && !entry.is_unset(key) {
                    let problem = Problem::of(ProblemKind::Missing, entry.place(), format!("lacks {key}"));
                    let fix = "write it as { target: <address>, plugins: [<plugin>] }";
                    reader.problem(problem.with_expected(key).with_fix(fix));
                }
            }
            let external = match entry.written("target") {
                Some(target) => Some((target, entry.at("target"))),
                None => {
                    let target = entry.find("target").and_then(|_| entry.section("target"));
                    target.and_then(|target| Some((target.written("external")?, target.at("external"))))
                }
            };
            if let Some((url, of)) = external.filter(|(url, _)| is_srv(url)) {
                reader.problem(not_an_address(of, url, "an address for browsers"));
            }
        }
        Self(entries)
    }

    /// The address of a plugin, and its key. An entry that names the plugin wins over one for all (`*`), a later one over an
    /// earlier one.
    pub(super) fn of(&self, plugin: &str, side: Side) -> Option<(String, KeyAt)> {
        self.named(plugin, plugin, side).or_else(|| self.named("*", plugin, side))
    }

    fn named(&self, name: &str, plugin: &str, side: Side) -> Option<(String, KeyAt)> {
        self.0.iter().rev().find_map(|entry| {
            if !entry.texts("plugins").unwrap_or_default().iter().any(|held| held == name) {
                return None;
            }
            let (target, of) = match (entry.written("target"), side) {
                (Some(target), _) => (target, entry.at("target")),
                (None, side) => {
                    let target = entry.find("target").is_some().then(|| entry.section("target")).flatten()?;
                    let key = if side == Side::Internal { "internal" } else { "external" };
                    (target.written(key)?, target.at(key))
                }
            };
            Some((with_plugin(target, plugin), of))
        })
    }
}

/// Whether it is the address of an SRV record, which stock back ends resolve.
fn is_srv(url: &str) -> bool {
    ["http+srv:", "https+srv:"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// The problem with an address that is not `http` or `https`.
pub(super) fn not_an_address(of: KeyAt, url: &str, what: &str) -> Problem {
    if is_srv(url) {
        let predicate = format!("gives {what} by an SRV record (http+srv), which is not resolved here");
        let fix = "write http or https with the host and port that the record names, in an entry for this plugin alone";
        return Problem::of(ProblemKind::NotServed, of, predicate).with_fix(fix);
    }
    let predicate = format!("gives {what}, which must be an http or https URL");
    Problem::of(ProblemKind::InvalidValue, of, predicate)
}

/// `{{pluginId}}`, with or without spaces inside.
fn with_plugin(target: &str, plugin: &str) -> String {
    let (mut done, mut rest) = (String::new(), target);
    while let Some((before, after)) = rest.split_once("{{") {
        match after.split_once("}}") {
            Some((name, after)) if name.trim() == "pluginId" => {
                done.push_str(before);
                done.push_str(plugin);
                rest = after;
            }
            _ => {
                done.push_str(before);
                done.push_str("{{");
                rest = after;
            }
        }
    }
    done.push_str(rest);
    done
}
