//! The claims, read after the signature was verified.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::{
    json::{JsonFault, JsonLimits, Members, Unread, Value, read_object},
    large_numbers::replace_large_numbers,
    segments::Received,
    window::Window,
};
use crate::{
    error::{AuthError, AuthErrorKind},
    identity::{Claims, ClaimsParts, Span},
};

/// Maximum length in bytes of the claim `picture`. A longer one is omitted: some providers inline
/// the image.
const MAX_PICTURE_BYTES: usize = 2048;

/// Claims and their validity.
pub(super) struct Payload {
    pub(super) claims: Claims,
    pub(super) window: Window,
}

/// Decodes the payload and reads the well-known claims. The other claims are checked and kept as
/// they are.
///
/// `header` is the validity of the JOSE header. A token is valid while both header and payload are.
pub(super) fn read(
    token: Received<'_>,
    issuer: &str,
    header: Window,
    max_subject_chars: usize,
    limits: JsonLimits,
) -> Result<Payload, AuthError> {
    let malformed = |detail: &str| AuthError::with_detail(AuthErrorKind::MalformedClaims, detail);
    // One allocation for the token with its payload decoded; the claims are ranges in it.
    let start = token.header.len();
    let end = start.saturating_add(token.payload.decoded_len());
    let mut buffer = Vec::with_capacity(end.saturating_add(token.signature.len()));
    buffer.extend_from_slice(token.header);
    token.payload.append_to(&mut buffer).ok_or_else(|| malformed("they are not base64url"))?;
    buffer.extend_from_slice(token.signature);
    // Checking once here avoids a check for each text and for each claim that is read.
    let not_text = |_| malformed("they are not UTF-8");
    let mut buffer = String::from_utf8(buffer).map_err(not_text)?;

    let json = |buffer| <str>::get(buffer, start..end).unwrap_or_default();
    let mut raw = Raw::default();
    let mut read = read_object(json(&buffer), limits, &mut raw);
    // The claims are located in the buffer, or in a copy of it with the same positions.
    let mut source = &buffer;
    let tamed;
    if read == Err(JsonFault::Syntax) {
        let mut copy = buffer.clone().into_bytes();
        if copy.get_mut(start..end).is_some_and(replace_large_numbers) {
            tamed = String::from_utf8(copy).map_err(not_text)?;
            (source, raw) = (&tamed, Raw::default());
            read = read_object(json(source), limits, &mut raw);
        }
    }
    read.map_err(refuse)?;

    // AWS documents `exp` for the JOSE header, which is signed too. The payload may lack it.
    let window = Window::new(raw.exp.unwrap_or(header.expires_at), raw.times.nbf, raw.times.iat).and(header);
    raw.times.report_malformed();
    match &raw.iss {
        None => {}
        Some(Value::Text(iss)) if iss == issuer => {}
        Some(Value::Text(_)) => return Err(malformed("`iss` in the claims differs from `iss` in the JOSE header")),
        Some(other) => return Err(malformed(&format!("iss is {}, not a text", other.kind()))),
    }
    let sub = raw.sub.as_ref().ok_or_else(|| malformed("there is no sub"))?;
    let Value::Text(subject) = sub else { return Err(malformed(&format!("sub is {}, not a text", sub.kind()))) };
    // A text has at most as many characters as bytes.
    let too_long = subject.len() > max_subject_chars && subject.chars().nth(max_subject_chars).is_some();
    if subject.is_empty() || too_long {
        return Err(malformed("sub is empty or longer than max_subject_chars"));
    }
    let email = optional_text(&raw.email);
    if has_control(subject) || email.is_some_and(has_control) {
        return Err(malformed("sub or email has control characters"));
    }

    let mut texts = Texts { buffer: source, escaped: String::new() };
    let claims = texts.locate(&raw, issuer, sub, window.expires_at);
    let segments = || {
        Some((Span::new(0, start)?, Span::new(start, end.checked_sub(start)?)?, Span::new(end, token.signature.len())?))
    };
    let ((header, payload, signature), claims) =
        segments().zip(claims).ok_or_else(|| malformed("they are too long"))?;
    let payload_is_padded = token.payload.is_padded();
    let parts = ClaimsParts { header, payload, payload_is_padded, signature, ..claims };
    let escaped = texts.escaped;
    buffer.reserve_exact(escaped.len());
    buffer.push_str(&escaped);
    Ok(Payload { claims: Claims::new(buffer, parts), window })
}

fn refuse(fault: JsonFault) -> AuthError {
    let malformed = |detail| AuthError::with_detail(AuthErrorKind::MalformedClaims, detail);
    match fault {
        JsonFault::Duplicate => AuthError::with_detail(AuthErrorKind::DuplicateMember, "in the claims"),
        JsonFault::Syntax => malformed("they are not one JSON object".to_owned()),
        JsonFault::TooDeep => malformed("they nest deeper than max_json_depth".to_owned()),
        JsonFault::TooWide => malformed("they have more than max_json_members or max_json_elements".to_owned()),
        JsonFault::NotSeconds(name) => malformed(format!("{name} is not a whole number of seconds since 1970")),
    }
}

