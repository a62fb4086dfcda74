//! Entities of the catalog: the parts that sign-in uses.

use std::collections::HashMap;

use serde::Deserialize;

use crate::identity::{EntityRef, EntityRefError};

#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Option<Spec>,
    #[serde(default)]
    relations: Vec<Relation>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Spec {
    #[serde(default)]
    profile: Option<Profile>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    #[serde(default)]
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relation {
    #[serde(rename = "type")]
    kind: String,
    target_ref: String,
}

impl Entity {
    pub(super) fn is_user(&self) -> bool {
        self.kind.eq_ignore_ascii_case("user")
    }

    pub(super) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(super) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or("default")
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.spec.as_ref()?.profile.as_ref()?.email.as_deref()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.get(name).map(String::as_str)
    }

    pub(super) fn entity_ref(&self) -> Result<EntityRef, EntityRefError> {
        EntityRef::new(&self.kind, &self.namespace().to_ascii_lowercase(), self.name())
    }

    /// The groups that a user is a member of, or the parents of a group, in the catalog's order
    /// and in lower case. Targets that are not groups are omitted, as in Backstage.
    pub(super) fn groups(&self, relation: &str) -> Vec<EntityRef> {
        let targets = self.relations.iter().filter(|held| held.kind == relation);
        let groups = targets.filter_map(|held| held.target_ref.to_ascii_lowercase().parse::<EntityRef>().ok());
        groups.filter(|group| group.kind() == "group").collect()
    }
}
