//! Patterns of conditions: `*` matches any number of characters, `?` matches one.

/// A pattern that is compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    ignores_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    AnyNumber,
    One,
    Byte(u8),
}

impl Pattern {
    /// Letter case matters: paths.
    pub(super) fn exact(pattern: &[u8]) -> Self {
        let token = |byte: &u8| match byte {
            b'*' => Token::AnyNumber,
            b'?' => Token::One,
            other => Token::Byte(*other),
        };
        Self { tokens: pattern.iter().map(token).collect(), ignores_case: false }
    }

    /// Letter case does not matter: hosts.
    pub(super) fn of_host(pattern: &str) -> Self {
        Self { ignores_case: true, ..Self::exact(pattern.to_ascii_lowercase().as_bytes()) }
    }

    /// Letter case does not matter, and a backslash makes a wildcard a plain character: headers and
    /// queries.
    pub(super) fn with_escapes(pattern: &str) -> Self {
        let lower = pattern.to_ascii_lowercase();
        let (mut tokens, mut bytes) = (Vec::new(), lower.bytes().peekable());
        while let Some(byte) = bytes.next() {
            tokens.push(match (byte, bytes.peek()) {
                (b'\\', Some(next @ (b'*' | b'?' | b'\\'))) => {
                    let plain = Token::Byte(*next);
                    bytes.next();
                    plain
                }
                (b'*', _) => Token::AnyNumber,
                (b'?', _) => Token::One,
                (other, _) => Token::Byte(other),
            });
        }
        Self { tokens, ignores_case: true }
    }

    /// Not recursive: it only has to remember the position of the last `*`.
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        let (mut at, mut read, mut star) = (0_usize, 0_usize, None::<(usize, usize)>);
        while let Some(byte) = text.get(read) {
            let byte = if self.ignores_case { byte.to_ascii_lowercase() } else { *byte };
            match self.tokens.get(at) {
                Some(Token::AnyNumber) => {
                    star = Some((at, read));
                    at = at.saturating_add(1);
                }
                Some(token) if *token == Token::One || *token == Token::Byte(byte) => {
                    at = at.saturating_add(1);
                    read = read.saturating_add(1);
                }
                _ => {
                    // The last star matches one more character.
                    let Some((star_at, star_read)) = star else { return false };
                    let next = star_read.saturating_add(1);
                    star = Some((star_at, next));
                    at = star_at.saturating_add(1);
                    read = next;
                }
            }
        }
        self.tokens.get(at..).unwrap_or_default().iter().all(|token| *token == Token::AnyNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_listener() {
        for (pattern, path, expected) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api/a/b", true),
            ("/api/*", "/api", false),
            ("/api/*", "/API/a", false),
            ("/img/*.png", "/img/a/b.png", true),
            ("/img/*.png", "/img/b.png.txt", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*", "/", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/*a*b", "/xaxxaxb", true),
            ("/*a*b", "/xbxa", false),
            ("", "/", false),
        ] {
            assert_eq!(Pattern::exact(pattern.as_bytes()).fits(path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn hosts_headers_and_queries_ignore_letter_case() {
        assert!(Pattern::of_host("*.Example.com").fits(b"APP.example.COM"));
        assert!(!Pattern::of_host("*.example.com").fits(b"example.com"));
        assert!(Pattern::with_escapes("*Chrome*").fits(b"mozilla CHROME/1"));
        for (text, expected) in [("a*b", true), ("axb", false), ("a\\*b", false)] {
            assert_eq!(Pattern::with_escapes("a\\*b").fits(text.as_bytes()), expected, "{text}");
        }
    }
}
