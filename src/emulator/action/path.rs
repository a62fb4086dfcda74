//! Paths that mean one thing.

/// Whether everybody reads the path in the same way. A listener's rules compare the path as it was sent; a target that reads
/// `/public/../admin` or `/public%2f..%2fadmin` as `/admin` would answer what no rule looked at.
pub(super) fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let odd = ["//", "%2f", "%5c", "%2e", "%00", "%25", "\\", ";"];
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && !odd.iter().any(|odd| lower.contains(odd))
        && !lower.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn paths_that_two_readers_read_differently_are_not_plain() {
        for path in ["/", "/a/b", "/a.b/..c/d..", "/oauth2/idpresponse", "/a%20b", "/%C3%A4", "/a:b@c,d"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "*",
            "a",
            "//a",
            "/a//b",
            "/a/",
            "/./a",
            "/a/..",
            "/../a",
            "/a/%2e%2e/b",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a;x",
            "/%252e",
            "/a%00",
        ] {
            let plain = path == "/a/";
            assert_eq!(is_plain(path), plain, "{path}");
        }
    }
}
