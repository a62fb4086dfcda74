//! The JOSE header of a load balancer's token.
//!
//! `{"typ":"JWT","kid":"<uuid>","alg":"ES256","iss":"<issuer>","client":"<client id>","signer":"<ALB ARN>","exp":<number>}`

use std::borrow::Cow;

use serde::de::MapAccess;

use super::{
    json::{JsonFault, Members, Unread, Value},
    window::Window,
};
use crate::{
    alb::Kid,
    error::{AuthError, AuthErrorKind, quoted},
};

/// Members that change how a token is read or where its key comes from (RFC 7515 section 4.1, RFC
/// 7516 section 4.1, RFC 7797 section 3). Load balancers do not write them, so their presence is an
/// attack.
const MISLEADING: [&str; 10] = ["crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"];

/// A well-formed header. Its content is not verified.
#[derive(Debug)]
pub(super) struct JoseHeader<'h> {
    pub(super) kid: Kid,
    pub(super) signer: TextMember<'h>,
    pub(super) issuer: TextMember<'h>,
    pub(super) client: TextMember<'h>,
    /// From `exp`, and from `nbf` and `iat` if the header has them (RFC 7519 section 5.3).
    pub(super) window: Window,
}

/// A member that must be a text.
#[derive(Debug)]
pub(super) enum TextMember<'h> {
    Missing,
    Text(Cow<'h, str>),
    /// Another type, by its description.
    Other(&'static str),
}

impl TextMember<'_> {
    /// The text, or `None` if the member is missing.
    ///
    /// # Errors
    /// The member is not a text: an error of this kind.
    pub(super) fn get(&self, name: &str, kind: AuthErrorKind) -> Result<Option<&str>, AuthError> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Other(found) => Err(AuthError::with_detail(kind, format!("{name} is {found}, not a text"))),
        }
    }
}

impl<'h> JoseHeader<'h> {
    /// Checks form, `typ`, `alg` and `kid`, in this order.
    #[inline]
    pub(super) fn check(raw: RawHeader<'h>) -> Result<Self, AuthError> {
        if let Some(name) = raw.misleading {
            return Err(AuthError::with_detail(AuthErrorKind::UnsupportedHeader, format!("found {name}")));
        }
        match &raw.typ {
            None => {}
            Some(Value::Text(typ)) if typ.eq_ignore_ascii_case("JWT") => {}
            Some(other) => return Err(AuthError::with_detail(AuthErrorKind::UnsupportedType, found(other))),
        }
        match &raw.alg {
            Some(Value::Text(alg)) if alg == "ES256" => {}
            Some(other) => return Err(AuthError::with_detail(AuthErrorKind::UnsupportedAlgorithm, found(other))),
            None => return Err(AuthError::with_detail(AuthErrorKind::UnsupportedAlgorithm, "found none")),
        }
        let kid = match &raw.kid {
            Some(Value::Text(kid)) => Kid::parse(kid),
            _ => None,
        };
        let kid = kid.ok_or_else(|| AuthError::new(AuthErrorKind::MalformedKeyId))?;
        let expires_at =
            raw.exp.ok_or_else(|| AuthError::with_detail(AuthErrorKind::MalformedHeader, "it has no exp"))?;
        let window = Window::new(expires_at, raw.nbf, raw.iat);
        Ok(Self { kid, signer: text(raw.signer), issuer: text(raw.iss), client: text(raw.client), window })
    }
}

pub(super) fn refuse(fault: JsonFault) -> AuthError {
    let malformed = |detail| AuthError::with_detail(AuthErrorKind::MalformedHeader, detail);
    match fault {
        JsonFault::Duplicate => AuthError::with_detail(AuthErrorKind::DuplicateMember, "in the JOSE header"),
        JsonFault::Syntax => malformed("it is not one JSON object".to_owned()),
        JsonFault::TooDeep => malformed("it nests deeper than max_json_depth".to_owned()),
        JsonFault::TooWide => malformed("it has more than max_json_members or max_json_elements".to_owned()),
        JsonFault::NotSeconds(name) => malformed(format!("its {name} is not a whole number of seconds since 1970")),
    }
}

/// The members as received.
#[derive(Default)]
pub(super) struct RawHeader<'h> {
    typ: Option<Value<'h>>,
    alg: Option<Value<'h>>,
    kid: Option<Value<'h>>,
    iss: Option<Value<'h>>,
    client: Option<Value<'h>>,
    signer: Option<Value<'h>>,
    exp: Option<u64>,
    nbf: Option<u64>,
    iat: Option<u64>,
    misleading: Option<&'static str>,
}

impl<'h> Members<'h> for RawHeader<'h> {
    fn member<A: MapAccess<'h>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error> {
        match name {
            "exp" => self.exp = Some(value.seconds("exp")?),
            "nbf" => self.nbf = Some(value.seconds("nbf")?),
            "iat" => self.iat = Some(value.seconds("iat")?),
            "typ" => self.typ = Some(value.value()?),
            "alg" => self.alg = Some(value.value()?),
            "kid" => self.kid = Some(value.value()?),
            "iss" => self.iss = Some(value.value()?),
            "client" => self.client = Some(value.value()?),
            "signer" => self.signer = Some(value.value()?),
            _ => {
                self.misleading = self.misleading.or_else(|| MISLEADING.into_iter().find(|member| *member == name));
                value.value()?;
            }
        }
        Ok(())
    }
}

fn text(value: Option<Value<'_>>) -> TextMember<'_> {
    match value {
        None => TextMember::Missing,
        Some(Value::Text(text)) => TextMember::Text(text),
        Some(other) => TextMember::Other(other.kind()),
    }
}

fn found(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("found {}", quoted(text)),
        other => format!("found {}, not a text", other.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::TokenLimits, token::json::read_object};

    fn rejected(json: &str) -> String {
        let mut raw = RawHeader::default();
        read_object(json, TokenLimits::new().json(), &mut raw).expect("an object");
        JoseHeader::check(raw).expect_err("rejected").detail().expect("a detail").to_string()
    }

    #[test]
    fn a_rejected_header_is_described_by_what_was_found() {
        for (json, found) in [
            (r#"{"alg":"none"}"#, r#"found "none""#),
            (r#"{"alg":256}"#, "found a number, not a text"),
            ("{}", "found none"),
            (r#"{"typ":"JWE"}"#, r#"found "JWE""#),
            (r#"{"typ":null}"#, "found null, not a text"),
            (r#"{"typ":["JWT"]}"#, "found a list, not a text"),
            (r#"{"alg":{}}"#, "found an object, not a text"),
            (r#"{"alg":true}"#, "found a boolean, not a text"),
            (r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#, "found b64"),
            (r#"{"alg":"ES256","kid":"c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90"}"#, "it has no exp"),
        ] {
            assert_eq!(rejected(json), found, "{json}");
        }
    }
}
