//! A PostgreSQL server, and the stock auth backend on it.

pub mod backstage;
pub mod database;
pub mod server;
