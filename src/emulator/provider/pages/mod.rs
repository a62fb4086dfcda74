//! The provider's pages: plain HTML without scripts and without external resources.

mod frame;
mod info;
mod login;

pub(super) use self::{
    frame::Page,
    info::{ErrorPage, about, signed_out},
    login::login,
};

/// The style sheet.
pub(super) const STYLE: &str = include_str!("style.css");
/// The icon.
pub(super) const ICON: &str = include_str!("icon.svg");
