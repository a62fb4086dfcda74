//! `auth.providers.guest`: a session without a sign-in, for development.

use super::reader::{Reader, Warning};
use crate::{
    EntityRef,
    config::{Problem, ProblemKind},
    internal::Section,
};

const PATH: &str = "auth.providers.guest";

/// A session without a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestSettings {
    /// The guest's user: `user:development/guest` unless another is named.
    pub user: EntityRef,
    /// The ownership of a guest who is not in the catalog: the guest's own ref unless others are named.
    pub ownership: Vec<EntityRef>,
    /// Whether guests may sign in outside of a development environment.
    pub outside_development: bool,
}

/// The guest, if the provider is present: `guest: {}` is enough.
pub(super) fn read_guest(reader: &Reader<'_>) -> Option<GuestSettings> {
    let providers = reader.section("auth.providers");
    providers.section("guest")?;
    let guest = reader.section(PATH);
    guest.only(&["userEntityRef", "ownershipEntityRefs", "dangerouslyAllowOutsideDevelopment"]);
    let outside_development = reader.flag_or(&guest, "dangerouslyAllowOutsideDevelopment", false);
    if outside_development {
        let text = "everyone who reaches this service may sign in as a guest";
        reader.warn(Warning::of(guest.at("dangerouslyAllowOutsideDevelopment"), text));
    }
    let usual = || EntityRef::new("user", "development", "guest").ok();
    let user = match reader.text(&guest, "userEntityRef") {
        Some(text) => entity(reader, &guest, "userEntityRef", &text),
        None => usual(),
    }?;
    if user.kind() != "user" {
        let problem = Problem::clause(ProblemKind::InvalidValue, [guest.at("userEntityRef")], "a guest is a user");
        reader.problem(problem.with_fix("write it as user:development/guest"));
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
        .map_err(|error| {
            let predicate = format!("is not an entity ref: {error}");
            reader.problem(Problem::of(ProblemKind::InvalidValue, guest.at(key), predicate).caused_by(error));
        })
        .ok()
}
