//! The subcommand `healthcheck`, for an image without a shell and without curl.

use std::{
    io::{Error, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Shorter than the timeouts that container runtimes have unless set.
const TIMEOUT: Duration = Duration::from_secs(2);
const EXPECTED: &[u8] = b"HTTP/1.1 200 ";

/// Whether the service at this address responds to its path of liveness. It is not readiness: a container that waits for a key
/// endpoint or a database does not recover by a restart.
pub fn run(address: SocketAddr, path: &str) -> Result<bool, String> {
    let failed = |error: Error| {
        let why = match error.kind() {
            // A read that times out is reported as either.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("nothing within {TIMEOUT:?}"),
            _ => error.to_string(),
        };
        format!("no response from http://{address}: {why}; name another address by --address")
    };
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(failed)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: healthcheck\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut start = [0; EXPECTED.len()];
    stream.read_exact(&mut start).map_err(failed)?;
    if start == EXPECTED {
        return Ok(true);
    }
    Err(format!("http://{address} responds, but not with 200 to {path}: is another program there?"))
}
