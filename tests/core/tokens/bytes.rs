//! The header value as bytes: what may stand in it, how long it may be, how many segments it has.

use http::HeaderValue;
use tower_alb_auth::{
    AuthErrorKind, TokenLimits,
    test_util::{MockAlb, User},
};

use crate::tokens::{
    forge::{Parts, encode},
    gate::Gate,
};

#[tokio::test]
async fn s_07_bytes_that_no_token_has_are_refused_wherever_they_stand() {
    let gate = Gate::new();
    let token = gate.alb.sign(&User::jane()).into_bytes();
    let dots: Vec<usize> = (0..token.len()).filter(|at| token[*at] == b'.').collect();
    let places = [0, 1, dots[0], dots[0] + 1, dots[0] + 2, dots[1], dots[1] + 1, dots[1] + 43, token.len()];
    let bytes = (0x80..=0xff).chain(*b"\t !\"#$%&'()*+,/:;<>?@[\\]^`{|}~");
    for byte in bytes {
        for place in places {
            let mut value = token.clone();
            value.insert(place, byte);
            gate.refuses_unasked(&format!("{byte:#04x} at {place}"), value, AuthErrorKind::Malformed).await;
        }
    }
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_07_white_space_of_other_alphabets_and_nothing_at_all_are_refused() {
    let gate = Gate::new();
    let token = gate.alb.sign(&User::jane());
    for (case, value) in [
        ("empty", String::new()),
        ("only a space", " ".to_owned()),
        ("only a tab", "\t".to_owned()),
        ("no-break space before", format!("\u{a0}{token}")),
        ("no-break space after", format!("{token}\u{a0}")),
        ("byte order mark", format!("\u{feff}{token}")),
        ("zero width space", token.replacen('.', ".\u{200b}", 1)),
        ("ideographic full stop for a dot", token.replacen('.', "\u{3002}", 1)),
        ("full-width letter", token.replacen('e', "\u{ff45}", 1)),
        ("scheme", format!("Bearer {token}")),
        ("quoted", format!("\"{token}\"")),
    ] {
        gate.refuses_unasked(case, value, AuthErrorKind::Malformed).await;
    }
}

#[test]
fn s_07_line_breaks_and_other_control_characters_do_not_get_as_far_as_a_header() {
    for byte in (0..0x20).chain([0x7f]).filter(|byte| *byte != b'\t') {
        assert!(HeaderValue::from_bytes(&[b'a', byte, b'b']).is_err(), "{byte:#04x}");
    }
}

#[tokio::test]
async fn s_08_a_token_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    let limits = [None, Some(1024), Some(5000), Some(64 * 1024)];
    for limit in limits {
        let gate = || {
            let alb = MockAlb::new();
            let builder = alb.config_builder();
            let builder = match limit {
                Some(bytes) => builder.token_limits(TokenLimits::new().max_token_bytes(bytes)),
                None => builder,
            };
            Gate::with(alb, builder)
        };
        let max = limit.unwrap_or(16 * 1024);
        for length in [max - 1, max] {
            let gate = gate();
            gate.admits(&format!("{length} of {max} bytes"), token_of(&gate.alb, length)).await;
        }
        let gate = gate();
        for length in [max + 1, max + 2, 2 * max] {
            let case = format!("{length} of {max} bytes");
            gate.refuses_unasked(&case, token_of(&gate.alb, length), AuthErrorKind::TooLarge).await;
        }
    }
}

#[tokio::test]
async fn s_08_a_long_jose_header_is_refused_before_it_is_read() {
    let gate = Gate::new();
    let with_filler = |filler: usize| gate.alb.token(&User::jane()).header("filler", "x".repeat(filler));
    let rest = with_filler(0).header_json().len();
    let max = 2048;
    for length in [max + 1, max + 2, 4096, 4097, 11_000] {
        let token = with_filler(length - rest).sign();
        gate.refuses_unasked(&format!("{length} bytes"), token, AuthErrorKind::MalformedHeader).await;
    }
    for length in [767, 768, 769, max - 1, max] {
        gate.admits(&format!("{length} bytes"), with_filler(length - rest).sign()).await;
    }
}

#[tokio::test]
async fn s_09_anything_but_three_segments_is_refused() {
    let gate = Gate::new();
    let Parts { header, payload, signature } = Parts::of(&gate.alb.sign(&User::jane()));
    let [h, p, s] = [&header, &payload, &signature];
    let general = format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#);
    for (case, value) in [
        ("one segment", h.clone()),
        ("two segments", format!("{h}.{p}")),
        ("signature without payload", format!("{h}.{s}")),
        ("four segments", format!("{h}.{p}.{s}.{s}")),
        ("payload twice", format!("{h}.{p}.{p}.{s}")),
        ("five segments, a JWE", format!("{h}.{p}.{p}.{p}.{s}")),
        ("a dot before", format!(".{h}.{p}.{s}")),
        ("a dot after", format!("{h}.{p}.{s}.")),
        ("two dots between", format!("{h}..{p}.{s}")),
        ("a dot alone", ".".to_owned()),
        ("two dots alone", "..".to_owned()),
        ("16 KiB of dots", ".".repeat(16 * 1024)),
        ("16 KiB of segments", format!("{h}.{}.{s}", "a.".repeat(7900))),
        ("flattened JSON serialisation", format!(r#"{{"payload":"{p}","protected":"{h}","signature":"{s}"}}"#)),
        ("general JSON serialisation", general.clone()),
        ("JSON serialisation as first segment", format!("{}.{p}.{s}", encode(&general))),
    ] {
        let kind = match case {
            "JSON serialisation as first segment" => AuthErrorKind::UnsupportedAlgorithm,
            _ => AuthErrorKind::Malformed,
        };
        gate.refuses_unasked(case, value, kind).await;
    }
    // An empty payload is sound base64url, but not what was signed (RFC 7515 appendix F).
    gate.refuses("detached payload", format!("{h}..{s}"), AuthErrorKind::InvalidSignature).await;
    gate.admits_jane().await;
}

/// A good token of Jane with exactly this many bytes.
fn token_of(alb: &MockAlb, length: usize) -> String {
    let with_filler = |filler: usize| alb.token(&User::jane()).claim("filler", "x".repeat(filler));
    let rest = with_filler(0).unpadded().sign().len();
    let close = (length - rest) * 3 / 4;
    let near = (close.saturating_sub(8)..close + 8).flat_map(|filler| {
        let token = with_filler(filler);
        [token.clone().sign(), token.unpadded().sign()]
    });
    // The signature's padding is not signed, so either form of it makes a length more.
    let mut tokens = near.flat_map(|token| {
        let bare = token.trim_end_matches('=').to_owned();
        [format!("{bare}=="), bare]
    });
    tokens.find(|token| token.len() == length).expect("a token of this length")
}
