//! Network helpers: listening, the loopback test, percent-encoding, TLS roots, HTTP clients, and the reverse proxy.

#[cfg(feature = "https")]
pub(crate) mod http_client;
#[cfg(any(feature = "backstage-auth", feature = "emulator", feature = "test-util"))]
mod listen;
mod loopback;
mod percent;
#[cfg(any(feature = "emulator", feature = "backstage"))]
pub(crate) mod proxy;
#[cfg(feature = "https")]
pub(crate) mod tls;

#[cfg(any(feature = "backstage-auth", feature = "emulator", feature = "test-util"))]
pub use self::listen::listen;
pub(crate) use self::{loopback::is_loopback, percent::encoded};
