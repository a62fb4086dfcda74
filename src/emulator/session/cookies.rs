//! The cookies of a session and of a sign-in in progress.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cookie::{Cookie, SameSite, time::Duration};
use http::{HeaderMap, HeaderValue, header};

use super::{Found, Purpose, Sealer, Session};

/// The cookie of a sign-in in progress.
pub(in crate::emulator) const NONCE_COOKIE: &str = "AWSALBAuthNonce";

/// Maximum number of cookies of one session.
const MAX_SHARDS: usize = 4;
/// Maximum size of each of them. It leaves room for name and attributes in a browser's 4,096 bytes
/// per cookie.
const SHARD_BYTES: usize = 3_900;

/// How session cookies are written and read.
#[derive(Clone)]
pub(in crate::emulator) struct SessionCookies {
    pub(in crate::emulator) name: String,
    /// Whether https is served. Browsers reject `Secure` cookies over plain http.
    pub(in crate::emulator) secure: bool,
}

/// The session does not fit into four cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) struct TooLarge;

impl SessionCookies {
    /// The session in these headers.
    pub(in crate::emulator) fn read(&self, headers: &HeaderMap, sealer: &Sealer, now: u64) -> Found {
        let (mut text, mut held) = (String::new(), 0_usize);
        for shard in 0..MAX_SHARDS {
            match read_cookie(headers, &self.shard(shard)) {
                Ok(Some(part)) => {
                    text.push_str(&part);
                    held = shard.saturating_add(1);
                }
                Ok(None) => break,
                // With two different cookies of one name it is unclear which one belongs to the
                // session.
                Err(Several) => return Found::None,
            }
        }
        let sealed = (!text.is_empty()).then(|| URL_SAFE_NO_PAD.decode(&text).ok()).flatten();
        match sealed.and_then(|sealed| sealer.open::<Session>(Purpose::Session, &sealed)) {
            None => self.incomplete(headers, held, &text),
            Some(session) if session.ends <= now => Found::Expired,
            Some(session) => Found::Session(Box::new(session)),
        }
    }

    /// The headers that store the session in the browser, and remove cookies of a longer earlier
    /// one.
    pub(in crate::emulator) fn write(
        &self,
        session: &Session,
        sealer: &Sealer,
        cross_site: bool,
        now: u64,
    ) -> Result<Vec<HeaderValue>, TooLarge> {
        let sealed = sealer.seal(Purpose::Session, session).map_err(|_| TooLarge)?;
        let text = URL_SAFE_NO_PAD.encode(sealed);
        let parts: Vec<&str> = shards(&text);
        if parts.len() > MAX_SHARDS {
            return Err(TooLarge);
        }
        let lifetime = Duration::seconds(i64::try_from(session.ends.saturating_sub(now)).unwrap_or(i64::MAX));
        let mut headers = Vec::new();
        for shard in 0..MAX_SHARDS {
            let cookie = Cookie::build((self.shard(shard), parts.get(shard).copied().unwrap_or_default().to_owned()))
                .path("/")
                .http_only(true)
                .secure(self.secure);
            let cookie = cookie.max_age(if shard < parts.len() { lifetime } else { Duration::ZERO });
            // An expired cookie must have the same attributes as the old one; otherwise the browser
            // keeps the old one, and it breaks the session.
            let cookie = if cross_site && self.secure { cookie.same_site(SameSite::None) } else { cookie };
            headers.extend(HeaderValue::from_str(&cookie.build().to_string()).ok());
        }
        Ok(headers)
    }

    /// Whether cookies that hold no session are a part of one: those after a gap, or full ones only,
    /// since the last cookie of a session is shorter.
    fn incomplete(&self, headers: &HeaderMap, held: usize, text: &str) -> Found {
        let is_there = |shard: &usize| {
            read_cookie(headers, &self.shard(*shard)).is_ok_and(|value| value.is_some_and(|value| !value.is_empty()))
        };
        let after_a_gap = (held..MAX_SHARDS).filter(is_there).count();
        let only_full = held > 0 && held < MAX_SHARDS && text.len() == held.saturating_mul(SHARD_BYTES);
        match only_full || after_a_gap > 0 {
            true => Found::Incomplete(held.saturating_add(after_a_gap)),
            false => Found::None,
        }
    }

    fn shard(&self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }
}

/// Splits the text. It is ASCII, so it may be split anywhere.
fn shards(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((part, after)) = rest.split_at_checked(SHARD_BYTES) {
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// The cookie that binds a sign-in to the browser that started it.
pub(in crate::emulator) fn nonce_cookie(
    nonce: &str,
    secure: bool,
    lifetime: std::time::Duration,
) -> Option<HeaderValue> {
    let lifetime = Duration::try_from(lifetime).unwrap_or(Duration::ZERO);
    let cookie = Cookie::build((NONCE_COOKIE, nonce)).path("/").http_only(true).secure(secure).max_age(lifetime);
    HeaderValue::from_str(&cookie.build().to_string()).ok()
}

pub(in crate::emulator) fn expire_nonce(secure: bool) -> Option<HeaderValue> {
    nonce_cookie("", secure, std::time::Duration::ZERO)
}

/// There are several different cookies of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) struct Several;

/// The value of a cookie. Other cookies in the header may contain any bytes.
pub(in crate::emulator) fn read_cookie(headers: &HeaderMap, name: &str) -> Result<Option<String>, Several> {
    let mut found: Option<&[u8]> = None;
    for header in headers.get_all(header::COOKIE) {
        for cookie in header.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            let value = cookie.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            match (value, found) {
                (None, _) => {}
                (Some(value), Some(held)) if held != value => return Err(Several),
                (Some(value), _) => found = Some(value),
            }
        }
    }
    // A value that is not ASCII is not one of ours.
    Ok(found.map(|value| String::from_utf8_lossy(value).into_owned()))
}
