//! The readings of a path: what servers may take it for.
//!
//! A reading is the result of any of these steps in any order: percent-decoding of everything or of
//! unreserved characters alone, decoding of `%u0061`, `\` to `/`, removal of `;` parameters, collapsing of slashes,
//! resolution of dot segments, removal of a host after two slashes, removal of tabs and line ends. Letter case never matters.

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
        || path.contains(|c: char| matches!(c, '%' | '\\' | ';') || c.is_ascii_control())
        || path.contains("//")
        || path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Whether a case-insensitive server would treat the path as one below the mount.
pub(crate) fn is_below(reading: &str, mount: &str) -> bool {
    begins_with(reading, mount, is_no_other_name)
}

/// The same, or as the mount with the name of a format behind it: `/admin.json`, `/admin.json/`. Rails reads every path so, others
/// where it is configured. Or with dots or spaces behind it, which Windows drops at the end of a name: `/admin./x`.
#[cfg(feature = "proxy")]
pub(crate) fn is_below_or_in_a_format(reading: &str, mount: &str) -> bool {
    let is_format = |rest: &str| rest.starts_with('.') && !rest.trim_end_matches('/').contains('/');
    let ends_in_dots = |rest: &str| rest.trim_start_matches(['.', ' ']).starts_with('/');
    begins_with(reading, mount, |rest| is_no_other_name(rest) || is_format(rest) || ends_in_dots(rest))
}

/// Whether the path begins with the mount in any letter case, and goes on like this.
///
/// Any client has it worked out for every reading and rule, so no more of the path is folded than the mount can take.
fn begins_with(reading: &str, mount: &str, goes_on: impl Fn(&str) -> bool) -> bool {
    let (start, behind) = start_for(reading, mount);
    let folded: Cow<'_, str> = match start.is_ascii() {
        true => start.into(),
        // Some letters map to ASCII ones: U+017F to a capital S, U+212A to a small k.
        false => start.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>().into(),
    };
    let Some((start, rest)) = folded.split_at_checked(mount.len()) else { return false };
    start.eq_ignore_ascii_case(mount) && goes_on(&[rest, behind].concat())
}

/// As much of the reading as the mount can take, with one character more, which may be a part of the name; and what is behind it.
fn start_for<'p>(reading: &'p str, mount: &str) -> (&'p str, &'p str) {
    let end = reading.char_indices().nth(mount.len().saturating_add(1)).map_or(reading.len(), |(end, _)| end);
    reading.split_at_checked(end).unwrap_or((reading, ""))
}

fn is_no_other_name(rest: &str) -> bool {
    !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '-' | '_' | '.' | '~'))
}

const STEPS: [fn(&str) -> String; 9] = [
    decoded,
    with_unreserved_decoded,
    with_units_decoded,
    with_slashes,
    without_parameters,
    collapsed,
    resolved,
    without_host,
    without_line_ends,
];

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
    with_escapes_decoded(path, |after| {
        let (digits, rest) = after.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        let is_unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        is_unreserved.then(|| (char::from(byte), rest))
    })
}

/// `%u0061` as `a`: http.sys of Windows reads it so unless it is told otherwise, and so does `unescape` of JavaScript.
fn with_units_decoded(path: &str) -> String {
    with_escapes_decoded(path, |after| {
        let (digits, rest) = after.strip_prefix(['u', 'U'])?.split_at_checked(4)?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
    })
}

/// Each escape that `read` knows is replaced. It gets what stands after the `%`, and returns the character and what follows the escape.
fn with_escapes_decoded(path: &str, read: impl Fn(&str) -> Option<(char, &str)>) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let (character, behind) = read(after).unwrap_or(('%', after));
        decoded.push(character);
        rest = behind;
    }
    decoded.push_str(rest);
    decoded
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

/// The URL Standard drops tabs and line ends wherever they are, and `urlsplit` of Python does so too. A server has them after it has
/// decoded `%09`.
fn without_line_ends(path: &str) -> String {
    path.replace(['\t', '\n', '\r'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any client has it worked out for every reading and every rule, before a token is read.
    #[test]
    fn s_224_no_more_of_a_path_is_folded_than_a_rule_compares() {
        let long = format!("/admin/{}", "\u{e9}".repeat(4000));
        for mount in ["/admin", "/a", "/"] {
            let (start, behind) = start_for(&long, mount);
            assert_eq!(start.chars().count(), mount.len() + 1, "{mount}");
            assert_eq!(format!("{start}{behind}"), long, "{mount}");
        }
        // U+017F is a small s, and what is behind counts as it stands.
        assert!(is_below("/u\u{17f}er\u{17f}/x", "/users") && !is_below("/u\u{17f}er\u{17f}\u{e9}/x", "/users"));
        assert_eq!(start_for("/a", "/admin"), ("/a", ""));
    }

    #[test]
    fn s_223_a_path_that_is_plainly_written_has_one_reading() {
        for path in ["/", "/a/b.c", "/a b", "/admin./x", "/~jane/@x/$y", "/a/..b"] {
            assert!(!is_oddly_written(path) && readings(path).is_some_and(|readings| readings == [path]), "{path}");
        }
        for path in
            ["/a\tb", "/a\nb", "/a\rb", "/\u{1}", "/a%09b", "/%u0061", "/a;b", "/a\\b", "//a", "/a/./b", "/a/..", "/é"]
        {
            assert!(is_oddly_written(path), "{path:?}");
        }
    }
}
