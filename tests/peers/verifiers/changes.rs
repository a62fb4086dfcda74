//! What is wrong, or unusual, with a generated token.

use super::{
    draft::{Draft, Text, encode},
    random::Random,
    values::VALUES,
};

/// The change and its name, which the rows of `classes.txt` have.
type Change = (&'static str, fn(&mut Draft, &mut Random));

/// Makes one change; returns its name.
pub fn change(draft: &mut Draft, random: &mut Random) -> &'static str {
    let table = match random.below(5) {
        0 | 1 => return change_value(draft, random),
        2 => TEXT,
        3 => SEGMENTS,
        _ => SIGNATURE,
    };
    let (name, change) = random.of_list(table);
    change(draft, random);
    name
}

fn change_value(draft: &mut Draft, random: &mut Random) -> &'static str {
    let (name, text, member, values) = random.of_list(VALUES);
    draft.set(*text, member, random.of_list::<&str>(values));
    name
}

/// Of the JSON.
const TEXT: &[Change] = &[
    ("header member twice", |draft, random| draft.repeat(Text::Header, random)),
    ("claims member twice", |draft, random| draft.repeat(Text::Claims, random)),
    ("claims member twice, nested", |draft, _| draft.set(Text::Claims, "twice", "{\"a\":1,\"\\u0061\":2}")),
    ("header spaces", |draft, _| draft.edit(Text::Header, |json, _| [b" \t\r\n", json, b"\n "].concat())),
    ("claims spaces", |draft, _| draft.edit(Text::Claims, |json, _| [b" \t\r\n", json, b"\n "].concat())),
    ("header is no object", |draft, _| draft.edit(Text::Header, no_object)),
    ("claims are no object", |draft, _| draft.edit(Text::Claims, no_object)),
    ("header byte order mark", |draft, _| draft.edit(Text::Header, |json, _| [b"\xef\xbb\xbf", json].concat())),
    ("claims byte order mark", |draft, _| draft.edit(Text::Claims, |json, _| [b"\xef\xbb\xbf", json].concat())),
    ("header not UTF-8", |draft, _| draft.edit(Text::Header, |json, random| in_a_text(json, random, b"\xff\xfe"))),
    ("claims not UTF-8", |draft, _| draft.edit(Text::Claims, |json, random| in_a_text(json, random, b"\xed\xa0\x80"))),
    ("claims control character", |draft, _| draft.edit(Text::Claims, |json, random| in_a_text(json, random, b"\n"))),
    ("header UTF-16", |draft, _| draft.edit(Text::Header, |json, _| json.iter().flat_map(|b| [*b, 0]).collect())),
    ("claims UTF-16", |draft, _| draft.edit(Text::Claims, |json, _| json.iter().flat_map(|b| [*b, 0]).collect())),
    ("header byte", |draft, _| draft.edit(Text::Header, one_byte)),
    ("claims byte", |draft, _| draft.edit(Text::Claims, one_byte)),
    ("header deep", |draft, _| draft.set(Text::Header, "deep", &nested(40))),
    ("claims deep", |draft, random| draft.set(Text::Claims, "deep", &nested(*random.of_list(&[17, 40, 200])))),
    ("claims wide", |draft, _| {
        let members: Vec<_> = (0..200).map(|number| format!("\"m{number}\":1")).collect();
        draft.set(Text::Claims, "wide", &format!("{{{}}}", members.join(",")));
    }),
    ("claims long list", |draft, _| draft.set(Text::Claims, "long", &format!("[{}1]", "1,".repeat(1500)))),
    ("header long", |draft, _| draft.set(Text::Header, "long", &format!("\"{}\"", "x".repeat(3000)))),
];

/// Of the segments: before the signature, which then holds, or after it.
const SEGMENTS: &[Change] = &[
    ("segment padding", |draft, random| {
        draft.edit_segment(random, |text, random| {
            let unpadded = text.trim_end_matches('=').to_owned();
            format!("{unpadded}{}", random.of_list(&["=", "==", "===", "===="]))
        })
    }),
    ("segment alphabet", |draft, random| {
        draft.edit_segment(random, |text, _| text.replace('-', "+").replace('_', "/"))
    }),
    ("segment space", |draft, random| {
        draft.edit_segment(random, |text, random| insert(text, random, &[" ", "\t", "%20", "*", "\u{7f}"]))
    }),
    ("segment trailing bits", |draft, random| draft.edit_segment(random, |text, _| trailing_bits(text))),
    ("segment cut", |draft, random| {
        draft.edit_segment(random, |text, random| {
            let unpadded = text.trim_end_matches('=');
            unpadded[..unpadded.len().saturating_sub(1 + random.below(3))].to_owned()
        })
    }),
    ("segment empty", |draft, random| draft.edit_segment(random, |_, _| String::new())),
    ("number of segments", |draft, _| {
        draft.edit_token(|token, random| match random.below(5) {
            0 => format!("{token}."),
            1 => format!(".{token}"),
            2 => format!("{token}.AAAA"),
            3 => token.rsplit_once('.').expect("three segments").0.to_owned(),
            _ => token.replacen('.', "..", 1),
        })
    }),
    ("around the token", |draft, _| {
        draft.edit_token(|token, random| match random.below(4) {
            0 => format!("Bearer {token}"),
            1 => format!("{token},{token}"),
            2 => format!("\"{token}\""),
            _ => format!("'{token}'"),
        })
    }),
    ("token byte", |draft, _| {
        draft.edit_token(|token, random| {
            let mut bytes = token.into_bytes();
            let at = random.below(bytes.len());
            bytes[at] = b'!' + u8::try_from(random.below(94)).expect("printable");
            String::from_utf8(bytes).expect("ASCII")
        })
    }),
    ("token too long", |draft, _| draft.set(Text::Claims, "filler", &format!("\"{}\"", "x".repeat(17_000)))),
];

