//! An access token of the identity provider: a JWT whose parts are read as strictly as those of a
//! load balancer's token.
//!
//! Its algorithm is one of two, RS256 and ES256. A key fits exactly one of them, so the token
//! cannot choose how a key is used. Members that name a key (`jwk`, `jku`, `x5c`, `x5u`) are
//! ignored: keys come from the configured issuer.

use serde::de::MapAccess;

use super::{
    json::{JsonFault, Members, Unread, Value, read_object},
    payload,
    segments::{Encoded, Received, split},
    window::Window,
};
use crate::{
    error::{AuthError, AuthErrorKind, quoted},
    identity::Claims,
    limits::TokenLimits,
};

/// Values of `typ` that an access token has: RFC 9068 section 2.1, and what providers send.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];
/// The size of an RSA signature by a key of 8192 bits, the largest that is accepted.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// The algorithms of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
}

/// An access token with a valid form. It has no method that returns a claim.
pub(crate) struct UnverifiedJwt<'t> {
    token: &'t [u8],
    signing_input: &'t [u8],
    /// As received.
    header: &'t [u8],
    payload: Encoded<'t>,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: String,
    /// `typ` is that of an access token (RFC 9068).
    typed: bool,
}

/// The claims of an access token whose signature was verified.
#[derive(Clone)]
pub(crate) struct VerifiedJwt {
    pub(crate) claims: Claims,
    window: Window,
    pub(crate) typed: bool,
}

