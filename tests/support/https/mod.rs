//! A key endpoint over real TLS connections.

pub mod certificates;
pub mod server;
pub mod site;
