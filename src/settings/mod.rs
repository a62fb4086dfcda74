//! Settings from files: YAML with the line of each value, substitution of environment variables, merging, and problems.

mod error;
pub(crate) mod files;
mod location;
mod made_problem;
#[cfg(feature = "app-config")]
mod merge;
mod method;
#[cfg(feature = "app-config")]
mod node;
#[cfg(feature = "app-config")]
pub(crate) mod once;
#[cfg(any(feature = "backstage", feature = "emulator", feature = "proxy"))]
pub(crate) mod private_file;
mod problem;
mod problem_kind;
#[cfg(feature = "app-config")]
mod resolve;
#[cfg(feature = "app-config")]
mod section;
#[cfg(feature = "app-config")]
mod substitution;
mod suggest;
mod unsettled;
#[cfg(feature = "app-config")]
mod variables;
#[cfg(feature = "app-config")]
pub(crate) mod yaml;

#[cfg(any(feature = "app-config", feature = "emulator"))]
pub(crate) use self::suggest::closest;
pub use self::{error::ConfigError, location::Location, problem::Problem, problem_kind::ProblemKind};
pub(crate) use self::{files::FilesRead, location::KeyAt, unsettled::Unsettled};
#[cfg(feature = "app-config")]
pub(crate) use self::{
    merge::merge,
    node::{Node, Value},
    once::{Once, Positions},
    resolve::Resolver,
    section::{MERGE_KEY, Problems, Section},
    variables::{Variables, read_variables},
};