/// Of the signature.
const SIGNATURE: &[Change] = &[
    ("other key", |draft, _| draft.signer = 1 - draft.signer.min(1)),
    ("unknown key", |draft, _| draft.signer = 2),
    ("signature byte", |draft, _| {
        draft.edit_signature(|mut signature, random| {
            let at = random.below(signature.len());
            signature[at] ^= 1 << random.below(8);
            signature
        })
    }),
    ("signature length", |draft, _| {
        draft.edit_signature(|signature, random| match random.below(6) {
            0 => signature[..63].to_vec(),
            1 => [&signature[..], &[0]].concat(),
            2 => [&[0], &signature[..]].concat(),
            3 => [&[0], &signature[..32], &[0], &signature[32..]].concat(),
            4 => signature[..32].to_vec(),
            _ => [&signature[..], &signature[..]].concat(),
        })
    }),
    ("signature DER", |draft, _| draft.edit_signature(|signature, _| der(&signature))),
    ("signature zero", |draft, _| {
        draft.edit_signature(|mut signature, random| {
            let part = [0..32, 32..64, 0..64][random.below(3)].clone();
            signature[part].fill(0);
            signature
        })
    }),
    ("signature halves swapped", |draft, _| {
        draft.edit_signature(|signature, _| [&signature[32..], &signature[..32]].concat())
    }),
    ("signature s negated", |draft, _| draft.edit_signature(|signature, _| negated(&signature))),
    ("signature of another token", |draft, random| draft.signed_instead = Some(encode(&random.next().to_be_bytes()))),
    ("claims changed after signing", |draft, _| {
        draft.edit_token(|token, random| {
            let parts: Vec<&str> = token.split('.').collect();
            let claims = encode(format!("{{\"sub\":\"jane{}\"}}", random.next()).as_bytes());
            format!("{}.{claims}.{}", parts[0], parts.last().expect("a segment"))
        })
    }),
];

fn no_object(json: &[u8], random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => [b"[", json, b"]"].concat(),
        1 => [json, json].concat(),
        2 => [&json[..json.len() - 1], b",}"].concat(),
        3 => [json, b"x"].concat(),
        4 => [json, b"\0"].concat(),
        5 => [b"/**/", json].concat(),
        6 => json[..json.len() - 1].to_vec(),
        _ => random.of_list(&["null", "\"text\"", "7", "", "[]", "true"]).as_bytes().to_vec(),
    }
}

/// At the start of some text.
fn in_a_text(json: &[u8], random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let starts: Vec<usize> = json.windows(2).enumerate().filter(|(_, pair)| pair == b":\"").map(|(at, _)| at).collect();
    let at = random.of_list(&starts) + 2;
    [&json[..at], bytes, &json[at..]].concat()
}

fn one_byte(json: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = json.to_vec();
    let at = random.below(bytes.len());
    match random.below(3) {
        0 => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
        1 => drop(bytes.remove(at)),
        _ => bytes.insert(at, *random.of_list(b"{}[]:,\"\\ 019-.eE\x00\x7f\xc3")),
    }
    bytes
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn insert(text: &str, random: &mut Random, what: &[&str]) -> String {
    let at = random.below(text.len() + 1);
    format!("{}{}{}", &text[..at], random.of_list(what), &text[at..])
}

/// The last character with its lowest bit changed: where the decoder drops that bit, the bytes stay the same.
fn trailing_bits(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let unpadded = text.trim_end_matches('=');
    let Some(last) = unpadded.bytes().last().and_then(|last| ALPHABET.iter().position(|byte| *byte == last)) else {
        return text.to_owned();
    };
    let changed = char::from(ALPHABET[last ^ 1]);
    format!("{}{changed}{}", &unpadded[..unpadded.len() - 1], &text[unpadded.len()..])
}

/// The same numbers in the encoding of X.509.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let mut content = number[zeros..].to_vec();
        if content.first().is_none_or(|byte| *byte >= 0x80) {
            content.insert(0, 0);
        }
        [&[2, u8::try_from(content.len()).expect("33 at most")], &content[..]].concat()
    };
    let content = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [&[0x30, u8::try_from(content.len()).expect("70 at most")], &content[..]].concat()
}

/// `(r, n - s)`, which verifies too: an ECDSA signature has two forms.
fn negated(signature: &[u8]) -> Vec<u8> {
    /// The order of the curve P-256 (SEC 2, section 2.4.2).
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
        0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut negated = signature.to_vec();
    let mut borrow = false;
    for at in (0..32).rev() {
        let (byte, first) = N[at].overflowing_sub(signature[32 + at]);
        let (byte, second) = byte.overflowing_sub(u8::from(borrow));
        (negated[32 + at], borrow) = (byte, first || second);
    }
    negated
}
