//! Every honest request and its outcome, the times of the faults, and which outcome is whose.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::kind::Kind;

/// Where an honest request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    BackstageA,
    BackstageB,
    ProxyA,
    /// With TLS.
    ProxyB,
    Grpc,
    Axum,
    /// The service whose clock is stepped.
    Clocked,
}

pub const TARGETS: [Target; 7] = [
    Target::BackstageA,
    Target::BackstageB,
    Target::ProxyA,
    Target::ProxyB,
    Target::Grpc,
    Target::Axum,
    Target::Clocked,
];
/// Those that fetch keys from the endpoint.
pub const ALL_WITH_KEYS: &[Target] = &TARGETS;
pub const BACKSTAGE: &[Target] = &[Target::BackstageA, Target::BackstageB];

/// A status of HTTP, or [`NO_RESPONSE`].
pub type Status = u16;
/// The connection was refused or broken off, or the response took longer than a client waits.
pub const NO_RESPONSE: Status = 0;

/// When a hostile request was sent.
pub type When = &'static str;
/// By the clients that send hostile requests beside every fault.
pub const ALL_THE_TIME: When = "all the time";

/// What a fault may do to honest requests: at these targets, these statuses.
#[derive(Debug, Clone, Copy)]
pub struct Effect {
    pub targets: &'static [Target],
    pub statuses: &'static [Status],
    /// For how long after its end a status is remembered for a user.
    pub remembered: Duration,
}

impl Effect {
    pub const NONE: Self = Self { targets: &[], statuses: &[], remembered: Duration::ZERO };

    fn covers(&self, target: Target, status: Status) -> bool {
        self.targets.contains(&target) && self.statuses.contains(&status)
    }
}

struct Window {
    fault: &'static str,
    effect: Effect,
    began: Instant,
    ended: Option<Instant>,
    recovered: Option<Instant>,
    failures: usize,
}

#[derive(Default)]
struct Entries {
    windows: Vec<Window>,
    served: BTreeMap<Target, usize>,
    /// When the last request that was served began, and when the last one that was not ended.
    last_served: BTreeMap<Target, Instant>,
    last_failed: BTreeMap<Target, Instant>,
    lost: Vec<String>,
    wrong: Vec<String>,
    refused: BTreeMap<(Kind, When), usize>,
    admitted: Vec<String>,
    broken_in_windows: usize,
    unexplained: Vec<String>,
}

#[derive(Default)]
pub struct Ledger(Mutex<Entries>);

/// What came of the whole run.
pub struct Sums {
    pub served: BTreeMap<Target, usize>,
    pub failed_in_windows: usize,
    pub lost: Vec<String>,
    pub wrong: Vec<String>,
    pub refused: BTreeMap<(Kind, When), usize>,
    pub admitted: Vec<String>,
    /// Hostile requests without a response, in a fault that explains it, and beside all of them.
    pub broken_in_windows: usize,
    pub unexplained: Vec<String>,
    /// By fault: how often, failures, the longest recovery.
    pub faults: BTreeMap<&'static str, (usize, usize, Duration)>,
}

impl Entries {
    /// The newest fault that explains the status of a request in this time.
    fn explained_by(&mut self, target: Target, status: Status, began: Instant, ended: Instant) -> Option<&mut Window> {
        let covers = |window: &&mut Window| {
            window.effect.covers(target, status)
                && window.began <= ended
                && window
                    .ended
                    .zip(window.recovered)
                    .is_none_or(|(ended, recovered)| began <= recovered.max(ended + window.effect.remembered))
        };
        self.windows.iter_mut().rev().find(covers)
    }
}

impl Ledger {
    pub fn served(&self, target: Target, began: Instant) {
        let mut entries = self.0.lock().unwrap();
        *entries.served.entry(target).or_default() += 1;
        let last = entries.last_served.entry(target).or_insert(began);
        *last = began.max(*last);
    }

    /// A response that names another user than that of the request.
    pub fn wrong_identity(&self, target: Target, expected: &str, found: &str) {
        self.0.lock().unwrap().wrong.push(format!("{target:?}: {expected} was taken for {found}"));
    }

    pub fn failed(&self, target: Target, status: Status, began: Instant, what: &str) {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap();
        entries.last_failed.insert(target, now);
        match entries.explained_by(target, status, began, now) {
            Some(window) => window.failures += 1,
            None => {
                let last = entries.windows.last().map_or("before the first fault", |window| window.fault);
                let line = format!("{target:?} {status}, beside or after \"{last}\": {what}");
                entries.lost.push(line);
            }
        }
    }

    /// A hostile request of this kind was refused.
    pub fn refused(&self, kind: Kind, when: When) {
        *self.0.lock().unwrap().refused.entry((kind, when)).or_default() += 1;
    }

    /// A hostile request was not refused, or not as it should be.
    pub fn admitted(&self, what: &str, target: Target, status: Status) {
        self.0.lock().unwrap().admitted.push(format!("{what} at {target:?}: {status}"));
    }

    /// A hostile request got no response, which is no refusal: a fault has to explain it.
    pub fn broken(&self, kind: Kind, target: Target, began: Instant) {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap();
        if entries.explained_by(target, NO_RESPONSE, began, now).is_some() {
            entries.broken_in_windows += 1;
        } else {
            let last = entries.windows.last().map_or("before the first fault", |window| window.fault);
            let line = format!("{} at {target:?}, beside or after \"{last}\"", kind.name());
            entries.unexplained.push(line);
        }
    }

