//! What the README and the pages say, held against the code.
//!
//! Their code blocks are doctests of the crate; here is what no compiler sees: links, tables, settings, claims.

mod configuration;
#[cfg(feature = "backstage")]
mod guide;
mod links;
mod operating;
mod page;
mod readme;
mod security;
mod supply_chain;
mod threats;
