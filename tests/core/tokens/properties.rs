//! A valid token, changed a little: never good, never another user, never a fault of ours.
//!
//! The keys are fixed, so that a changed kid is an unknown one at once. With a key endpoint it would be asked for, a few a
//! second, and what the budget refuses is a 503; that is tested with the key store.

use std::sync::LazyLock;

use http::HeaderValue;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::Config};
use tower_alb_auth::test_util::User;

use crate::tokens::{
    forge::{Parts, pad},
    gate::{Gate, JANE, assert_refused},
};

static GATE: LazyLock<Gate> = LazyLock::new(Gate::with_fixed_keys);

/// One change of a text.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Swap(Index, Index),
    Repeat(Index, Index),
    Cut(Index),
}

#[test]
fn s_71_every_bit_of_a_token_counts() {
    for token in tokens() {
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut other = token.clone();
                other[at] ^= 1 << bit;
                refuse_changed(&format!("bit {bit} at {at}"), &token, &other);
            }
        }
    }
}

#[test]
fn s_71_every_byte_of_a_token_counts() {
    for token in tokens() {
        for at in 0..token.len() {
            let mut other = token.clone();
            let byte = other.remove(at);
            refuse_changed(&format!("without {at}"), &token, &other);
            for inserted in [byte, b'A', b'=', b'.', b'-'] {
                let mut other = token.clone();
                other.insert(at, inserted);
                refuse_changed(&format!("{} inserted at {at}", inserted.escape_ascii()), &token, &other);
            }
            refuse_changed(&format!("cut at {at}"), &token, &token[..at]);
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn s_71_one_change_of_anybodys_token_is_refused(
        local_part in "[a-z][a-z0-9.]{0,20}[a-z]",
        padded in any::<bool>(),
        edit in edit(),
    ) {
        let token = GATE.alb.token(&User::entra(&local_part));
        let token = if padded { token.sign() } else { token.unpadded().sign() }.into_bytes();
        refuse_changed(&format!("{edit:?}"), &token, &edit.of(&token));
    }

    #[test]
    fn s_71_several_changes_never_make_another_user(edits in vec(edit(), 1..8)) {
        let token = GATE.alb.sign(&User::jane()).into_bytes();
        let other = edits.iter().fold(token.clone(), |token, edit| edit.of(&token));
        refuse_changed(&format!("{edits:?}"), &token, &other);
    }

    #[test]
    fn s_71_pieces_of_several_tokens_never_make_one(from in [0_usize..6, 0..6, 0..6]) {
        let users = ["jane.doe", "admin", "john"].map(|name| GATE.alb.token(&User::entra(name)));
        let tokens = users.iter().flat_map(|token| [token.clone().sign(), token.clone().unpadded().sign()]);
        let tokens: Vec<Vec<String>> = tokens.map(|token| token.split('.').map(str::to_owned).collect()).collect();
        let mixed = [&*tokens[from[0]][0], &tokens[from[1]][1], &tokens[from[2]][2]].join(".");
        let answer = GATE.call_now(&mixed);
        // Headers are the same for all users, and texts that need no padding in both conventions.
        let signed = &tokens[from[2]];
        if tokens[from[0]][0] == signed[0] && tokens[from[1]][1] == signed[1] {
            let name = ["jane.doe", "admin", "john"][from[1] / 2];
            prop_assert_eq!(&answer.body, &format!("user:default/{name}"));
        } else {
            assert_refused(&format!("{from:?}"), &answer);
        }
    }
}

/// Tokens of Jane in both conventions.
fn tokens() -> [Vec<u8>; 2] {
    let token = GATE.alb.token(&User::jane());
    let tokens = [token.clone().sign(), token.unpadded().sign()];
    for token in &tokens {
        assert_eq!(GATE.call_now(token).body, JANE);
    }
    tokens.map(String::into_bytes)
}

/// That `other` is refused, unless it is the same token: the padding of the signature alone may come and go.
fn refuse_changed(case: &str, token: &[u8], other: &[u8]) {
    if HeaderValue::from_bytes(other).is_err() {
        return;
    }
    let same = [token.to_vec(), with_bare_signature(token), with_padded_signature(token)];
    if !same.iter().any(|same| same == other) {
        assert_refused(&format!("{case}: {}", other.escape_ascii()), &GATE.call_now(other));
    }
}

fn with_bare_signature(token: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(token).expect("ASCII");
    text.trim_end_matches('=').as_bytes().to_vec()
}

fn with_padded_signature(token: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(token).expect("ASCII");
    let (signing_input, _) = text.rsplit_once('.').expect("a signature");
    format!("{signing_input}.{}", pad(&Parts::of(text).signature)).into_bytes()
}

fn edit() -> impl Strategy<Value = Edit> {
    let byte = || prop_oneof![any::<u8>(), proptest::sample::select(b"AZaz09-_=.+/ ".to_vec())];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        any::<Index>().prop_map(Edit::Delete),
        any::<(Index, Index)>().prop_map(|(one, other)| Edit::Swap(one, other)),
        any::<(Index, Index)>().prop_map(|(from, to)| Edit::Repeat(from, to)),
        any::<Index>().prop_map(Edit::Cut),
    ]
}

impl Edit {
    fn of(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        let length = text.len();
        if length == 0 {
            return text;
        }
        match self {
            Self::Replace(at, byte) => text[at.index(length)] = *byte,
            Self::Insert(at, byte) => text.insert(at.index(length + 1), *byte),
            Self::Delete(at) => drop(text.remove(at.index(length))),
            Self::Swap(one, other) => text.swap(one.index(length), other.index(length)),
            Self::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let piece = text[from.min(to)..from.max(to)].to_vec();
                text.splice(to..to, piece);
            }
            Self::Cut(at) => text.truncate(at.index(length)),
        }
        text
    }
}
