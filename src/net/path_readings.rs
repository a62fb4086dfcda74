//! The readings of a path: what servers may take it for.
//!
//! A reading is the result of any of these steps in any order: percent-decoding of everything or of
//! unreserved characters alone, `\` to `/`, removal of `;` parameters, collapsing of slashes,
//! resolution of dot segments, removal of a host after two slashes. Letter case never matters.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Maximum number of readings that are checked. A legitimate path has two or three.
pub(crate) const MAX_READINGS: usize = 64;
/// Maximum length of a path that is not plainly written, in bytes. A longer one is not passed on.
pub(crate) const MAX_ODD_PATH: usize = 8 * 1024;
/// What all readings of a path may have together, in bytes: any stranger has them worked out. An honest path has a few hundred.
const MAX_BYTES_READ: usize = 64 * 1024;

/// Whether two servers may read the path differently.
pub(crate) fn is_oddly_written(path: &str) -> bool {
    !path.is_ascii()
        || path.contains(['%', '\\', ';'])
        || path.contains("//")
        || path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Whether a case-insensitive server would treat the path as one below the mount.
pub(crate) fn is_below(reading: &str, mount: &str) -> bool {
    begins_with(reading, mount, is_no_other_name)
}

/// The same, or as the mount with the name of a format behind it: `/admin.json`, `/admin.json/`. Rails reads every path so, others
/// where it is configured.
#[cfg(feature = "proxy")]
pub(crate) fn is_below_or_in_a_format(reading: &str, mount: &str) -> bool {
    let is_format = |rest: &str| rest.starts_with('.') && !rest.trim_end_matches('/').contains('/');
    begins_with(reading, mount, |rest| is_no_other_name(rest) || is_format(rest))
}

/// Whether the path begins with the mount in any letter case, and goes on like this.
fn begins_with(reading: &str, mount: &str, goes_on: impl Fn(&str) -> bool) -> bool {
    let folded: Cow<'_, str> = match reading.is_ascii() {
        true => reading.into(),
        // Some letters map to ASCII ones: U+017F to a capital S, U+212A to a small k.
        false => reading.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>().into(),
    };
    let Some((start, rest)) = folded.split_at_checked(mount.len()) else { return false };
    start.eq_ignore_ascii_case(mount) && goes_on(rest)
}

fn is_no_other_name(rest: &str) -> bool {
    !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '-' | '_' | '.' | '~'))
}

const STEPS: [fn(&str) -> String; 7] =
    [decoded, with_unreserved_decoded, with_slashes, without_parameters, collapsed, resolved, without_host];

/// All readings of the path, itself included; `None` if there are too many.
pub(crate) fn readings(path: &str) -> Option<Vec<String>> {
    if path.len() > MAX_ODD_PATH {
        return None;
    }
    let mut readings = vec![path.to_owned()];
    let (mut index, mut bytes) = (0_usize, path.len());
    while let Some(reading) = readings.get(index).cloned() {
        for step in STEPS {
            let read = step(&reading);
            if readings.contains(&read) {
                continue;
            }
            bytes = bytes.saturating_add(read.len());
            if readings.len() == MAX_READINGS || bytes > MAX_BYTES_READ {
                return None;
            }
            readings.push(read);
        }
        index = index.saturating_add(1);
    }
    Some(readings)
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// As RFC 3986 section 6.2.2.2 normalizes. The URL Standard reads `%2e%2e` as a dot segment and leaves
/// `%2f` as it is, so such a server resolves `/a%2fb/%2e%2e/c` to `/c`.
fn with_unreserved_decoded(path: &str) -> String {
    let mut read = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        read.push_str(before);
        let escape = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        rest = match (escape.filter(unreserved), after.get(2..)) {
            (Some(byte), Some(after)) => {
                read.push(char::from(byte));
                after
            }
            _ => {
                read.push('%');
                after
            }
        };
    }
    read.push_str(rest);
    read
}

fn with_slashes(path: &str) -> String {
    path.replace('\\', "/")
}

fn without_parameters(path: &str) -> String {
    let segments = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join("/")
}

fn collapsed(path: &str) -> String {
    let mut collapsed = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !collapsed.ends_with('/') {
            collapsed.push(character);
        }
    }
    collapsed
}

/// As RFC 3986 section 5.2.4 resolves them.
fn resolved(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// As a relative reference (RFC 3986 section 4.2): `new URL("//x/admin", base)` of Node.js has the path `/admin`. The URL Standard skips
/// further slashes before the host; RFC 3986 reads an empty host, which is the same as collapsing them.
fn without_host(path: &str) -> String {
    let Some(rest) = path.strip_prefix("//") else { return path.to_owned() };
    let rest = rest.trim_start_matches('/');
    rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/").to_owned()
}
