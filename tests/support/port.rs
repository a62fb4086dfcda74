//! Ports for programs that listen at a port which is named to them.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::{Ipv4Addr, TcpListener},
};

/// A free port below those that the system hands out (32,768 and above on Linux), so that no connection and no other listener
/// takes it before the program does.
pub fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| RandomState::new().build_hasher().finish() % 20_000);
    let mut ports = ports.take(100).map(|random| 10_000 + u16::try_from(random).expect("below 20,000"));
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}
