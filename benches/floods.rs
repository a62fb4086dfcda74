//! Warm requests beside floods: their p99 against an idle service, and the memory that a flood leaves.
//!
//! `cargo bench --bench floods --features test-util`. The machine should have nothing else to do.
//!
//! Warm requests have a token that was verified before. They come at a fixed rate, and are timed from the call to the response. A
//! flood comes from another thread at a fixed rate below saturation, so that the system's scheduler is not what is measured. Each
//! flood is measured in turns with an idle service.
//!
//! | flood | number |
//! |---|---|
//! | kids that do not exist | 100,000 |
//! | kids that exist, of other load balancers | 10,000 |
//! | unique valid tokens | 1,000,000 |
//! | forged signatures under a held key | 100,000 |
//!
//! `FLOODS_DIVISOR=10` sends a tenth of each.
//!
//! Ends with an error if p99 is more than twice that of the idle service, or memory grows by more than the caps of the caches and 64 MiB.

use std::{
    convert::Infallible,
    fs,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer,
    keys::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind},
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

/// Between two warm requests.
const PERIOD: Duration = Duration::from_micros(500);
/// What memory may grow by: the token cache (32 MiB) and 64 MiB.
const ROOM: u64 = (32 + 64) * 1024 * 1024;
const FOREIGN: &str = "f0000000-0000-4000-8000-";

/// The endpoint: the key of the load balancer, and any foreign kid.
#[derive(Debug)]
struct Keys {
    kid: String,
    pem: String,
    foreign: String,
}

impl KeySource for Keys {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        let kid = request.kid.to_string();
        let found = if kid == self.kid {
            Ok(self.pem.clone().into_bytes())
        } else if kid.starts_with(FOREIGN) {
            Ok(self.foreign.clone().into_bytes())
        } else {
            Err(KeySourceError::new(KeySourceErrorKind::NotFound, "status 403"))
        };
        Box::pin(std::future::ready(found))
    }
}

/// A kind of token, made by its number.
struct Flood {
    name: &'static str,
    number: usize,
    /// Between two tokens: half of a core or less.
    period: Duration,
    status: &'static [StatusCode],
    token: fn(&MockAlb, &MockAlb, usize) -> String,
}

const REFUSED: &[StatusCode] = &[StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE];
const FLOODS: [Flood; 4] = [
    Flood {
        name: "unknown kids",
        number: 100_000,
        period: Duration::from_micros(100),
        status: REFUSED,
        token: |alb, attacker, number| forged(alb, attacker, &format!("00000000-0000-4000-8000-{number:012x}")),
    },
    Flood {
        name: "foreign kids that exist",
        number: 10_000,
        period: Duration::from_micros(200),
        status: REFUSED,
        token: |alb, attacker, number| forged(alb, attacker, &format!("{FOREIGN}{number:012x}")),
    },
    Flood {
        name: "unique valid tokens",
        number: 1_000_000,
        period: Duration::from_micros(200),
        status: &[StatusCode::OK],
        token: |alb, _, number| alb.sign(&user(&format!("user-{number}"))),
    },
    Flood {
        name: "forged signatures",
        number: 100_000,
        period: Duration::from_micros(200),
        status: &[StatusCode::UNAUTHORIZED],
        token: |alb, attacker, _| forged(alb, attacker, alb.kid()),
    },
];

fn user(name: &str) -> User {
    User::empty().claim("sub", name).claim("email", format!("{name}@example.com"))
}

/// Signed by a key that is not the load balancer's.
fn forged(alb: &MockAlb, attacker: &MockAlb, kid: &str) -> String {
    let token = attacker.token(&user("admin")).header("kid", kid).header("signer", alb.signer());
    token.header("iss", alb.issuer()).header("client", alb.client_id()).sign()
}

