//! Tokens taken apart and put together again, by hand where the builder would be too well-behaved.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_alb_auth::test_util::{MockAlb, TokenBuilder};

/// Upper bytes first, as an unsigned number of 256 bits: the order of the curve P-256 (SEC 2, section 2.4.2).
pub const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The three segments of a token, without their padding.
#[derive(Debug, Clone)]
pub struct Parts {
    pub header: String,
    pub payload: String,
    pub signature: String,
}

impl Parts {
    pub fn of(token: &str) -> Self {
        let mut segments = token.split('.').map(|segment| segment.trim_end_matches('=').to_owned());
        let mut next = || segments.next().expect("three segments");
        Self { header: next(), payload: next(), signature: next() }
    }

    /// The signature, `r || s`.
    pub fn signature_bytes(&self) -> [u8; 64] {
        decode(&self.signature).try_into().expect("64 bytes")
    }

    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}.{}", self.header, self.payload, encode(signature))
    }
}

/// A token of these two texts as they stand, signed by the load balancer.
pub fn sign_text(alb: &MockAlb, header: &str, payload: &str) -> String {
    let signing_input = format!("{header}.{payload}");
    let signature = encode(alb.sign_bytes(signing_input.as_bytes()));
    format!("{signing_input}.{signature}")
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// With the padding that belongs to it.
pub fn pad(unpadded: &str) -> String {
    format!("{unpadded}{}", &"=="[..(4 - unpadded.len() % 4) % 4])
}

/// Which of the two JSON texts of a token a case changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    Header,
    Payload,
}

/// The two, for rules that hold in both.
pub const BOTH: [Text; 2] = [Text::Header, Text::Payload];

impl Text {
    /// What the builder would sign.
    pub fn of(self, token: &TokenBuilder<'_>) -> String {
        match self {
            Self::Header => token.header_json(),
            Self::Payload => token.payload_json(),
        }
    }

    /// The token with other bytes in this place, properly signed.
    pub fn replaced(self, token: TokenBuilder<'_>, bytes: impl Into<Vec<u8>>) -> String {
        match self {
            Self::Header => token.raw_header(bytes).sign(),
            Self::Payload => token.raw_payload(bytes).sign(),
        }
    }

    /// The token with this member in front of the others, its value as it stands; properly signed. A member of that name that
    /// is there already stays.
    pub fn with_first(self, token: TokenBuilder<'_>, member: &str) -> String {
        let json = self.of(&token);
        let rest = json.strip_prefix('{').expect("an object");
        self.replaced(token, format!("{{{member},{rest}"))
    }

    /// The token with the value of `name` as it stands in `raw`; properly signed.
    pub fn with_raw(self, token: TokenBuilder<'_>, name: &str, raw: &str) -> String {
        let without = match self {
            Self::Header => token.without_header(name),
            Self::Payload => token.without_claim(name),
        };
        self.with_first(without, &format!("\"{name}\":{raw}"))
    }
}

/// `minuend - subtrahend`, which must not be negative.
pub fn subtract(minuend: &[u8; 32], subtrahend: &[u8]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = false;
    for index in (0..32).rev() {
        let (byte, first) = minuend[index].overflowing_sub(subtrahend[index]);
        let (byte, second) = byte.overflowing_sub(u8::from(borrow));
        (difference[index], borrow) = (byte, first || second);
    }
    assert!(!borrow, "a negative number");
    difference
}

/// `a + b` in 33 bytes.
pub fn add(a: &[u8], b: &[u8]) -> [u8; 33] {
    let mut sum = [0; 33];
    let mut carry = 0;
    for index in (0..32).rev() {
        let total = u16::from(a[index]) + u16::from(b[index]) + carry;
        (sum[index + 1], carry) = (total.to_le_bytes()[0], total >> 8);
    }
    sum[0] = u8::from(carry > 0);
    sum
}
