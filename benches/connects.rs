//! 10,000 connections that are started at once: how long the slowest takes, by the backlog of the listener.
//!
//! `cargo bench --bench connects --features test-util`. It needs 10,100 open files in each of its two processes (`ulimit -n 16384`),
//! and `net.core.somaxconn` of at least 4,096, which is the default on Linux. With an address, it connects to the program that listens
//! there: `cargo bench --bench connects --features test-util -- 127.0.0.1:8080`.
//!
//! A connection that the system drops, because the backlog is full, is tried again after a second. So a time over 900 ms means that
//! connections were dropped. Ends with an error if that happens with `listen`, or at the address.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    process::{Child, Command, ExitCode, Stdio},
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
/// Begins the arguments of the process that listens.
const SERVE: &str = "serve";
const BIND: &str = "TcpListener::bind";
const LISTEN: &str = "tower_alb_auth::listen";

fn main() -> ExitCode {
    let is_bench = env::args().any(|argument| argument == "--bench");
    let connections = if is_bench { CONNECTIONS } else { CONNECTIONS_OF_A_TEST };
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [serve_it, how] = arguments.as_slice()
        && serve_it == SERVE
    {
        serve(how);
        return ExitCode::SUCCESS;
    }
    let is_fast = match arguments.iter().find_map(|argument| argument.parse::<SocketAddr>().ok()) {
        Some(address) => measure(&address.to_string(), address, connections),
        None => {
            let of = |how| {
                let server = Server::start(how);
                measure(how, server.address, connections)
            };
            let _ = of(BIND);
            of(LISTEN)
        }
    };
    if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the times, and whether no connection was dropped.
fn measure(name: &str, address: SocketAddr, connections: usize) -> bool {
    let times = times(address, connections);
    let over = times.iter().filter(|time| **time > LIMIT).count();
    let at = |share: usize| times.get(times.len() * share / 100).or(times.last()).copied().unwrap_or_default();
    println!(
        "{name:24} median {:>10.1?}  p99 {:>10.1?}  slowest {:>10.1?}  over 900 ms: {over}",
        at(50),
        at(99),
        at(100)
    );
    over == 0
}

/// The time of each connection, in order.
fn times(address: SocketAddr, connections: usize) -> Vec<Duration> {
    let mut times = Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async move {
        let mut connecting = JoinSet::new();
        for _ in 0..connections {
            connecting.spawn(async move {
                let start = Instant::now();
                let connection =
                    TcpStream::connect(address).await.expect("a connection, and enough open files (ulimit -n 16384)");
                (start.elapsed(), connection)
            });
        }
        connecting.join_all().await.into_iter().map(|(time, _held)| time).collect::<Vec<_>>()
    });
    times.sort_unstable();
    times
}

/// A process that listens, since the two ends of 10,000 connections are more open files than many systems allow one process.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(how: &str) -> Self {
        let program = env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .args([SERVE, how])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        Self { process, address: line.trim().parse().expect("an address") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Prints the address, and accepts on one thread, as a busy server does: one connection at a time. Ends with the input.
fn serve(how: &str) {
    let (stop, stopped) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        drop(stop);
    });
    Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async move {
        let listener = match how {
            BIND => TcpListener::bind("127.0.0.1:0").await,
            LISTEN => tower_alb_auth::listen("127.0.0.1:0").await,
            other => panic!("{other} is no way to listen"),
        };
        let listener = listener.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        io::stdout().flush().expect("written");
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
}