fn main() -> ExitCode {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let divisor = std::env::var("FLOODS_DIVISOR").ok().and_then(|text| text.parse().ok());
    let divisor = divisor.unwrap_or(if is_bench { 1 } else { 1_000 });
    let (alb, attacker) = (MockAlb::new(), MockAlb::new());
    let keys = Keys { kid: alb.kid().to_owned(), pem: alb.public_key_pem(), foreign: MockAlb::new().public_key_pem() };
    let builder = alb.config_builder().key_source(keys).sign_in(EmailLocalPart::in_domains(["example.com"]));
    let layer = AlbAuthLayer::new(builder.accept_missing_email_verified().build().expect("sound"));
    let resident = resident_bytes();
    let mut sound = true;
    println!(
        "{:26} {:>9} {:>12} {:>12} {:>6} {:>12}",
        "flood", "tokens", "p99 idle", "p99 beside", "ratio", "memory, MiB"
    );
    for flood in &FLOODS {
        let number = (flood.number / divisor).max(10);
        let (idle, beside) = measure(&layer, &alb, &attacker, flood, number);
        let [idle, beside] = [idle, beside].map(p99);
        let ratio = beside.as_secs_f64() / idle.as_secs_f64();
        let grown = resident_bytes().saturating_sub(resident);
        println!(
            "{:26} {number:>9} {idle:>12.1?} {beside:>12.1?} {ratio:>6.2} {:>12.1}",
            flood.name,
            grown as f64 / 1048576.0
        );
        // Without `--bench` a run is too short for a time.
        sound &= grown <= ROOM && (ratio <= 2.0 || !is_bench);
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).or(times.last()).copied().unwrap_or_default()
}

/// The times of warm requests while nothing else goes on, and beside the flood: a tenth of each in turn.
fn measure(
    layer: &AlbAuthLayer,
    alb: &MockAlb,
    attacker: &MockAlb,
    flood: &Flood,
    number: usize,
) -> (Vec<Duration>, Vec<Duration>) {
    const TURNS: usize = 10;
    let (mut idle, mut beside) = (Vec::new(), Vec::new());
    let part = (number / TURNS).max(1);
    let lasts = flood.period * u32::try_from(part).expect("small");
    for turn in 0..TURNS {
        let until = Instant::now() + lasts;
        idle.extend(warm(layer, alb, || Instant::now() < until));
        let runs = AtomicBool::new(true);
        beside.extend(thread::scope(|scope| {
            scope.spawn(|| {
                let (runtime, mut next) = (runtime(), Instant::now());
                for number in turn * part..(turn + 1) * part {
                    let token = (flood.token)(alb, attacker, number);
                    let (status, _) = call(&runtime, layer, &token);
                    assert!(flood.status.contains(&status), "{}: {status}", flood.name);
                    next += flood.period;
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
                runs.store(false, Ordering::Relaxed);
            });
            warm(layer, alb, || runs.load(Ordering::Relaxed))
        }));
    }
    (idle, beside)
}

/// Requests with one token at a fixed rate.
fn warm(layer: &AlbAuthLayer, alb: &MockAlb, mut goes_on: impl FnMut() -> bool) -> Vec<Duration> {
    let (runtime, mut times, mut next) = (runtime(), Vec::new(), Instant::now());
    let mut token = alb.sign(&user("jane"));
    let mut signed = Instant::now();
    call(&runtime, layer, &token);
    while goes_on() {
        // A new one as a load balancer makes it; its first request is not a warm one.
        if signed.elapsed() > Duration::from_secs(60) {
            token = alb.sign(&user("jane"));
            signed = Instant::now();
            call(&runtime, layer, &token);
        }
        let (status, time) = call(&runtime, layer, &token);
        assert_eq!(status, StatusCode::OK);
        times.push(time);
        next += PERIOD;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    times
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn call(runtime: &Runtime, layer: &AlbAuthLayer, token: &str) -> (StatusCode, Duration) {
    let service =
        layer.layer(service_fn(|_: Request<String>| async { Ok::<_, Infallible>(Response::new(String::new())) }));
    let request = Request::get("/").header("x-amzn-oidc-data", token).body(String::new()).expect("a request");
    let start = Instant::now();
    let response = runtime.block_on(service.oneshot(request)).expect("infallible");
    (response.status(), start.elapsed())
}

/// Resident memory of this process, on Linux; elsewhere 0.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|text| text.split_whitespace().next()?.parse().ok());
    kib.map_or(0, |kib| kib.saturating_mul(1024))
}
