//! The keys of the files, and never their values.

use std::fmt;

use super::AppConfig;
use crate::settings::{Node, Value};

impl AppConfig {
    /// Every key that has a value, with its place: `("auth.providers.awsalb.issuer", "app-config.yaml:12")`. The values are
    /// not shown.
    pub fn keys(&self) -> Vec<(String, String)> {
        fn collect(path: &str, node: &Node, keys: &mut Vec<(String, String)>) {
            match &node.value {
                Value::Object(members) => {
                    for (name, member) in members {
                        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                        collect(&path, member, keys);
                    }
                }
                Value::List(items) if !items.is_empty() => {
                    for (index, item) in items.iter().enumerate() {
                        collect(&format!("{path}[{index}]"), item, keys);
                    }
                }
                // Counts as absent.
                Value::Null => {}
                _ => keys.push((path.to_owned(), node.origin.to_string())),
            }
        }
        let mut keys = Vec::new();
        collect("", &self.root, &mut keys);
        keys
    }
}

impl fmt::Debug for AppConfig {
    /// The keys; never the values, among which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.keys()).finish()
    }
}
