//! Network helpers: the loopback test, percent-encoding, readings of a path, TLS, and the reverse proxy.

mod loopback;
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) mod path_readings;
mod percent;
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) mod proxy;
#[cfg(any(feature = "emulator", feature = "proxy"))]
pub(crate) mod server_tls;
#[cfg(feature = "https")]
pub(crate) mod tls;

pub(crate) use self::{loopback::is_loopback, percent::encoded};
