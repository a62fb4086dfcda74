//! The parents of a user's groups.

use std::collections::HashSet;

use super::{client::Client, entity::Entity};
use crate::{identity::EntityRef, sign_in::SignInError};

/// Maximum number of levels above a user's groups.
const MAX_LEVELS: usize = 16;

/// Maximum number of groups in a user's ownership, so that a catalog cannot make a sign-in endless.
const MAX_GROUPS: usize = 1_000;

/// Maximum number of groups in one query.
const MAX_GROUPS_PER_QUERY: usize = 100;

/// These groups and all groups above them, nearest first, each once.
pub(super) async fn with_parents(client: &Client, direct: Vec<EntityRef>) -> Result<Vec<EntityRef>, SignInError> {
    let mut known: HashSet<EntityRef> = direct.iter().cloned().collect();
    let (mut all, mut level) = (direct.clone(), direct);
    for _ in 0..MAX_LEVELS {
        let mut above = Vec::new();
        for refs in level.chunks(MAX_GROUPS_PER_QUERY) {
            let found = client.by_refs(refs).await?;
            let was_requested = |group: &Entity| group.entity_ref().is_ok_and(|held| refs.contains(&held));
            for group in found.into_iter().filter(was_requested) {
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
        "the user's groups have more than {MAX_GROUPS} groups or {MAX_LEVELS} levels above them: disable transitive groups"
    )))
}
