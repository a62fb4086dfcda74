//! F-100: what a connection takes, which docs/PROXY.md states.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use crate::{
    process::Program,
    program::{Files, started},
    site::LONG,
};

/// As many as a listener of the standard library holds in its queue.
const CONNECTIONS: usize = 100;

/// The number of KiB in the row of the page.
fn stated(row: &str) -> usize {
    let page = include_str!("../../docs/PROXY.md");
    let line = page.lines().find(|line| line.starts_with(&format!("| {row} |"))).expect("the row");
    line.split('|').nth(2).and_then(|cell| cell.trim().strip_suffix(" KiB")?.parse().ok()).expect("a number of KiB")
}

fn resident_kib(program: &Program) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).expect("it runs");
    // Without the pages of the program's file, which come in as its code runs for the first time.
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("resident memory");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// The most that it takes, once that has stayed the same for a while.
fn settled_kib(program: &Program) -> usize {
    let (mut most, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        let now = resident_kib(program);
        (most, since) = if now > most { (now, Instant::now()) } else { (most, since) };
        std::thread::sleep(Duration::from_millis(20));
    }
    most
}

/// Writes to every connection until none of them accepts more, for as long as a stalled machine may take.
fn fill(connections: &mut [TcpStream], mut left: Vec<usize>) {
    static CHUNK: [u8; 64 * 1024] = [b'a'; 64 * 1024];
    const QUIET: Duration = Duration::from_secs(2);
    let (begin, mut last) = (Instant::now(), Instant::now());
    while last.elapsed() < QUIET && left.iter().any(|left| *left > 0) {
        assert!(begin.elapsed() < LONG, "they accept more and more");
        for (connection, left) in connections.iter_mut().zip(&mut left) {
            match connection.write(&CHUNK[..CHUNK.len().min(*left)]) {
                Ok(written) => {
                    *left -= written;
                    last = if written > 0 { Instant::now() } else { last };
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connections that begin like this and then get as many bytes as they accept, up to `most`.
fn connections(address: SocketAddr, head: &str, most: usize) -> Vec<TcpStream> {
    let mut connections: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| {
            let mut connection = TcpStream::connect(address).expect("a connection");
            connection.write_all(head.as_bytes()).expect("written");
            connection.set_nonblocking(true).expect("set");
            connection
        })
        .collect();
    fill(&mut connections, vec![most; CONNECTIONS]);
    connections
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_100_connections_take_no_more_memory_than_the_page_states() {
    // It accepts connections, and reads nothing.
    let service = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let upstream = format!("http://{}", service.local_addr().expect("an address"));
    let files = Files::with("rules: [{ path: /*, access: optional }]\n").await;
    for (row, head, most) in [
        ("idle", "", 0),
        ("while the client sends its headers", "GET / HTTP/1.1\r\nhost: a\r\nx: ", 63_000),
        (
            "while a body waits for a slower client or service",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n",
            100_000_000,
        ),
    ] {
        let mut command = files.command();
        command.args(["--upstream", &upstream]);
        let program = started(command);
        let before = settled_kib(&program);
        let open = connections(program.address("Reverse proxy"), head, most);
        // What is sent has also been read.
        let most_seen = settled_kib(&program);
        let each = most_seen.saturating_sub(before).div_ceil(CONNECTIONS);
        println!("{row}: {each} KiB for each, stated: {} KiB", stated(row));
        assert!(each <= stated(row), "{row}: {each} KiB for each, stated: {} KiB", stated(row));
        assert_eq!(open.len(), CONNECTIONS);
    }
}