impl<'t> UnverifiedJwt<'t> {
    /// Reads the form and the JOSE header.
    ///
    /// # Errors
    /// What is not acceptable, with the remedy.
    pub(crate) fn read(token: &'t [u8], limits: &TokenLimits) -> Result<Self, AuthError> {
        if token.len() > limits.max_token_bytes {
            let detail = format!("found {} bytes, max_token_bytes is {}", token.len(), limits.max_token_bytes);
            return Err(invalid(detail));
        }
        let not_jwt = || {
            invalid(match memchr::memchr_iter(b'.', token).count() {
                2 => "it is not three base64url segments",
                4 => {
                    "it is encrypted (JWE), so that its claims are for the provider's own API only; request an audience of \
                  your own by the scope of the listener rule"
                }
                _ => {
                    "it is opaque and not a JWT, so that its claims are for the provider only (Google, GitLab and Auth0 \
                  without an audience send such tokens); take the claims of x-amzn-oidc-data instead"
                }
            })
        };
        let segments = split(token).ok_or_else(not_jwt)?;
        let encoded_header = Encoded::check(segments.header).ok_or_else(not_jwt)?;
        let too_long = |part: &str| invalid(format!("its {part} is too long"));
        if encoded_header.decoded_len() > limits.max_header_bytes {
            return Err(too_long("JOSE header"));
        }
        if segments.signature.decoded_len() > MAX_SIGNATURE_BYTES {
            return Err(too_long("signature"));
        }
        let (mut json, mut signature) = (Vec::new(), Vec::new());
        let not_base64 = || invalid("it is not base64url");
        encoded_header.append_to(&mut json).ok_or_else(not_base64)?;
        segments.signature.append_to(&mut signature).ok_or_else(not_base64)?;
        let text = std::str::from_utf8(&json).map_err(|_| invalid("its JOSE header is not UTF-8"))?;
        let mut header = Header::default();
        read_object(text, limits.json(), &mut header).map_err(|fault| match fault {
            JsonFault::Duplicate => invalid("a member is present twice in its JOSE header"),
            _ => invalid("its JOSE header is not one JSON object within the limits"),
        })?;
        if header.nonce {
            return Err(invalid(
                "its JOSE header has a nonce: it is a token of Entra ID for Microsoft Graph, which only Microsoft Graph can \
                 verify, and the load balancer needs that token for the userinfo endpoint of Entra ID; leave the setting for \
                 access tokens out, and take groups of x-amzn-oidc-data or of the catalog",
            ));
        }
        if header.crit {
            return Err(invalid("its JOSE header has crit, which names an unsupported extension"));
        }
        let algorithm = match &header.alg {
            Some(Value::Text(alg)) if alg == "RS256" => Algorithm::Rs256,
            Some(Value::Text(alg)) if alg == "ES256" => Algorithm::Es256,
            Some(Value::Text(alg)) => {
                return Err(invalid(format!("its alg is {}, expected RS256 or ES256", quoted(alg))));
            }
            _ => return Err(invalid("its alg is missing or not a text, expected RS256 or ES256")),
        };
        let typ = match &header.typ {
            None => None,
            Some(Value::Text(typ)) if TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known)) => Some(typ),
            Some(Value::Text(typ)) => {
                return Err(invalid(format!("its typ is {}, expected JWT or at+jwt", quoted(typ))));
            }
            Some(other) => return Err(invalid(format!("its typ is {}, not a text", other.kind()))),
        };
        let typed = typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"));
        let kid = match header.kid {
            Some(Value::Text(kid)) if !kid.is_empty() => kid.into_owned(),
            _ => return Err(invalid("it has no kid, so that its key is not known")),
        };
        Ok(Self {
            token,
            signing_input: segments.signing_input,
            header: segments.header,
            payload: segments.payload,
            signature,
            algorithm,
            kid,
            typed,
        })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the signature over the bytes as received, then reads the claims. `verifies` gets the
    /// signed bytes and the signature.
    ///
    /// # Errors
    /// An invalid signature, and claims that are not those of an issuer's token about a user.
    pub(crate) fn verify(
        self,
        verifies: impl FnOnce(&[u8], &[u8]) -> bool,
        issuer: &str,
        limits: &TokenLimits,
    ) -> Result<VerifiedJwt, AuthError> {
        if !verifies(self.signing_input, &self.signature) {
            return Err(invalid("its signature does not match the issuer's key of its kid"));
        }
        // A missing `exp` is taken from this, and rejected.
        let endless = Window::new(u64::MAX, None, None);
        let received = Received::new(self.token, self.signing_input, self.header, self.payload);
        let read = payload::read(received, issuer, endless, limits.max_subject_chars, limits.json());
        let payload::Payload { claims, window } = read.map_err(|error| self.explained(&error, issuer))?;
        if claims.kind("iss").is_none() {
            return Err(invalid(format!("it has no iss, expected {}", quoted(issuer))));
        }
        if window.expires_at == u64::MAX {
            return Err(invalid("it has no exp"));
        }
        if claims.kind("nbf").is_some() && claims.get::<u64>("nbf").is_err() {
            return Err(invalid("its nbf is not a whole number of seconds since 1970"));
        }
        Ok(VerifiedJwt { claims, window, typed: self.typed })
    }

    /// The errors of a load balancer's claims, in the words of an access token.
    fn explained(&self, error: &AuthError, issuer: &str) -> AuthError {
        let mut json = Vec::new();
        let members: Option<serde_json::Value> =
            self.payload.append_to(&mut json).and_then(|()| serde_json::from_slice(&json).ok());
        if let Some(iss) = members.as_ref().and_then(|members| members.get("iss")?.as_str())
            && iss != issuer
        {
            let v1 = match iss.starts_with("https://sts.windows.net/") {
                true => {
                    " (Entra ID issues tokens of version 1.0 for this API; set its requestedAccessTokenVersion to 2, or \
                         name this issuer)"
                }
                false => "",
            };
            return invalid(format!(
                "its iss is {}{v1}, expected {}; if it is yours, set the issuer of access tokens",
                quoted(iss),
                quoted(issuer)
            ));
        }
        match error.kind() {
            AuthErrorKind::DuplicateMember => invalid("a member is present twice in its claims"),
            _ => {
                let detail = error.detail().map_or("they are malformed".to_owned(), |detail| detail.to_string());
                invalid(format!("its claims cannot be read: {detail}"))
            }
        }
    }
}

