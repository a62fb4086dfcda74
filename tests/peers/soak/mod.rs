//! Soak and chaos: `backstage-auth` on PostgreSQL, `alb-auth-proxy` and services of an application, under one fault after another.
//!
//! `.ci/soak MINUTES` runs it; `SOAK_SECONDS` is its minimum length, 120 unless set, and `SOAK_SEED` its seed, which chooses the order and the
//! lengths of the faults and the users. `SOAK_ONLY` is a part of the names of the faults that are wanted. Each fault comes at least once,
//! but for one that takes too long for a short run. Honest users and hostile clients go on all the time.
//!
//! | what | rule |
//! |---|---|
//! | a response of status 200 | names the user of its request, in a session, a token, userinfo, a header, or gRPC metadata |
//! | another response to an honest user | falls into a fault, at a service that depends on what is faulty, with the status that is documented for it |
//! | the end of a fault | every service serves again within the bound of the fault |
//! | a hostile request | is refused, with 4xx or 503; if it has no response, then a fault has to explain it, as for an honest user |
//! | resident memory | stays below the caps of the caches and 64 MiB more than at the start; in a run of 10 minutes or more it is flat within 5 % in the second half |
//! | log lines | each message of a process has at most 10 lines in 10 s on average, and 20 in any 10 s: two windows of the limit |

mod doubles;
mod faults;
mod hostile;
mod inject;
mod kind;
mod ledger;
mod report;
mod site;
mod users;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{faults::Fault, report::Memory, site::Site};
use crate::verifiers::random::Random;

/// Clients that take the users' turns.
const HONEST: u64 = 6;
const HOSTILE: u64 = 3;
/// From this length on, memory has to be flat.
const LONG_RUN: Duration = Duration::from_secs(600);
/// The token cache's 32 MiB, and what docs/ASSURANCE.md allows beside it.
const ROOM: u64 = (32 + 64) * 1024 * 1024;

/// Lines of one message in any 10 s: 10 at the end of one window of the limit, and 10 at the beginning of the next one.
const MAX_LINES: usize = 20;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL; .ci/soak runs it alone"]
async fn under_one_fault_after_another_no_user_is_mistaken_and_no_request_is_lost() {
    let (seed, length) = (number("SOAK_SEED", 16), Duration::from_secs(number("SOAK_SECONDS", 120)));
    println!("SOAK_SEED={seed} SOAK_SECONDS={}", length.as_secs());
    let site = Arc::new(Site::start().await);
    let mut random = Random::of(seed);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..HONEST {
        tasks.spawn(users::honest(Arc::clone(&site), random.next(), Duration::from_millis(20)));
    }
    site.ledger.begin("the start", ledger::Effect::NONE);
    site.ledger.recovered(Duration::from_secs(60)).await;
    for _ in 0..HOSTILE {
        tasks.spawn(hostile::hostile(Arc::clone(&site), random.next(), Duration::from_millis(40)));
    }
    let memory = Arc::new(Memory::default());
    let began = Instant::now();
    tasks.spawn({
        let (site, memory) = (Arc::clone(&site), Arc::clone(&memory));
        async move {
            loop {
                memory.sample(&site);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });

    let only = std::env::var("SOAK_ONLY").unwrap_or_default();
    let mut recoveries = Vec::new();
    let mut next: Vec<Fault> = Vec::new();
    let fits = |fault: &Fault| (fault.is_short() || length >= LONG_RUN) && fault.name().contains(&only);
    let wanted: Vec<Fault> = Fault::ALL.into_iter().filter(fits).collect();
    assert!(!wanted.is_empty(), "SOAK_ONLY: no fault of this length has {only:?} in its name");
    // The first pass is a whole one.
    let mut passes = 0;
    while passes == 0 || began.elapsed() < length {
        if next.is_empty() {
            next.extend(&wanted);
        }
        let mut fault = Some(next.swap_remove(random.below(next.len())));
        while let Some(now) = fault {
            println!("{:>5} s  {}", began.elapsed().as_secs(), now.name());
            site.ledger.begin(now.name(), now.effect());
            now.apply(&site, &mut random).await;
            recoveries.push((now.name(), site.ledger.recovered(now.recovery()).await));
            fault = now.next();
        }
        passes += usize::from(next.is_empty());
    }
    let ran = began.elapsed();
    // A client that panicked would have been one less.
    assert_eq!(tasks.try_join_next().map(|ended| format!("{ended:?}")), None);
    tasks.shutdown().await;

    let sums = site.ledger.sums(&recoveries);
    let samples = usize::try_from(ran.as_secs() * 9 / 10).expect("small");
    let (resident, logged) = (memory.of(samples), report::messages(&site));
    report::print(seed, ran, &sums, &resident, &logged);

    assert_eq!(sums.wrong, [""; 0]);
    assert_eq!(sums.lost, [""; 0]);
    assert_eq!(sums.admitted, [""; 0]);
    assert_eq!(sums.unexplained, [""; 0]);
    let left_out = wanted.iter().map(|fault| fault.name()).filter(|name| !sums.faults.contains_key(name));
    assert_eq!(left_out.collect::<Vec<_>>(), [""; 0], "faults that did not come");
    assert_eq!(sums.served.len(), ledger::TARGETS.len(), "{:?}", sums.served);
    let missing = hostile::KINDS.into_iter().filter(|kind| !sums.refused.contains_key(&(*kind, ledger::ALL_THE_TIME)));
    assert_eq!(missing.collect::<Vec<_>>(), [], "kinds of hostile requests of which none was refused");
    assert!(resident.len() >= 3, "three programs ran all the time: {resident:?}");
    for (target, [first, third, last, highest]) in resident {
        assert!(highest <= first + ROOM, "{target:?}: {first} bytes at the start, {highest} at most");
        assert!(ran < LONG_RUN || last <= third + third / 20, "{target:?}: {third} bytes, then {last}");
    }
    let windows = usize::try_from(ran.as_secs() / 10 + 2).expect("small");
    for ((target, message), lines) in logged {
        assert!(lines.all <= 10 * windows, "{target:?} has {} lines: {message}", lines.all);
        assert!(lines.most <= MAX_LINES, "{target:?} has {} lines within 10 s: {message}", lines.most);
    }
}
