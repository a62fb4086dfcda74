//! Readers of the auth backend, for the oracles of `fuzz/`.

pub use super::issuer::fuzzing::user_token;
use super::settings::{DatabaseTls, PostgresUrl};

/// The parts of a database's address.
#[derive(Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the parts of an address")]
pub struct Address {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: Option<String>,
    /// `off`, `unverified` or `verified`.
    pub tls: Option<&'static str>,
    pub ignored: Vec<String>,
}

/// Reads the address of a database.
///
/// # Errors
/// The message of the fault.
pub fn postgres_url(text: &str) -> Result<Address, String> {
    let url = PostgresUrl::parse(text).map_err(|fault| fault.predicate)?;
    Ok(Address {
        host: url.host,
        port: url.port,
        user: url.user,
        password: url.password.map(|password| password.expose().to_owned()),
        database: url.database,
        tls: url.tls.map(|tls| match tls {
            DatabaseTls::Off => "off",
            DatabaseTls::Verified { .. } | DatabaseTls::SystemRoots => "verified",
            DatabaseTls::Unverified => "unverified",
        }),
        ignored: url.ignored,
    })
}