impl VerifiedJwt {
    /// Checks whether the token is valid at this time: for each request, also if it is cached.
    pub(crate) fn check_time(&self, now: u64, limits: &TokenLimits) -> Result<(), AuthError> {
        self.check(
            now,
            limits,
            "it has expired: without a refresh token a load balancer keeps the session and sends the expired token; \
             let the listener rule request a refresh token (offline_access), or set its SessionTimeout to the lifetime \
             of access tokens",
        )
    }

    /// The same for a bearer token, which its client renews.
    pub(crate) fn check_bearer_time(&self, now: u64, limits: &TokenLimits) -> Result<(), AuthError> {
        self.check(now, limits, "it has expired; its client has to request a new one")
    }

    fn check(&self, now: u64, limits: &TokenLimits, expired: &'static str) -> Result<(), AuthError> {
        let endless = std::time::Duration::from_secs(u64::MAX);
        self.window.check(now, limits.leeway, endless).map_err(|kind| match kind {
            AuthErrorKind::Expired => invalid(expired),
            _ => invalid("it is not valid yet; compare the clocks"),
        })
    }
}

pub(crate) fn invalid(detail: impl Into<String>) -> AuthError {
    AuthError::with_detail(AuthErrorKind::AccessTokenInvalid, detail).after_signature()
}

#[derive(Default)]
struct Header<'h> {
    alg: Option<Value<'h>>,
    typ: Option<Value<'h>>,
    kid: Option<Value<'h>>,
    nonce: bool,
    crit: bool,
}

impl<'h> Members<'h> for Header<'h> {
    fn member<A: MapAccess<'h>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error> {
        let value = value.value()?;
        match name {
            "alg" => self.alg = Some(value),
            "typ" => self.typ = Some(value),
            "kid" => self.kid = Some(value),
            "nonce" => self.nonce = true,
            "crit" => self.crit = true,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token whose JOSE header and signature have these numbers of bytes.
    fn token(header: usize, signature: usize) -> String {
        let encode = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
        let members = r#"{"alg":"RS256","kid":"k","x":""}"#;
        let filled = members.replace(r#""""#, &format!(r#""{}""#, "x".repeat(header - members.len())));
        format!("{}.{}.{}", encode(filled.as_bytes()), encode(b"{}"), encode(&vec![0; signature]))
    }

    fn read(token: &str, limits: &TokenLimits) -> Result<(), String> {
        let read = UnverifiedJwt::read(token.as_bytes(), limits);
        read.map(drop).map_err(|error| error.detail().expect("a detail").to_string())
    }

    #[test]
    fn s_103_an_access_token_is_read_up_to_each_limit_and_not_beyond() {
        let limits = TokenLimits::new();
        let (header, signature) = (limits.max_header_bytes, MAX_SIGNATURE_BYTES);
        for (header, signature) in [(header, signature), (header - 1, signature - 1), (100, 0), (100, 256)] {
            assert_eq!(read(&token(header, signature), &limits), Ok(()), "{header} and {signature} bytes");
        }
        for beyond in [1, 2, 100] {
            assert_eq!(read(&token(header + beyond, 256), &limits), Err("its JOSE header is too long".to_owned()));
            assert_eq!(read(&token(100, signature + beyond), &limits), Err("its signature is too long".to_owned()));
        }
        let token = token(1000, 256);
        let up_to = |bytes| read(&token, &TokenLimits::new().max_token_bytes(bytes));
        assert_eq!(up_to(token.len()), Ok(()));
        assert_eq!(up_to(token.len() + 1), Ok(()));
        let too_long = format!("found {} bytes, max_token_bytes is {}", token.len(), token.len() - 1);
        assert_eq!(up_to(token.len() - 1), Err(too_long));
    }

    #[test]
    fn an_access_token_without_a_kid_is_rejected() {
        let encode = |text: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text);
        for header in [r#"{"alg":"RS256"}"#, r#"{"alg":"RS256","kid":""}"#, r#"{"alg":"RS256","kid":1}"#] {
            let token = format!("{}.{}.", encode(header), encode("{}"));
            let expected = "it has no kid, so that its key is not known".to_owned();
            assert_eq!(read(&token, &TokenLimits::new()), Err(expected), "{header}");
        }
    }
}
