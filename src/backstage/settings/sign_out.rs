//! How the load balancer's session ends: `sessionCookieName` and `signOutUrl`.

use super::reader::{Path, Reader};
use crate::{
    SignOut, SignOutBuilder,
    config::{Problem, ProblemKind},
};

/// The text of a setting, if a builder takes it by this setter.
pub(super) fn read_checked(
    reader: &Reader<'_>,
    path: Path,
    set: fn(SignOutBuilder, String) -> SignOutBuilder,
) -> Option<String> {
    let section = reader.section(path.section());
    let text = reader.text(&section, path.key())?;
    let Err(error) = set(SignOut::builder(), text.clone()).build() else { return Some(text) };
    for problem in error.problems() {
        reader.problem(Problem::clause(ProblemKind::InvalidValue, [section.at(path.key())], problem.to_string()));
    }
    None
}

/// What was read, for pages of these origins.
pub(super) fn sign_out(cookie: Option<&str>, url: Option<&str>, origins: &[String]) -> Option<SignOut> {
    let builder = origins.iter().fold(SignOut::builder(), |builder, origin| builder.allow_origin(origin));
    let builder = cookie.into_iter().fold(builder, SignOutBuilder::cookie_name);
    url.into_iter().fold(builder, SignOutBuilder::end_session).build().ok()
}
