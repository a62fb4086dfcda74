//! Whether tokens arrive again at all.
//!
//! Behind a load balancer alone they do not, and then a cache costs memory and time for nothing. After
//! [`WITHOUT_HIT`] verified tokens in a row of which none arrived again, only one token in [`PARTS`] is
//! remembered: enough to see that tokens arrive again, and the first one that does ends it.

use crate::sync::{AtomicU32, Ordering};

/// Verified tokens without a hit after which only a sample is remembered. More than arrive while a
/// retry or a relaying hop brings one again.
const WITHOUT_HIT: u32 = 1024;

/// One of this many tokens is in the sample. A power of two, because it divides a byte.
const PARTS: u32 = 8;

/// Verified tokens for which the sample stays the same. The next one has other tokens, so a token that
/// keeps arriving is in one of [`PARTS`] samples.
const TURN: u32 = 8192;

/// Verified tokens since the last hit.
#[derive(Debug, Default)]
pub(super) struct Hits {
    verified_since: AtomicU32,
}

/// The result for a verified token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Kept,
    Left,
    /// A sample ended: its tokens make room.
    LeftAndOthersDropped,
}

impl Hits {
    /// Whether a look-up of the token can succeed.
    pub(super) fn may_be_kept(&self, token: &[u8]) -> bool {
        is_in_sample(self.verified_since.load(Ordering::Relaxed), token)
    }

    pub(super) fn found(&self) {
        // Most hits follow a hit, and a store would take the line from the other processors.
        if self.verified_since.load(Ordering::Relaxed) != 0 {
            self.verified_since.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a verified token. The count starts again after 2^32 of them, which are remembered as the
    /// first ones were.
    pub(super) fn place_of(&self, token: &[u8]) -> Place {
        let verified = self.verified_since.fetch_add(1, Ordering::Relaxed);
        if verified.checked_sub(WITHOUT_HIT).is_some_and(|sampled| sampled % TURN == 0) {
            return Place::LeftAndOthersDropped;
        }
        if is_in_sample(verified, token) { Place::Kept } else { Place::Left }
    }
}

/// Whether the token is one that is remembered after this many without a hit.
fn is_in_sample(verified_since: u32, token: &[u8]) -> bool {
    let Some(sampled) = verified_since.checked_sub(WITHOUT_HIT) else { return true };
    // A character in the middle of the signature, which is as good as random, and differs between tokens of
    // one user.
    token.iter().nth_back(40).is_some_and(|byte| u32::from(*byte) % PARTS == sampled / TURN % PARTS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Tokens with the length of an ES256 signature; their characters are as mixed as those of one.
    fn token(number: u64) -> Vec<u8> {
        const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            CHARACTERS[usize::try_from(state % 64).unwrap()]
        };
        (0..86).map(|_| next()).collect()
    }

    /// A cache without bounds.
    #[derive(Default)]
    struct Site {
        hits: Hits,
        kept: HashSet<Vec<u8>>,
        most: usize,
    }

    impl Site {
        /// Whether the token was remembered; else it is verified.
        fn sees(&mut self, token: Vec<u8>) -> bool {
            if self.hits.may_be_kept(&token) && self.kept.contains(&token) {
                self.hits.found();
                return true;
            }
            match self.hits.place_of(&token) {
                Place::Kept => drop(self.kept.insert(token)),
                Place::Left => {}
                Place::LeftAndOthersDropped => self.kept.clear(),
            }
            self.most = self.most.max(self.kept.len());
            false
        }

        fn sees_new(&mut self, tokens: std::ops::Range<u64>) {
            for number in tokens {
                assert!(!self.sees(token(number)), "{number} is new");
            }
        }
    }

    #[test]
    fn of_tokens_that_never_arrive_again_few_are_kept() {
        let mut site = Site::default();
        site.sees_new(0..100_000);
        // A sample is an eighth of 8,192, or the first 1,024; which characters it has is chance.
        assert!((1024..1600).contains(&site.most), "{}", site.most);
    }

    #[test]
    fn tokens_that_each_arrive_twice_are_kept_again_soon() {
        let mut site = Site::default();
        site.sees_new(0..50_000);
        let hits = (50_000..50_200).filter(|number| !site.sees(token(*number)) && site.sees(token(*number))).count();
        assert!(hits >= 100, "{hits}");
        let hits = (50_200..50_400).filter(|number| !site.sees(token(*number)) && site.sees(token(*number))).count();
        assert_eq!(hits, 200, "from then on all");
    }

    #[test]
    fn a_ring_of_tokens_that_is_longer_than_the_wait_is_kept() {
        let mut site = Site::default();
        let hits: Vec<_> = (0..6).map(|_| (0..5000).filter(|number| site.sees(token(*number))).count()).collect();
        assert_eq!(hits[5], 5000, "{hits:?}");
    }

    #[test]
    fn one_token_that_keeps_arriving_among_others_is_kept() {
        let mut site = Site::default();
        site.sees_new(0..10_000);
        let mut new = 10_000..;
        let misses = (0..40_000).take_while(|_| {
            let number = new.next().expect("endless");
            site.sees(token(number));
            !site.sees(token(1))
        });
        assert!(misses.count() < 40_000, "within all samples");
    }

    #[test]
    fn each_token_is_in_one_of_the_samples_that_follow_one_another() {
        let samples = |token: &[u8]| {
            let of_turn = |turn: u32| is_in_sample(WITHOUT_HIT + turn * TURN, token);
            (0..PARTS * 100).filter(|turn| of_turn(*turn)).collect::<Vec<_>>()
        };
        for number in 0..100 {
            let found = samples(&token(number));
            assert_eq!(found.len(), 100, "{number}: {found:?}");
            assert!(found.windows(2).all(|turns| turns[1] - turns[0] == PARTS), "{number}: {found:?}");
        }
    }

    #[test]
    fn the_wait_begins_again_with_each_hit() {
        let mut site = Site::default();
        for number in 0..20 {
            site.sees_new(number * 1000..(number + 1) * 1000);
            assert!(site.sees(token(number * 1000)), "{number}");
        }
    }

    #[test]
    fn what_is_no_token_is_in_no_sample() {
        let hits = Hits::default();
        assert!(hits.may_be_kept(b"short"));
        hits.verified_since.store(WITHOUT_HIT, Ordering::Relaxed);
        assert!(!hits.may_be_kept(b"short"));
        hits.verified_since.store(u32::MAX, Ordering::Relaxed);
        assert!(matches!(hits.place_of(&token(1)), Place::Kept | Place::Left), "the last before it starts again");
        assert_eq!(hits.place_of(&token(1)), Place::Kept);
    }
}
