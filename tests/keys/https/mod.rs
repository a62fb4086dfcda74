//! Keys over real connections: good servers, hostile servers, proxies and none at all.

mod child;

mod answers;
mod descriptors;
mod emulator_ca;
mod endpoints;
mod framing;
mod leakage;
mod proxies;
mod redirects;
mod roots;
mod silence;
mod tls;

use crate::support::{
    self,
    https::{certificates, server, site},
};
