//! Keys over real connections: good servers, hostile servers, proxies and none at all.
#![cfg(all(feature = "https", feature = "test-util"))]

mod certificates;
mod child;
mod server;
mod site;
#[path = "../support/mod.rs"]
mod support;

mod answers;
mod descriptors;
mod endpoints;
mod framing;
mod leakage;
mod proxies;
mod redirects;
mod roots;
mod silence;
mod tls;
