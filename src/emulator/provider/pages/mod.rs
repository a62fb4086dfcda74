//! The provider's pages: plain HTML, no script, nothing from elsewhere.

mod frame;
mod login;
mod others;

pub(super) use self::{
    frame::Page,
    login::login,
    others::{ErrorPage, about, signed_out},
};

/// The one style sheet.
pub(super) const STYLE: &str = include_str!("style.css");
/// The one picture.
pub(super) const ICON: &str = include_str!("icon.svg");
