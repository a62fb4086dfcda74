//! The held keys, as an immutable snapshot.
//!
//! Any client can cause a fetch of a key by naming its kid, but only a token of a trusted load
//! balancer makes a key verify a token. The two kinds of keys therefore have separate capacities:
//!
//! | key | capacity | evicted first |
//! |---|---|---|
//! | has verified a token ("proven") | `max_keys` | the key whose last verified use is the oldest |
//! | has verified no token yet | [`MAX_UNPROVEN_KEYS`] | the key that was fetched first |
//!
//! The kids of proven keys are remembered longer than the keys. Such a kid is fetched from a
//! budget that made-up kids cannot exhaust. Its key has to verify a token again, because a client
//! that names the kid may only have seen it.

use std::time::Instant;

use super::KeyId;
use crate::{alb::KeyEndpoint, sync::Arc};
use crate::{
    alb::{Kid, PublicKey},
    sync::Second,
};

/// Maximum number of held keys that have verified no token yet. A new key of a load balancer is
/// among them from its fetch until the signature check of the request that waits for it.
const MAX_UNPROVEN_KEYS: usize = 16;

/// Maximum number of remembered kids whose keys have verified a token: the upper limit of
/// `max_keys`.
const MAX_PROVEN_KIDS: usize = 1024;

/// All held keys. Immutable: a writer builds the next set.
#[derive(Debug, Clone)]
pub(super) struct KeySet {
    /// A region has few keys, so scanning is faster than hashing. Proven keys come first.
    keys: Vec<HeldKey>,
    /// Kids whose keys have verified a token, held or not. The latest come last.
    proven: Arc<[KeyId]>,
    /// The start of the count of seconds.
    epoch: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct HeldKey {
    pub(super) id: KeyId,
    pub(super) key: Arc<PublicKey>,
    /// The start of the last successful fetch, so that an older response never counts as newer.
    pub(super) fetched_at: Instant,
    pub(super) refresh: RefreshState,
}

/// The state of refreshes since the key was last fetched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RefreshState {
    /// The earliest time of the next refresh. `None`: as soon as the key is old enough.
    pub(super) not_before: Option<Instant>,
    pub(super) failures: u32,
    /// Consecutive responses that there is no such key, and the time of the first of them.
    pub(super) refusals: u32,
    pub(super) first_refusal: Option<Instant>,
}

impl HeldKey {
    /// Whether the key has verified a token.
    pub(super) fn is_proven(&self) -> bool {
        self.key.last_use() != Second::NEVER
    }
}

impl KeySet {
    pub(super) fn new(epoch: Instant) -> Self {
        Self { keys: Vec::new(), proven: Arc::new([]), epoch }
    }

