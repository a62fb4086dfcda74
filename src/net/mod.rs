//! Network helpers: the loopback test, percent-encoding, TLS roots, and the reverse proxy.

mod loopback;
mod percent;
#[cfg(any(feature = "emulator", feature = "backstage"))]
pub(crate) mod proxy;
#[cfg(feature = "https")]
pub(crate) mod tls;

pub(crate) use self::{loopback::is_loopback, percent::encoded};
