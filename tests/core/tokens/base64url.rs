//! base64url that decodes to the same bytes in other readers, and padding that is signed.

use tower_alb_auth::{AuthErrorKind, test_util::User};

use crate::tokens::{
    forge::{Parts, encode, pad, sign_text},
    gate::Gate,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters that readers skip, or take for others: of the other alphabet (RFC 4648 section 4), white space, padding in the
/// middle, of other encodings, and where an address ends.
const FOREIGN: &[u8] = b"+/ \t=~*!%&#?:;,$@\\\"'\xa0\xff";

#[derive(Debug, Clone, Copy)]
enum Segment {
    Header,
    Payload,
    Signature,
}

#[tokio::test]
async fn s_10_base64url_that_is_not_canonical_is_refused_in_each_segment() {
    let gate = Gate::new();
    // All three lengths that a last group can have, by fillers.
    for filler in 0..3 {
        let good = signed(&gate, filler);
        for segment in [Segment::Header, Segment::Payload, Segment::Signature] {
            for (what, text) in malleated(segment.of(&good)) {
                let case = format!("{segment:?} with filler {filler}, {what}: {}", text.escape_ascii());
                let token = segment.replaced(&gate, &good, &text);
                gate.refuses_unasked(&case, token, AuthErrorKind::Malformed).await;
            }
        }
    }
    for filler in 0..3 {
        let Parts { header, payload, signature } = signed(&gate, filler);
        gate.admits(&format!("filler {filler}"), format!("{header}.{payload}.{signature}")).await;
    }
}

#[tokio::test]
async fn s_10_the_other_alphabet_is_refused_where_it_means_the_same() {
    let gate = Gate::new();
    let header = loop_until(|| signed(&gate, 0), |good| good.signature.contains('-') && good.signature.contains('_'));
    for segment in [Segment::Header, Segment::Payload, Segment::Signature] {
        for (from, to) in [('-', "+"), ('_', "/")] {
            let text = segment.of(&header);
            assert!(text.contains(from), "{segment:?} has no {from}");
            let token = segment.replaced(&gate, &header, text.replace(from, to).as_bytes());
            gate.refuses_unasked(&format!("{segment:?}, {to}"), token, AuthErrorKind::Malformed).await;
        }
    }
}

#[tokio::test]
async fn s_11_a_signature_covers_the_padding_as_it_was_signed() {
    let gate = Gate::new();
    // Every segment has padding to lose: one and two characters, and the signature's two.
    let good = (0..3)
        .map(|filler| signed(&gate, filler))
        .find(|good| good.header.len() % 4 != 0 && good.payload.len() % 4 != 0)
        .expect("a filler");
    let form = |text: &str, padded: bool| if padded { pad(text) } else { text.to_owned() };
    for as_signed in 0..4 {
        let signed_form = [as_signed & 1 != 0, as_signed & 2 != 0];
        let [header, payload] = [form(&good.header, signed_form[0]), form(&good.payload, signed_form[1])];
        let signature = Parts::of(&sign_text(&gate.alb, &header, &payload)).signature;
        for sent in 0..8 {
            let sent_form = [sent & 1 != 0, sent & 2 != 0];
            let token =
                [form(&good.header, sent_form[0]), form(&good.payload, sent_form[1]), form(&signature, sent & 4 != 0)]
                    .join(".");
            let case = format!("signed {signed_form:?}, sent {sent_form:?}, signature padded: {}", sent & 4 != 0);
            if sent_form == signed_form {
                gate.admits(&case, token).await;
            } else {
                gate.refuses(&case, token, AuthErrorKind::InvalidSignature).await;
            }
        }
    }
}

#[tokio::test]
async fn s_12_one_of_sixteen_spellings_of_a_signature_is_accepted() {
    let gate = Gate::new();
    gate.admits_jane().await;
    for round in 0..8 {
        let good = signed(&gate, round);
        let (body, last) = good.signature.split_at(85);
        let index = ALPHABET.iter().position(|letter| [*letter] == last.as_bytes()).expect("base64url");
        let mut accepted = Vec::new();
        // The last character has two bits of the signature and four that mean nothing.
        for bits in 0..16 {
            let letter = char::from(ALPHABET[index & 0b11_0000 | bits]);
            for padding in ["", "=="] {
                let token = format!("{}.{}.{body}{letter}{padding}", good.header, good.payload);
                let answer = gate.call(token).await;
                if answer.status == 200 {
                    accepted.push((bits, padding));
                } else {
                    answer.assert_401(AuthErrorKind::Malformed);
                }
            }
        }
        assert_eq!(accepted, [(0, ""), (0, "==")], "{}", good.signature);
    }
}

impl Segment {
    fn of(self, parts: &Parts) -> &str {
        match self {
            Self::Header => &parts.header,
            Self::Payload => &parts.payload,
            Self::Signature => &parts.signature,
        }
    }

    /// The token with other text in this segment. Where the signature covers it, it is signed as it stands: nothing but the
    /// spelling is wrong with it.
    fn replaced(self, gate: &Gate, good: &Parts, text: &[u8]) -> Vec<u8> {
        let sign = |header: &[u8], payload: &[u8]| {
            let signing_input = [header, b".", payload].concat();
            let signature = gate.alb.sign_bytes(&signing_input);
            [&signing_input[..], b".", encode(signature).as_bytes()].concat()
        };
        match self {
            Self::Header => sign(text, good.payload.as_bytes()),
            Self::Payload => sign(good.header.as_bytes(), text),
            Self::Signature => [good.header.as_bytes(), b".", good.payload.as_bytes(), b".", text].concat(),
        }
    }
}

/// A good token with `filler` characters more in header and payload, both of the characters that are not letters or digits
/// among them.
fn signed(gate: &Gate, filler: usize) -> Parts {
    let filler = format!("{}???>>>???>>>", "x".repeat(filler));
    let token = gate.alb.token(&User::jane()).header("filler", filler.clone()).claim("filler", filler);
    Parts::of(&token.unpadded().sign())
}

/// Other spellings of the same bytes, as lenient readers have them, and of nearly the same.
fn malleated(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let padding = &pad(text)[text.len()..];
    let mut spellings: Vec<(&'static str, Vec<u8>)> = Vec::new();
    for wrong in ["=", "==", "===", "====", "====="].into_iter().filter(|wrong| *wrong != padding) {
        spellings.push(("wrong padding", format!("{text}{wrong}").into_bytes()));
    }
    spellings.push(("padding before", format!("={text}").into_bytes()));
    spellings.push(("twice, padded", format!("{text}===={text}{padding}").into_bytes()));
    if !padding.is_empty() {
        spellings.push(("twice, padded as it should be", format!("{text}{padding}{text}{padding}").into_bytes()));
        // Two or four bits of the last character mean nothing and must be zero.
        let (body, last) = text.split_at(text.len() - 1);
        let index = ALPHABET.iter().position(|letter| [*letter] == last.as_bytes()).expect("base64url");
        for bits in if padding.len() == 1 { 1..4 } else { 1..16 } {
            let other = char::from(ALPHABET[index | bits]);
            spellings.push(("trailing bits", format!("{body}{other}").into_bytes()));
            spellings.push(("trailing bits, padded", format!("{body}{other}{padding}").into_bytes()));
        }
    }
    if text.len().is_multiple_of(4) {
        spellings.push(("one character more", format!("{text}A").into_bytes()));
        spellings.push(("one character more, padded", format!("{text}A===").into_bytes()));
    }
    for byte in FOREIGN {
        for place in [0, 4, text.len() / 2, text.len()] {
            // Canonical padding is one of the good spellings.
            if *byte == b'=' && place == text.len() {
                continue;
            }
            let mut foreign = text.as_bytes().to_vec();
            foreign.insert(place, *byte);
            spellings.push(("foreign character", foreign));
        }
    }
    spellings
}

fn loop_until<T>(make: impl Fn() -> T, is_good: impl Fn(&T) -> bool) -> T {
    std::iter::repeat_with(make).take(1000).find(is_good).expect("one of a thousand")
}
