//! The groups above a user's groups.

use std::collections::HashSet;

use super::{client::Client, entity::Entity};
use crate::{identity::EntityRef, sign_in::SignInError};

/// How many steps up are gone at the most,
const MAX_STEPS: usize = 16;
/// how many groups a user may own for, so that a catalog cannot make a sign-in endless,
const MAX_GROUPS: usize = 1_000;
/// and how many are asked for at once.
const AT_ONCE: usize = 100;

/// These groups and those above them, nearest first, each once.
pub(super) async fn with_parents(client: &Client, direct: Vec<EntityRef>) -> Result<Vec<EntityRef>, SignInError> {
    let mut known: HashSet<EntityRef> = direct.iter().cloned().collect();
    let (mut all, mut level) = (direct.clone(), direct);
    for _ in 0..MAX_STEPS {
        let mut above = Vec::new();
        for asked in level.chunks(AT_ONCE) {
            let found = client.by_refs(asked).await?;
            let of_those = |group: &Entity| group.entity_ref().is_ok_and(|held| asked.contains(&held));
            for group in found.into_iter().filter(of_those) {
                above.extend(group.groups("childOf").into_iter().filter(|parent| known.insert(parent.clone())));
            }
        }
        if above.is_empty() {
            return Ok(all);
        }
        all.extend(above.iter().cloned());
        if all.len() > MAX_GROUPS {
            break;
        }
        level = above;
    }
    Err(SignInError::refused(format!(
        "the user's groups have more than {MAX_GROUPS} groups, or {MAX_STEPS} steps, above them: leave transitive groups out"
    )))
}
