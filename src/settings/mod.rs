//! Settings from files: YAML with its places, substitution, merging, and what is wrong with them.

mod error;
pub(crate) mod files;
#[cfg(feature = "app-config")]
mod merge;
#[cfg(feature = "app-config")]
mod node;
#[cfg(feature = "app-config")]
pub(crate) mod once;
#[cfg(any(feature = "backstage", feature = "emulator"))]
pub(crate) mod private_file;
#[cfg(feature = "app-config")]
mod resolve;
#[cfg(feature = "app-config")]
mod section;
#[cfg(feature = "app-config")]
mod yaml;

pub use self::error::ConfigError;
pub(crate) use self::files::FilesRead;
#[cfg(feature = "app-config")]
pub(crate) use self::{
    merge::merge,
    node::{Node, Origin, Value},
    once::{Once, Positions},
    resolve::Resolver,
    section::{Problems, Section},
};