    pub fn begin(&self, fault: &'static str, effect: Effect) {
        let began = Instant::now();
        let window = Window { fault, effect, began, ended: None, recovered: None, failures: 0 };
        self.0.lock().unwrap().windows.push(window);
    }

    /// The fault is over. Waits until every target serves again, and has for a second.
    ///
    /// # Panics
    /// It takes longer than this bound.
    pub async fn recovered(&self, bound: Duration) -> Duration {
        let ended = Instant::now();
        self.0.lock().unwrap().windows.last_mut().expect("a fault").ended = Some(ended);
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut entries = self.0.lock().unwrap();
            let calm = |target: &Target| {
                let failed = entries.last_failed.get(target).copied().unwrap_or(ended).max(ended);
                entries.last_served.get(target).is_some_and(|served| *served >= failed + Duration::from_secs(1))
            };
            if TARGETS.iter().all(calm) {
                let failed = entries.last_failed.values().max().copied().unwrap_or(ended).max(ended);
                let window = entries.windows.last_mut().expect("a fault");
                window.recovered = Some(Instant::now());
                return failed - ended;
            }
            let fault = entries.windows.last().expect("a fault").fault;
            let failed: Vec<_> = TARGETS.iter().filter(|target| !calm(target)).collect();
            assert!(ended.elapsed() < bound, "{fault}: after {bound:?} there is no recovery of {failed:?}");
            drop(entries);
        }
    }

    pub fn sums(&self, recoveries: &[(&'static str, Duration)]) -> Sums {
        let entries = self.0.lock().unwrap();
        let mut faults: BTreeMap<&'static str, (usize, usize, Duration)> = BTreeMap::new();
        for window in &entries.windows {
            let fault = faults.entry(window.fault).or_default();
            (fault.0, fault.1) = (fault.0 + 1, fault.1 + window.failures);
        }
        for (fault, recovery) in recoveries {
            let longest = &mut faults.entry(fault).or_default().2;
            *longest = (*longest).max(*recovery);
        }
        Sums {
            served: entries.served.clone(),
            failed_in_windows: entries.windows.iter().map(|window| window.failures).sum(),
            lost: entries.lost.clone(),
            wrong: entries.wrong.clone(),
            refused: entries.refused.clone(),
            admitted: entries.admitted.clone(),
            broken_in_windows: entries.broken_in_windows,
            unexplained: entries.unexplained.clone(),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: Effect = Effect { targets: BACKSTAGE, statuses: &[503], remembered: Duration::ZERO };

    fn lost(of: impl FnOnce(&Ledger)) -> usize {
        let ledger = Ledger::default();
        ledger.begin("a fault", DATABASE);
        of(&ledger);
        ledger.sums(&[]).lost.len()
    }

    #[test]
    fn a_request_is_lost_unless_a_fault_explains_its_target_and_its_status() {
        let now = Instant::now();
        let failed = |target, status| lost(|ledger| ledger.failed(target, status, now, ""));
        assert_eq!(failed(Target::BackstageA, 503), 0);
        assert_eq!(failed(Target::BackstageA, 500), 1);
        assert_eq!(failed(Target::BackstageA, NO_RESPONSE), 1);
        assert_eq!(failed(Target::ProxyA, 503), 1);
        assert_eq!(
            lost(|ledger| {
                ledger.begin("another one", Effect::NONE);
                ledger.failed(Target::ProxyA, 503, now, "");
            }),
            1
        );
    }

    #[test]
    fn a_hostile_request_without_a_response_is_no_refusal_and_needs_a_fault() {
        let killed = Effect { targets: &[Target::ProxyB], statuses: &[NO_RESPONSE], remembered: Duration::ZERO };
        for (effect, expected) in [(killed, (1, 0)), (DATABASE, (0, 1)), (Effect::NONE, (0, 1))] {
            let ledger = Ledger::default();
            ledger.begin("a fault", effect);
            ledger.broken(Kind::Forged, Target::ProxyB, Instant::now());
            let sums = ledger.sums(&[]);
            assert_eq!((sums.broken_in_windows, sums.unexplained.len()), expected, "{effect:?}");
            assert!(sums.refused.is_empty() && sums.lost.is_empty());
        }
    }

    #[tokio::test]
    async fn a_request_after_the_recovery_is_lost_and_one_before_is_not() {
        let ledger = Ledger::default();
        ledger.begin("a fault", DATABASE);
        let before = Instant::now();
        let serving = async {
            loop {
                TARGETS.iter().for_each(|target| ledger.served(*target, Instant::now()));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            _ = serving => {}
            recovery = ledger.recovered(Duration::from_secs(60)) => assert_eq!(recovery, Duration::ZERO),
        }
        ledger.failed(Target::BackstageA, 503, before, "it began in the fault");
        ledger.failed(Target::BackstageA, 503, Instant::now(), "it did not");
        let sums = ledger.sums(&[]);
        assert_eq!((sums.lost.len(), sums.failed_in_windows), (1, 1), "{:?}", sums.lost);
    }

    #[tokio::test]
    #[should_panic(expected = "there is no recovery of [ProxyB]")]
    async fn a_service_that_does_not_recover_is_named() {
        let ledger = Ledger::default();
        ledger.begin("a fault", DATABASE);
        let later = Instant::now() + Duration::from_secs(60);
        TARGETS.iter().filter(|target| **target != Target::ProxyB).for_each(|target| ledger.served(*target, later));
        ledger.recovered(Duration::from_millis(200)).await;
    }
}
