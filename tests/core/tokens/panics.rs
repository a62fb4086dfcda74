//! Thousands of malformed inputs, and no panic.
//!
//! What comes out of it is checked only as far as it holds for all inputs: a request is let in, refused with 401, or, where
//! the token is good and its user is not, with 403. The inputs are the same on each run, but for keys, times and signatures.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::HeaderValue;
use tower_alb_auth::test_util::User;

use crate::tokens::{
    forge::{BOTH, encode},
    gate::Gate,
};

/// What mutations put in: what JSON, base64url and their readers trip over.
const PIECES: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"\\u0000",
    b",",
    b":",
    b"null",
    b"true",
    b"-",
    b"0",
    b"1e999",
    b"1e-999",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"253402300800",
    b"0.1",
    b"NaN",
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"\"alg\":\"none\",",
    b"\"exp\":",
    b"\"sub\":",
    b"\"email\":",
    b"\"iss\":",
    b"\"kid\":",
    b"\"crit\":[],",
    b"=",
    b".",
];

/// What became of inputs.
#[derive(Debug, Default)]
struct Tally {
    inputs: usize,
    let_in: usize,
    refused: usize,
    forbidden: usize,
    panics: usize,
}

impl Tally {
    fn send(&mut self, gate: &Gate, value: &[u8]) {
        if HeaderValue::from_bytes(value).is_err() {
            return;
        }
        self.inputs += 1;
        match catch_unwind(AssertUnwindSafe(|| gate.call_now(value))) {
            Ok(answer) => match answer.status.as_u16() {
                200 => self.let_in += 1,
                401 => self.refused += 1,
                403 => self.forbidden += 1,
                status => panic!("{status} for {}: {answer:?}", value.escape_ascii()),
            },
            Err(_) => {
                self.panics += 1;
                println!("a panic by {}", value.escape_ascii());
            }
        }
    }
}

#[test]
fn s_71_bytes_at_random_never_panic() {
    let gate = Gate::with_fixed_keys();
    let (mut random, mut tally) = (Random(1), Tally::default());
    for round in 0..4000 {
        let length = if round % 100 == 0 { random.below(20_000) } else { random.below(400) };
        // Half of them of characters that a token may have, so that they get past the alphabet.
        let alphabet: &[u8] = b"eyJhbGciOiJFUzI1NiJ9AZaz09-_=..";
        let value: Vec<u8> = match round % 2 {
            0 => (0..length).map(|_| random.header_byte()).collect(),
            _ => (0..length).map(|_| alphabet[random.below(alphabet.len())]).collect(),
        };
        tally.send(&gate, &value);
    }
    assert!(tally.inputs == 4000, "{tally:?}");
    assert_eq!((tally.panics, tally.let_in, tally.forbidden), (0, 0, 0), "{tally:?}");
}

#[test]
fn s_71_segments_at_random_never_panic() {
    let gate = Gate::with_fixed_keys();
    let (mut random, mut tally) = (Random(2), Tally::default());
    let good = gate.alb.token(&User::jane());
    let (header, payload) = (good.header_json().into_bytes(), good.payload_json().into_bytes());
    for round in 0..3000 {
        let mut part = |good: &[u8], whole: bool| {
            let length = random.below(good.len() + 40);
            let mut bytes: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
            if whole {
                bytes = good.to_vec();
            }
            encode(bytes)
        };
        let (header, payload) = (part(&header, round % 3 == 1), part(&payload, round % 3 == 2));
        let signature: Vec<u8> = (0..64).map(|_| random.next().to_le_bytes()[0]).collect();
        tally.send(&gate, format!("{header}.{payload}.{}", encode(signature)).as_bytes());
    }
    assert_eq!((tally.inputs, tally.refused, tally.panics), (3000, 3000, 0), "{tally:?}");
}

#[test]
fn s_71_header_and_payload_mutated_and_signed_never_panic() {
    let gate = Gate::with_fixed_keys();
    for text in BOTH {
        let (mut random, mut tally) = (Random(3), Tally::default());
        for round in 0..2500 {
            let user =
                if round % 2 == 0 { User::jane() } else { User::cognito("jane.doe").claim("groups", ["a", "b"]) };
            let token = gate.alb.token(&user);
            let mut json = text.of(&token).into_bytes();
            for _ in 0..=random.below(4) {
                mutate(&mut json, &mut random);
            }
            tally.send(&gate, text.replaced(token, json).as_bytes());
        }
        assert_eq!((tally.inputs, tally.panics), (2500, 0), "{text:?}: {tally:?}");
        assert!(tally.let_in > 5 && tally.refused > 1000, "mutations of all kinds in the {text:?}: {tally:?}");
    }
}

#[test]
fn s_71_any_header_of_a_load_balancer_beside_a_good_token_never_panics() {
    let gate = Gate::with_fixed_keys();
    let token = gate.alb.sign(&User::jane());
    let mut random = Random(4);
    for _ in 0..1000 {
        let length = random.below(60);
        let identity: Vec<u8> = (0..length).map(|_| random.header_byte()).collect();
        let answer = catch_unwind(AssertUnwindSafe(|| gate.call_with_identity(&token, &identity)));
        assert_eq!(answer.expect("no panic").status, 401, "{}", identity.escape_ascii());
    }
}

/// One change: a byte, a piece put in or over, a part taken out, doubled or moved.
fn mutate(json: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(json.len() + 1);
    let end = (at + random.below(12)).min(json.len());
    let piece = PIECES[random.below(PIECES.len())];
    match random.below(7) {
        0 if at < json.len() => json[at] = random.next().to_le_bytes()[0],
        1 if at < json.len() => json[at] ^= 1 << random.below(8),
        2 => drop(json.splice(at..at, piece.iter().copied())),
        3 => drop(json.splice(at..end, piece.iter().copied())),
        4 => drop(json.drain(at..end)),
        5 => {
            let part = json[at..end].to_vec();
            let to = random.below(json.len() + 1);
            drop(json.splice(to..to, part));
        }
        _ => json.truncate(at.max(json.len() / 2)),
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Any that a header value may have.
    fn header_byte(&mut self) -> u8 {
        match 0x20 | self.next().to_le_bytes()[0] {
            0x7f => b'\t',
            byte => byte,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).expect("64 bits")).expect("below a usize")
    }
}
