//! Network helpers: the loopback test, percent-encoding, TLS roots, HTTP clients, and the reverse proxy.

#[cfg(feature = "https")]
pub(crate) mod http_client;
mod loopback;
mod percent;
#[cfg(any(feature = "emulator", feature = "backstage"))]
pub(crate) mod proxy;
#[cfg(feature = "https")]
pub(crate) mod tls;

pub(crate) use self::{loopback::is_loopback, percent::encoded};
