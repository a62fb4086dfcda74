//! The pasted text: a header value, and what was copied along with it.

use std::borrow::Cow;

use crate::paragraphs::quoted;

/// Maximum input. It is far above the size of any header.
const MAX_INPUT_BYTES: usize = 1024 * 1024;
/// How many bytes are read from standard input: one more than the maximum, so that an input that is
/// too long is noticed.
pub(crate) const MAX_INPUT: u64 = MAX_INPUT_BYTES as u64 + 1;

/// A header value, and notes on what was removed from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pasted {
    pub(crate) value: String,
    /// One sentence each.
    pub(crate) notes: Vec<String>,
}

impl Pasted {
    /// # Errors
    /// The input is empty or too long.
    pub(crate) fn read(input: &[u8]) -> Result<Self, String> {
        if input.len() > MAX_INPUT_BYTES {
            return Err(format!(
                "standard input has more than {MAX_INPUT_BYTES} bytes: paste only the value of x-amzn-oidc-data"
            ));
        }
        let text = String::from_utf8_lossy(input);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut notes = Vec::new();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(
                "standard input is empty: paste the value of x-amzn-oidc-data, then end the input (Ctrl-D), or \
                        pipe it in: pbpaste | alb-emulator inspect ..."
                    .to_owned(),
            );
        }
        // Every line ends with a line end, so one of them needs no note.
        let one_line_end = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
        if one_line_end != trimmed {
            notes.push("White space around the value was removed.".to_owned());
        }
        let value = pick_line(trimmed, &mut notes);
        let value = without_name(value, &mut notes);
        let value = without_quotes(value, &mut notes);
        let value = without_scheme(value, &mut notes);
        let value = without_inner_space(value, &mut notes);
        Ok(Self { value: value.into_owned(), notes })
    }
}

/// The line with the header, if several lines were pasted.
fn pick_line<'t>(text: &'t str, notes: &mut Vec<String>) -> &'t str {
    let named: Vec<&str> = text.lines().filter(|line| name_of(line).is_some_and(|(name, _)| is_data(name))).collect();
    match named.as_slice() {
        [line, ..] if text.lines().count() > 1 => {
            notes.push("Of several lines, the one with x-amzn-oidc-data was used.".to_owned());
            if named.len() > 1 {
                notes.push(
                    "There are several of them; only the first is inspected. If they are from one request: a load balancer \
                     sends one, and the layer rejects a request with more."
                        .to_owned(),
                );
            }
            line.trim()
        }
        _ => text,
    }
}

/// The name before the colon, and the rest. Tolerates the mark that curl prints before headers.
fn name_of(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches(['>', '<', ' ', '\t']);
    let (name, rest) = line.split_once(':')?;
    let name = name.trim_matches(['\'', '"', ' ']);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_name.then_some((name, rest))
}

fn is_data(name: &str) -> bool {
    name.eq_ignore_ascii_case("x-amzn-oidc-data")
}

fn without_name<'t>(text: &'t str, notes: &mut Vec<String>) -> &'t str {
    let Some((name, rest)) = name_of(text) else { return text };
    if is_data(name) {
        notes.push("The name x-amzn-oidc-data before the value was removed.".to_owned());
    } else {
        notes.push(format!(
            "This is the header {}; it is inspected as if it were x-amzn-oidc-data. The layer reads only x-amzn-oidc-data.",
            quoted(name)
        ));
    }
    rest.trim()
}

fn without_quotes<'t>(text: &'t str, notes: &mut Vec<String>) -> &'t str {
    // A quote before the name was removed with the name.
    let bare = text.trim_matches(['\'', '"']);
    if bare.len() != text.len() {
        notes.push("Quotes around the value were removed.".to_owned());
    }
    bare.trim()
}

fn without_scheme<'t>(text: &'t str, notes: &mut Vec<String>) -> &'t str {
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
            notes.push(
                "The word Bearer was removed: this is a value of Authorization. The load balancer's token is in \
                 x-amzn-oidc-data, without such a prefix."
                    .to_owned(),
            );
            rest.trim()
        }
        _ => text,
    }
}

/// Terminals and editors break long lines. A header has no line ends, so these were not in it.
fn without_inner_space<'t>(text: &'t str, notes: &mut Vec<String>) -> Cow<'t, str> {
    if !text.contains(char::is_whitespace) {
        return Cow::Borrowed(text);
    }
    notes.push(
        "Line ends or spaces inside the value were removed, assuming that a terminal or an editor added them. If they are \
         in the header itself, the layer rejects it as malformed."
            .to_owned(),
    );
    Cow::Owned(text.chars().filter(|c| !c.is_whitespace()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_along_is_removed_and_named() {
        for (pasted, says) in [
            ("a.b.c", ""),
            ("a.b.c\n", ""),
            ("a.b.c\r\n", ""),
            ("\u{feff}a.b.c\n", ""),
            ("  a.b.c \n\n", "White space around"),
            ("x-amzn-oidc-data: a.b.c", "name x-amzn-oidc-data"),
            ("X-Amzn-Oidc-Data:a.b.c\n", "name x-amzn-oidc-data"),
            ("> x-amzn-oidc-data: a.b.c", "name x-amzn-oidc-data"),
            ("'x-amzn-oidc-data: a.b.c'", "Quotes"),
            ("\"x-amzn-oidc-data\": \"a.b.c\"", "Quotes"),
            ("'a.b.c'", "Quotes"),
            ("Bearer a.b.c", "word Bearer"),
            ("Authorization: Bearer a.b.c", "the header \"Authorization\""),
            ("x-amzn-oidc-accesstoken: a.b.c", "reads only x-amzn-oidc-data"),
            ("a.\n  b.c\n", "inside the value"),
            ("GET / HTTP/1.1\nhost: x\nx-amzn-oidc-data: a.b.c\naccept: */*\n", "several lines"),
            ("x-amzn-oidc-data: a.b.c\nx-amzn-oidc-data: d.e.f\n", "several of them"),
        ] {
            let read = Pasted::read(pasted.as_bytes()).unwrap();
            assert_eq!(read.value, "a.b.c", "{pasted:?}");
            let notes = read.notes.join(" ");
            assert!(notes.contains(says) && notes.is_empty() == says.is_empty(), "{pasted:?}: {notes}");
        }
    }

    #[test]
    fn empty_and_oversized_input_is_rejected() {
        for nothing in ["", "\n", " \r\n\t"] {
            assert!(Pasted::read(nothing.as_bytes()).unwrap_err().contains("standard input is empty"));
        }
        assert!(Pasted::read(&[b'a'; MAX_INPUT_BYTES + 1]).unwrap_err().contains("more than"));
        assert!(Pasted::read(&[b'a'; MAX_INPUT_BYTES]).is_ok());
        assert!(Pasted::read(&[0xff, 0xfe]).is_ok(), "input that is not UTF-8 is reported as malformed later");
    }
}
