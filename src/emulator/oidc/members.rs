//! The members of a JSON object, in their order and each once.

use serde::{Deserialize, de::Error as _};
use serde_json::Value;

/// The claims of a user or of a token, in their order.
pub(in crate::emulator) type UserClaims = Vec<(String, Value)>;

/// An object with its members in their order.
pub(super) struct Members(pub(super) UserClaims);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
                let mut all: UserClaims = Vec::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    // With a duplicate claim one target would use the first and another the last.
                    if all.iter().any(|(held, _)| *held == name) {
                        return Err(A::Error::custom("duplicate claim"));
                    }
                    all.push((name, value));
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
