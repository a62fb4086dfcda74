//! `auth.providers.guest`: a session without a sign-in, for development.

use super::reader::{Reader, place};
use crate::{
    EntityRef,
    internal::{Section, Value},
};

const PATH: &str = "auth.providers.guest";

/// A session without a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestSettings {
    /// Who a guest is: `user:development/guest` unless another is named.
    pub user: EntityRef,
    /// What a guest owns for who is not in the catalog: the own ref unless others are named.
    pub ownership: Vec<EntityRef>,
    /// Whether guests may come in outside of a development environment.
    pub outside_development: bool,
}

/// The guest, where the provider is there: `guest: {}` is enough.
pub(super) fn read_guest(reader: &Reader<'_>) -> Option<GuestSettings> {
    let providers = reader.section("auth.providers");
    providers.find("guest").filter(|node| matches!(node.value, Value::Object(_)))?;
    let guest = reader.section(PATH);
    guest.only(&["userEntityRef", "ownershipEntityRefs", "dangerouslyAllowOutsideDevelopment"]);
    let outside_development = reader.flag_or(&guest, "dangerouslyAllowOutsideDevelopment", false);
    if outside_development {
        reader.warn(format!(
            "{}: whoever reaches this service may come in as a guest",
            place(&guest, "dangerouslyAllowOutsideDevelopment")
        ));
    }
    let usual = || EntityRef::new("user", "development", "guest").ok();
    let user = match reader.text(&guest, "userEntityRef") {
        Some(text) => entity(reader, &guest, "userEntityRef", &text),
        None => usual(),
    }?;
    if user.kind() != "user" {
        reader.problem(format!(
            "{}: a guest is a user: write it as user:development/guest",
            place(&guest, "userEntityRef")
        ));
        return None;
    }
    let written = guest.texts("ownershipEntityRefs");
    let ownership = match written {
        Some(texts) => {
            texts.iter().map(|text| entity(reader, &guest, "ownershipEntityRefs", text)).collect::<Option<Vec<_>>>()?
        }
        None => vec![user.clone()],
    };
    Some(GuestSettings { user, ownership, outside_development })
}

fn entity(reader: &Reader<'_>, guest: &Section<'_>, key: &str, text: &str) -> Option<EntityRef> {
    // Stock back ends take `guest` and `development/guest` too, as a user's.
    let (kind, rest) = text.split_once(':').unwrap_or(("user", text));
    let (namespace, name) = rest.split_once('/').unwrap_or(("default", rest));
    EntityRef::new(kind, namespace, name)
        .map_err(|error| reader.problem(format!("{} is no entity ref: {error}", place(guest, key))))
        .ok()
}
