//! `discovery.endpoints`: the addresses of plugins.

use super::reader::Reader;
use crate::internal::{KeyAt, Section};

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
    pub(super) fn read(reader: &Reader<'a>) -> Self {
        Self(reader.section("discovery").sections("endpoints").unwrap_or_default())
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