    pub(super) fn find(&self, endpoint: &KeyEndpoint, kid: Kid) -> Option<&HeldKey> {
        self.keys.iter().find(|held| held.id.kid == kid && held.id.endpoint == *endpoint)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &HeldKey> {
        self.keys.iter()
    }

    /// The keys that have verified a token.
    pub(super) fn proven(&self) -> impl Iterator<Item = &HeldKey> {
        self.iter().filter(|held| held.is_proven())
    }

    /// Whether a key of this kid has verified a token, even if it is no longer held.
    pub(super) fn is_proven_kid(&self, id: &KeyId) -> bool {
        self.proven.iter().any(|proven| proven == id)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The second of this instant, for recording the use of a key.
    #[inline]
    pub(super) fn second(&self, now: Instant) -> Second {
        Second::of(self.epoch, now)
    }

    /// The set with this key, which replaces the key of the same id.
    pub(super) fn with(&self, new: HeldKey, max_keys: usize) -> Self {
        let mut keys: Vec<HeldKey> = self.keys.iter().filter(|held| held.id != new.id).cloned().collect();
        if new.is_proven() {
            make_room(&mut keys, max_keys, HeldKey::is_proven, |held| held.key.last_use());
            keys.insert(0, new);
        } else {
            make_room(&mut keys, MAX_UNPROVEN_KEYS, |held| !held.is_proven(), |held| held.fetched_at);
            keys.push(new);
        }
        Self { keys, ..self.clone() }
    }

    /// The set with this kid recorded as proven, and with its key, if held, recorded as proven.
    pub(super) fn with_proven(&self, id: &KeyId, at: Second, max_keys: usize) -> Self {
        let skip = usize::from(!self.is_proven_kid(id) && self.proven.len() >= MAX_PROVEN_KIDS);
        let others = self.proven.iter().skip(skip).filter(|proven| *proven != id);
        let proven = others.chain([id]).cloned().collect();
        let set = Self { proven, ..self.clone() };
        let Some(held) = self.find(&id.endpoint, id.kid) else { return set };
        // The key may have been fetched again in the meantime, which makes a new object.
        held.key.note_use(at);
        set.with(held.clone(), max_keys)
    }

    /// The set without a key that its endpoint does not have any longer. The kid is no longer
    /// proven.
    pub(super) fn without(&self, id: &KeyId) -> Self {
        let keys = self.keys.iter().filter(|held| held.id != *id).cloned().collect();
        Self { keys, proven: self.proven.iter().filter(|proven| *proven != id).cloned().collect(), epoch: self.epoch }
    }

    /// The part of the set that stays valid after a change of the configuration. Keys and kids of
    /// endpoints that are no longer trusted are dropped. If the source has changed, all keys are
    /// dropped, and only the kids of keys in use are kept, because users will present them.
    pub(super) fn after_reload(&self, endpoints: &[KeyEndpoint], same_source: bool) -> Self {
        let stays = |id: &KeyId| endpoints.contains(&id.endpoint);
        if !same_source {
            let in_use = self.proven().map(|held| held.id.clone()).filter(stays);
            return Self { keys: Vec::new(), proven: in_use.collect(), epoch: self.epoch };
        }
        let mut proven: Vec<KeyId> = self.proven.iter().filter(|id| stays(id)).cloned().collect();
        let mut keys = Vec::new();
        for held in self.keys.iter().filter(|held| stays(&held.id)) {
            // Its last use is shared with the set before, where requests go on. If the first use comes after this, each set
            // has to see it as a first one.
            let is_proven = held.is_proven();
            if is_proven && !proven.contains(&held.id) {
                proven.push(held.id.clone());
            }
            let key = if is_proven { Arc::clone(&held.key) } else { Arc::new(held.key.unused()) };
            keys.push(HeldKey { key, ..held.clone() });
        }
        Self { keys, proven: proven.into(), epoch: self.epoch }
    }
}

/// Removes keys of a kind, in this order, until one more fits.
fn make_room<T: Ord>(
    keys: &mut Vec<HeldKey>,
    capacity: usize,
    is_kind: impl Fn(&HeldKey) -> bool,
    order: impl Fn(&HeldKey) -> T,
) {
    while keys.iter().filter(|held| is_kind(held)).count() >= capacity.max(1) {
        let of_kind = keys.iter().enumerate().filter(|(_, held)| is_kind(held));
        let Some((first, _)) = of_kind.min_by_key(|(_, held)| order(held)) else { break };
        keys.remove(first);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::alb::test_key;

    const MAX_KEYS: usize = 4;

    fn id(number: u16) -> KeyId {
        let kid = Kid::parse(&format!("00000000-0000-4000-8000-{number:012x}")).unwrap();
        KeyId { endpoint: KeyEndpoint::parse("https://keys.example.com").unwrap(), kid }
    }

    fn held(number: u16, epoch: Instant, seconds: u64) -> HeldKey {
        let fetched_at = epoch + Duration::from_secs(seconds);
        HeldKey { id: id(number), key: Arc::new(test_key()), fetched_at, refresh: RefreshState::default() }
    }

    #[test]
    fn s_82_keys_that_verified_nothing_push_only_each_other_out() {
        let epoch = Instant::now();
        let mut set = KeySet::new(epoch);
        for number in 0..4 {
            let key = held(number, epoch, 0);
            key.key.note_use(set.second(epoch));
            set = set.with(key, MAX_KEYS);
        }
        for number in 100..1100 {
            set = set.with(held(number, epoch, u64::from(number)), MAX_KEYS);
        }
        assert_eq!(set.len(), MAX_KEYS + MAX_UNPROVEN_KEYS);
        let unproven: Vec<_> = set.iter().filter(|held| !held.is_proven()).map(|held| held.id.clone()).collect();
        assert_eq!(unproven, (1084..1100).map(id).collect::<Vec<_>>(), "the latest");
        assert_eq!(set.proven().count(), 4);
    }

    #[test]
    fn s_82_the_key_whose_last_verified_use_is_longest_ago_goes_first() {
        let epoch = Instant::now();
        let at = |seconds| epoch + Duration::from_secs(seconds);
        let mut set = KeySet::new(epoch);
        for number in 0..4 {
            set = set.with(held(number, epoch, u64::from(number)), MAX_KEYS);
            set = set.with_proven(&id(number), set.second(at(10 + u64::from(number))), MAX_KEYS);
        }
        // The key that was fetched first is in use.
        set.find(&id(0).endpoint, id(0).kid).unwrap().key.note_use(set.second(at(100)));
        set = set.with(held(9, epoch, 50), MAX_KEYS);
        assert_eq!(set.len(), 5, "it has verified no token yet");
        set = set.with_proven(&id(9), set.second(at(101)), MAX_KEYS);
        let mut kids: Vec<_> = set.iter().map(|held| held.id.clone()).collect();
        kids.sort_by_key(|id| id.kid);
        assert_eq!(kids, [0, 2, 3, 9].map(id));
        assert!(set.is_proven_kid(&id(1)), "the kid is remembered");
    }

    #[test]
    fn s_81_a_change_of_the_source_leaves_the_kids_in_use_and_no_key() {
        let epoch = Instant::now();
        let mut set = KeySet::new(epoch);
        for number in 0..6 {
            set = set.with(held(number, epoch, 0), MAX_KEYS);
            set = set.with_proven(&id(number), set.second(epoch + Duration::from_secs(number.into())), MAX_KEYS);
        }
        set = set.with(held(9, epoch, 0), MAX_KEYS).without(&id(5));
        let kids = |set: &KeySet| (0..10).filter(|number| set.is_proven_kid(&id(*number))).collect::<Vec<_>>();
        assert_eq!((set.len(), kids(&set)), (4, vec![0, 1, 2, 3, 4]), "0 and 1 were evicted, 5 was withdrawn");

        let same = set.after_reload(&[id(0).endpoint], true);
        assert_eq!((same.len(), kids(&same)), (4, vec![0, 1, 2, 3, 4]));
        let other = set.after_reload(&[id(0).endpoint], false);
        assert_eq!((other.len(), kids(&other)), (0, vec![2, 3, 4]));
        for same_source in [true, false] {
            let elsewhere = set.after_reload(&[KeyEndpoint::parse("https://other.example.com").unwrap()], same_source);
            assert_eq!((elsewhere.len(), kids(&elsewhere)), (0, vec![]), "an endpoint that is no longer trusted");
        }
    }

    /// Found by the model `a_reload_beside_fetches_leaves_two_stores_that_work`.
    #[test]
    fn f_55_a_key_whose_first_token_comes_beside_a_reload_is_in_use_in_both_sets() {
        let epoch = Instant::now();
        let set = KeySet::new(epoch).with(held(1, epoch, 0), MAX_KEYS).with(held(2, epoch, 0), MAX_KEYS);
        let key = |set: &KeySet, number| Arc::clone(&set.find(&id(number).endpoint, id(number).kid).unwrap().key);
        // The first token of one was verified, and its kid is not in the list yet; that of the other comes later.
        assert!(key(&set, 2).note_use(set.second(epoch)));
        let next = set.after_reload(&[id(1).endpoint], true);
        assert!(next.is_proven_kid(&id(2)));
        assert!(key(&set, 1).note_use(set.second(epoch)));
        assert!(key(&next, 1).note_use(next.second(epoch)), "a first use in the next set too");
    }

    #[test]
    fn proven_kids_are_bounded_and_the_latest_stay() {
        let mut set = KeySet::new(Instant::now());
        for number in 0..2000 {
            set = set.with_proven(&id(number), Second::NEVER, MAX_KEYS);
            set = set.with_proven(&id(number), Second::NEVER, MAX_KEYS);
        }
        assert_eq!(set.proven.len(), MAX_PROVEN_KIDS);
        assert!(set.is_proven_kid(&id(1999)) && set.is_proven_kid(&id(976)) && !set.is_proven_kid(&id(975)));
    }
}
