//! Backstage's auth backend, from outside.
#![cfg(all(feature = "backstage", feature = "test-util"))]

mod session;
