//! Listening, with room for many connections that arrive at once.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

/// Connections that the system holds until they are accepted, unless it allows fewer (`net.core.somaxconn`, 4,096 on Linux). A load
/// balancer that opens more at once waits a second for the next attempt.
const BACKLOG: u32 = 4096;

/// Listens at the first of these addresses that is free, as `tokio::net::TcpListener::bind` does, with a backlog of 4,096 connections.
///
/// The programs of this crate and its examples listen by this function. An application needs no feature for it:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tokio::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?; // On Unix, as bind does.
/// socket.bind("127.0.0.1:0".parse().expect("an address"))?;
/// let listener = socket.listen(4096)?; // For axum::serve(listener, ..).
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// No address can be listened at: the error of the last one.
pub async fn listen(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the name has no IP address");
    for address in lookup_host(addresses).await? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a restart need not wait for old connections. On Windows it would let another program take the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
