//! Paths with one unambiguous meaning.

use percent_encoding::percent_decode_str;

/// Whether it is a path, in the characters that paths consist of.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The path, percent-decoded once.
pub(super) fn unescaped(path: &str) -> Vec<u8> {
    percent_decode_str(path).collect()
}

/// Whether every server splits the path in the same way. The rules of a listener compare the path
/// as it was sent; a target that reads `/public/../admin` or `/public%2f..%2fadmin` as `/admin`
/// would serve a path that no rule checked.
pub(super) fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let odd = ["//", "%2f", "%5c", "%2e", "%25", "%3b", "\\", ";"];
    let meant = unescaped(path);
    !odd.iter().any(|odd| lower.contains(odd))
        && !lower.split('/').any(|segment| matches!(segment, "." | ".."))
        // Complete escapes of complete characters (some servers read the overlong %c0%ae as a dot),
        // none of which is a control character.
        && lower.split('%').skip(1).all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
        && str::from_utf8(&meant).is_ok_and(|meant| !meant.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_two_readers_read_differently_are_not_plain() {
        for path in ["/", "/a/", "/a/b", "/a.b/..c/d..", "/oauth2/idpresponse", "/a%20b", "/%C3%A4", "/a:b@c,d", "/%61"]
        {
            assert!(is_path(path) && is_plain(path), "{path}");
        }
        for path in ["", "*", "a", "/\u{e4}", "/a b", "/a\u{7f}"] {
            assert!(!is_path(path), "{path}");
        }
        for path in [
            "//a",
            "/a//b",
            "/./a",
            "/a/..",
            "/../a",
            "/a/%2e%2e/b",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a;x",
            "/a%3bx",
            "/%252e",
            "/a%00",
            "/a%0d",
            "/a%7f",
            "/a%c2%85",
            "/%",
            "/%4",
            "/%4g",
            "/%u002e",
            "/%c0%ae",
            "/%ff",
            "/%e0%80%af",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
