//! 10,000 connections that are started at once: how long the slowest takes, by the backlog of the listener.
//!
//! `cargo bench --bench connects --features test-util`. It needs 20,000 open files (`ulimit -n 32768`), and
//! `net.core.somaxconn` of at least 4,096, which is the default on Linux.
//!
//! A connection that the system drops, because the backlog is full, is tried again after a second. So a time over 900 ms means that
//! connections were dropped. Ends with an error if that happens with `listen`.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
    task::JoinSet,
};

const CONNECTIONS: usize = 10_000;
/// Without `--bench`, which `cargo bench` passes, nothing is measured: few enough for the usual limit of open files.
const CONNECTIONS_OF_A_TEST: usize = 100;
/// Below the second after which a dropped connection is tried again.
const LIMIT: Duration = Duration::from_millis(900);

fn main() -> ExitCode {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let connections = if is_bench { CONNECTIONS } else { CONNECTIONS_OF_A_TEST };
    let bound = slowest(connections, || async { TcpListener::bind("127.0.0.1:0").await });
    let listened = slowest(connections, || tower_alb_auth::listen("127.0.0.1:0"));
    for (name, times) in [("TcpListener::bind", &bound), ("tower_alb_auth::listen", &listened)] {
        let over = times.iter().filter(|time| **time > LIMIT).count();
        let at = |share: usize| times.get(times.len() * share / 100).or(times.last()).copied().unwrap_or_default();
        println!(
            "{name:24} median {:>10.1?}  p99 {:>10.1?}  slowest {:>10.1?}  over 900 ms: {over}",
            at(50),
            at(99),
            at(100)
        );
    }
    match listened.last().is_some_and(|slowest| *slowest <= LIMIT) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The time of each connection, in order. The server accepts on a thread of its own, as a busy one does: one connection at a time.
fn slowest<F>(connections: usize, listen: impl FnOnce() -> F + Send + 'static) -> Vec<Duration>
where
    F: Future<Output = std::io::Result<TcpListener>>,
{
    let (started, starts) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async move {
            let listener = listen().await.expect("a free port");
            started.send(listener.local_addr().expect("an address")).expect("the client waits");
            let mut held = Vec::new();
            let accepting = async {
                while let Ok((connection, _)) = listener.accept().await {
                    held.push(connection);
                }
            };
            tokio::select! {
                () = accepting => {}
                _ = stopped => {}
            }
        });
    });
    let address = starts.recv().expect("the server listens");
    let mut times = Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async move {
        let mut connecting = JoinSet::new();
        for _ in 0..connections {
            connecting.spawn(async move {
                let start = Instant::now();
                let connection =
                    TcpStream::connect(address).await.expect("a connection, and enough open files (ulimit -n 32768)");
                (start.elapsed(), connection)
            });
        }
        connecting.join_all().await.into_iter().map(|(time, _held)| time).collect::<Vec<_>>()
    });
    let _ = stop.send(());
    server.join().expect("the server ends");
    times.sort_unstable();
    times
}
