//! README and pages, against the code.
//!
//! Their code blocks are doctests of the crate. These tests cover what no compiler checks: links, tables, settings, claims.

mod between;
mod configuration;
#[cfg(feature = "backstage")]
mod guide;
mod links;
mod operating;
pub mod page;
mod readme;
mod security;
mod supply_chain;
mod threats;
mod topologies;
