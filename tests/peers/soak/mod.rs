//! Soak and chaos: `backstage-auth` on PostgreSQL, `alb-auth-proxy` and services of an application, under one fault after another.
//!
//! `.ci/soak MINUTES` runs it; `SOAK_SECONDS` is its length, 120 unless set, and `SOAK_SEED` its seed, which chooses the order and the
//! lengths of the faults and the users. `SOAK_ONLY` is a part of the names of the faults that are wanted. Honest users and hostile clients
//! go on all the time.
//!
//! | what | rule |
//! |---|---|
//! | a response of status 200 | names the user of its request, in a session, a token, userinfo, a header, or gRPC metadata |
//! | another response to an honest user | falls into a fault, at a service that depends on what is faulty, with the status that is documented for it |
//! | the end of a fault | every service serves again within the bound of the fault |
//! | a hostile request | is refused, with 4xx or 503 |
//! | resident memory | stays below the caps of the caches and 64 MiB more than at the start; in a run of 10 minutes or more it is flat within 5 % in the second half |
//! | log lines | each message has at most 10 lines in 10 s |

mod doubles;
mod faults;
mod hostile;
mod inject;
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
    while began.elapsed() < length {
        if next.is_empty() {
            let fits = |fault: &Fault| (fault.is_short() || length >= LONG_RUN) && fault.name().contains(&only);
            next.extend(Fault::ALL.into_iter().filter(fits));
            assert!(!next.is_empty(), "SOAK_ONLY: no fault of this length has {only:?} in its name");
        }
        let mut fault = Some(next.swap_remove(random.below(next.len())));
        while let Some(now) = fault {
            println!("{:>5} s  {}", began.elapsed().as_secs(), now.name());
            site.ledger.begin(now.name(), now.effect());
            now.apply(&site, &mut random).await;
            recoveries.push((now.name(), site.ledger.recovered(now.recovery()).await));
            fault = now.next();
        }
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
    assert!(sums.served.len() == ledger::TARGETS.len() && sums.refused.len() >= hostile::KINDS.len(), "all took part");
    assert!(resident.len() >= 3, "three programs ran all the time: {resident:?}");
    for (target, [first, third, last, highest]) in resident {
        assert!(highest <= first + ROOM, "{target:?}: {first} bytes at the start, {highest} at most");
        assert!(ran < LONG_RUN || last <= third + third / 20, "{target:?}: {third} bytes, then {last}");
    }
    let windows = usize::try_from(ran.as_secs() / 10 + 2).expect("small");
    for ((target, message), lines) in logged {
        assert!(lines <= 10 * windows, "{target:?} has {lines} lines: {message}");
    }
}
