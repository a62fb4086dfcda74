//! The segments of a token, against the crate `base64` and a split at every dot.

use tower_alb_auth::fuzzing::token;

use crate::reading;

pub(crate) fn run(data: &[u8]) {
    let expected = reading::segments(data);
    let any = token::split_any(data);
    assert_eq!(any.is_some(), expected.is_some(), "three strict segments");
    let exact = token::split(data);
    let Some((signed, header, payload, signature)) = expected else {
        assert_eq!(exact, None);
        return;
    };
    let split = token::Split { signing_input: signed.to_vec(), header, payload, signature };
    assert_eq!(any.as_ref(), Some(&split));
    assert_eq!(exact.is_some(), split.signature.len() == 64, "ES256 has 64 bytes");
    assert!(exact.is_none_or(|exact| exact == split));
}
