//! Keys that are generated in this process and used by it only.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    schedule::{COOL_DOWN, Schedule, Timestamp},
    source::KeySource,
};
use crate::backstage::{
    PublicJwk,
    issuer::{error::IssueError, signing_key::SigningKey},
    store::StoredKey,
};

/// A key that could not be published for this long is replaced by a new one.
const PENDING: Duration = Duration::from_secs(5 * 60);
/// Maximum number of published keys that wait to sign. With tokens of ten minutes there are two.
const MAX_WAITING: usize = 3;

pub(super) struct Generated {
    schedule: Schedule,
    /// Generated, not yet published. It is kept after failures, so that a slow store ends up with
    /// one row and not with several.
    pending: Option<Made>,
    /// Published, in the order of publication.
    waiting: VecDeque<Waiting>,
    current: Option<Signing>,
    /// No longer signs; listed until then.
    retired: Vec<(PublicJwk, Instant)>,
    /// The ids of keys that sign no more since they were last requested.
    unreported: Vec<String>,
}

struct Made {
    key: Arc<SigningKey>,
    at: Timestamp,
}

struct Waiting {
    made: Made,
    listed_since: Instant,
}

struct Signing {
    made: Made,
    /// Its age when it started to sign.
    from: Duration,
}

impl Made {
    fn age(&self, now: Timestamp) -> Duration {
        self.at.age_at(now)
    }
}

impl Generated {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            pending: None,
            waiting: VecDeque::new(),
            current: None,
            retired: Vec::new(),
            unreported: Vec::new(),
        }
    }

    /// Drops expired keys, and switches to the next key when that is due.
    fn activate(&mut self, now: Timestamp) {
        let (schedule, last_age) = (self.schedule, self.schedule.last_age());
        self.retired.retain(|(_, until)| now.monotonic < *until);
        self.pending.take_if(|made| made.age(now) >= PENDING);
        self.waiting.retain(|next| next.made.age(now) < last_age);
        // A new key must be published for this long before it signs, unless it is the only key.
        let wait = match &self.current {
            Some(current) if current.made.age(now) >= last_age => Duration::ZERO,
            Some(current) if current.made.age(now) >= schedule.end(current.from) => COOL_DOWN,
            Some(_) => return,
            None => Duration::ZERO,
        };
        let is_ready = |next: &Waiting| now.monotonic.saturating_duration_since(next.listed_since) >= wait;
        if self.waiting.front().is_some_and(is_ready) {
            self.retire(now);
            self.current = self.waiting.pop_front().map(|next| Signing { from: next.made.age(now), made: next.made });
        } else if wait.is_zero() {
            self.retire(now);
        }
    }

    fn retire(&mut self, now: Timestamp) {
        let Some(old) = self.current.take() else { return };
        self.unreported.push(old.made.key.public().kid().to_owned());
        let left = self.schedule.listed_for().saturating_sub(old.made.age(now));
        self.retired.extend(now.monotonic.checked_add(left).map(|until| (old.made.key.public().clone(), until)));
    }

    /// How long the existing keys will be able to sign.
    fn provided_for(&self, now: Timestamp) -> Duration {
        let Some(current) = &self.current else { return Duration::ZERO };
        let left = self.schedule.end(current.from).saturating_sub(current.made.age(now));
        self.waiting.iter().fold(left, |left, next| {
            let from = next.made.age(now).saturating_add(left);
            left.saturating_add(self.schedule.end(from).saturating_sub(from))
        })
    }
}

impl KeySource for Generated {
    fn signer(&mut self, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.activate(now);
        self.current.as_ref().map(|current| Arc::clone(&current.made.key))
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        self.activate(now);
        self.pending.is_some() || self.waiting.len() < MAX_WAITING && self.provided_for(now) <= self.schedule.ahead()
    }

    fn publication(&mut self, now: Timestamp) -> Result<Option<StoredKey>, IssueError> {
        if !self.is_due(now) {
            return Ok(None);
        }
        let made = match self.pending.take() {
            Some(made) => made,
            None => {
                // Without this it would be stored with a date that no other replica can read.
                now.date.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| IssueError::BEFORE_1970)?;
                let listed_until = now.date.checked_add(self.schedule.listed_for());
                let listed_until =
                    listed_until.ok_or(IssueError::Clock("the system clock is too far ahead; correct it"))?;
                Made { key: Arc::new(SigningKey::generate(listed_until)?), at: now }
            }
        };
        let expires_at = made.at.date.checked_add(self.schedule.listed_for());
        let publication = StoredKey::new(made.key.public().clone(), made.at.date, expires_at);
        self.pending = Some(made);
        Ok(Some(publication))
    }

    fn published(&mut self, kid: &str, now: Timestamp) {
        if let Some(made) = self.pending.take_if(|made| made.key.public().kid() == kid) {
            self.waiting.push_back(Waiting { made, listed_since: now.monotonic });
        }
    }

    fn take_retired(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unreported)
    }

    fn listed(&mut self, now: Timestamp) -> Vec<PublicJwk> {
        self.activate(now);
        let current = self.current.iter().map(|current| &current.made);
        let made = current.chain(self.waiting.iter().map(|next| &next.made)).map(|made| made.key.public());
        made.chain(self.retired.iter().map(|(key, _)| key)).cloned().collect()
    }
}
