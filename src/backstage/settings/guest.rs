//! `auth.providers.guest`: a session without a sign-in, for development.

use super::reader::{Path, Reader, Warning};
use crate::{
    EntityRef,
    config::{Problem, ProblemKind},
    internal::Section,
};

const USER: &str = "userEntityRef";
const OWNERSHIP: &str = "ownershipEntityRefs";
const OUTSIDE_DEVELOPMENT: &str = "dangerouslyAllowOutsideDevelopment";

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
pub(super) fn read_guest(reader: &Reader<'_>, path: Path) -> Option<GuestSettings> {
    reader.section(path.section()).section(path.key())?;
    let guest = reader.section(path.whole());
    guest.only(&[USER, OWNERSHIP, OUTSIDE_DEVELOPMENT]);
    let outside_development = reader.flag_or(&guest, OUTSIDE_DEVELOPMENT, false);
    if outside_development {
        let text = "everyone who reaches this service may sign in as a guest";
        reader.warn(Warning::of(guest.at(OUTSIDE_DEVELOPMENT), text));
    }
    let usual = || EntityRef::new("user", "development", "guest").ok();
    let user = match reader.text(&guest, USER) {
        Some(text) => entity(reader, &guest, USER, &text),
        None => usual(),
    }?;
    if user.kind() != "user" {
        let problem = Problem::clause(ProblemKind::InvalidValue, [guest.at(USER)], "a guest is a user");
        reader.problem(problem.with_fix("write it as user:development/guest"));
        return None;
    }
    let written = guest.texts(OWNERSHIP);
    let ownership = match written {
        Some(texts) => texts.iter().map(|text| entity(reader, &guest, OWNERSHIP, text)).collect::<Option<Vec<_>>>()?,
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
