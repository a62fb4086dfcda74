//! Network helpers: hosts, URLs of HTTP servers, listening, the loopback test, percent-encoding, readings of a path, TLS, files with private keys, HTTP clients, and the reverse proxy.

mod host;
#[cfg(feature = "https")]
pub(crate) mod http_client;
mod http_url;
#[cfg(any(feature = "backstage-auth", feature = "emulator", feature = "proxy", feature = "test-util"))]
mod listen;
mod loopback;
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) mod path_readings;
mod percent;
mod private_host;
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) mod private_key;
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) mod proxy;
#[cfg(any(feature = "emulator", feature = "proxy"))]
pub(crate) mod server_tls;
#[cfg(feature = "https")]
pub(crate) mod tls;

#[cfg(feature = "proxy")]
pub(crate) use self::host::HostName;
#[cfg(any(feature = "backstage-auth", feature = "emulator", feature = "proxy", feature = "test-util"))]
pub use self::listen::listen;
pub(crate) use self::{
    http_url::{HttpUrl, HttpUrlError},
    loopback::is_loopback,
    percent::encoded,
    private_host::is_private_host,
};
