//! The emulator, by real HTTP: a browser that keeps cookies, the demo provider, and an application behind the layer.
#![cfg(all(feature = "emulator", feature = "test-util"))]

mod site;

mod sign_in;