#[derive(Default)]
struct Raw<'p> {
    iss: Option<Value<'p>>,
    sub: Option<Value<'p>>,
    name: Option<Value<'p>>,
    given_name: Option<Value<'p>>,
    family_name: Option<Value<'p>>,
    email: Option<Value<'p>>,
    email_verified: Option<Value<'p>>,
    picture: Option<Value<'p>>,
    exp: Option<u64>,
    times: ProvidersTimes,
}

/// `nbf` and `iat`, which the load balancer copies from the provider. Malformed values (a fraction,
/// a text, null, milliseconds) are ignored: the load balancer's `exp` limits the lifetime of the
/// token.
#[derive(Default)]
struct ProvidersTimes {
    nbf: Option<u64>,
    iat: Option<u64>,
    malformed_nbf: bool,
    malformed_iat: bool,
}

impl ProvidersTimes {
    fn report_malformed(&self) {
        for (name, malformed) in [("nbf", self.malformed_nbf), ("iat", self.malformed_iat)] {
            if malformed {
                tracing::debug!(
                    target: "tower_alb_auth",
                    "the claim {name} is ignored, because it is not a whole number of seconds since 1970; the load \
                     balancer's exp limits the lifetime of the token"
                );
            }
        }
    }
}

impl<'p> Members<'p> for Raw<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error> {
        match name {
            "exp" => self.exp = Some(value.seconds("exp")?),
            "nbf" => {
                self.times.nbf = value.value()?.seconds();
                self.times.malformed_nbf = self.times.nbf.is_none();
            }
            "iat" => {
                self.times.iat = value.value()?.seconds();
                self.times.malformed_iat = self.times.iat.is_none();
            }
            "iss" => self.iss = Some(value.value()?),
            "sub" => self.sub = Some(value.value()?),
            "name" => self.name = Some(value.value()?),
            "given_name" => self.given_name = Some(value.value()?),
            "family_name" => self.family_name = Some(value.value()?),
            "email" => self.email = Some(value.value()?),
            "email_verified" => self.email_verified = Some(value.value()?),
            "picture" => self.picture = Some(value.value()?),
            _ => drop(value.value()?),
        }
        Ok(())
    }
}

/// Locates texts: in the buffer, or after its end if they were escaped in the payload.
struct Texts<'b> {
    buffer: &'b str,
    escaped: String,
}

impl Texts<'_> {
    /// The positions of the claims.
    fn locate(&mut self, raw: &Raw<'_>, issuer: &str, subject: &Value<'_>, expires_at: u64) -> Option<ClaimsParts> {
        let issuer = match &raw.iss {
            Some(Value::Text(iss)) => self.text(iss)?,
            _ => self.text(&Cow::Owned(issuer.to_owned()))?,
        };
        let picture = raw
            .picture
            .as_ref()
            .filter(|_| optional_text(&raw.picture).is_some_and(|url| url.len() <= MAX_PICTURE_BYTES));
        Some(ClaimsParts {
            issuer,
            subject: self.optional(Some(subject))??,
            name: self.optional(raw.name.as_ref())?,
            given_name: self.optional(raw.given_name.as_ref())?,
            family_name: self.optional(raw.family_name.as_ref())?,
            email: self.optional(raw.email.as_ref())?,
            email_is_not_text: raw.email.as_ref().is_some_and(|email| !matches!(email, Value::Text(_))),
            picture: self.optional(picture)?,
            email_verified: raw.email_verified.as_ref().map(is_true),
            expires_at,
            ..ClaimsParts::default()
        })
    }

    fn optional(&mut self, value: Option<&Value<'_>>) -> Option<Option<Span>> {
        match value {
            Some(Value::Text(text)) => self.text(text).map(Some),
            _ => Some(None),
        }
    }

    #[expect(clippy::ptr_arg, reason = "whether the text is borrowed determines its location")]
    fn text(&mut self, text: &Cow<'_, str>) -> Option<Span> {
        match text {
            Cow::Borrowed(text) => {
                let start = text.as_ptr().addr().checked_sub(self.buffer.as_ptr().addr())?;
                Span::new(start, text.len())
            }
            Cow::Owned(text) => {
                let start = self.buffer.len().checked_add(self.escaped.len())?;
                self.escaped.push_str(text);
                Span::new(start, text.len())
            }
        }
    }
}

/// `true` as a boolean, or as the text that Cognito sends. Any other value counts as false.
fn is_true(value: &Value<'_>) -> bool {
    match value {
        Value::Bool(verified) => *verified,
        Value::Text(text) => text == "true",
        Value::Number(_) | Value::Null | Value::List | Value::Object => false,
    }
}

fn optional_text<'v>(value: &'v Option<Value<'_>>) -> Option<&'v str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// Whether the text has control characters, line or paragraph separators, or characters that change
/// the direction of text (the property Bidi_Control of Unicode). Subjects and addresses do not contain them, and each of them can forge
/// the meaning of a log line.
fn has_control(text: &str) -> bool {
    // Without an early exit, so that several bytes are compared at once.
    let is_plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if is_plain {
        return false;
    }
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns(c))
}
