//! `discovery.endpoints`: where plugins are.

use super::reader::{Reader, place};
use crate::internal::Section;

/// Who asks for an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Another back end,
    Internal,
    /// or a browser.
    External,
}

/// `discovery.endpoints`: where plugins are that are not where the others are.
pub(super) struct Endpoints<'a>(Vec<Section<'a>>);

impl<'a> Endpoints<'a> {
    pub(super) fn read(reader: &Reader<'a>) -> Self {
        Self(reader.section("discovery").sections("endpoints").unwrap_or_default())
    }

    /// The address of a plugin, and where it stands. A plugin's own entry goes before one for all (`*`), a later one before an
    /// earlier.
    pub(super) fn of(&self, plugin: &str, side: Side) -> Option<(String, String)> {
        self.named(plugin, plugin, side).or_else(|| self.named("*", plugin, side))
    }

    fn named(&self, name: &str, plugin: &str, side: Side) -> Option<(String, String)> {
        self.0.iter().rev().find_map(|entry| {
            if !entry.texts("plugins").unwrap_or_default().iter().any(|held| held == name) {
                return None;
            }
            let (target, of) = match (entry.written("target"), side) {
                (Some(target), _) => (target, place(entry, "target")),
                (None, side) => {
                    let target = entry.find("target").is_some().then(|| entry.section("target")).flatten()?;
                    let key = if side == Side::Internal { "internal" } else { "external" };
                    (target.written(key)?, place(&target, key))
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
