//! The provider's pages: plain HTML, no script, nothing from elsewhere.

mod frame;
mod info;
mod login;

pub(super) use self::{
    frame::Page,
    info::{ErrorPage, about, signed_out},
    login::login,
};

/// The one style sheet.
pub(super) const STYLE: &str = include_str!("style.css");
/// The one picture.
pub(super) const ICON: &str = include_str!("icon.svg");
