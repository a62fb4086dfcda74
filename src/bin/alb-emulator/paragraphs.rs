//! Text in two columns: a label, and a text that is wrapped and indented.

use std::io::{self, Write};

use textwrap::{Options, WordSeparator, WordSplitter, wrap};

/// Line width: a terminal of usual width, and a little more.
const WIDTH: usize = 100;

/// Writes a label and its text. A text that does not fit on the line continues below its first
/// line; words are never broken.
pub(crate) fn labelled(out: &mut dyn Write, label: &str, column: usize, text: &str) -> io::Result<()> {
    let gap = if label.is_empty() || label.len() < column { "" } else { "  " };
    let first = format!("  {label:<column$}{gap}");
    if text.is_empty() {
        return writeln!(out, "{}", first.trim_end());
    }
    let rest = " ".repeat(column.saturating_add(2));
    let options = Options::new(WIDTH)
        .initial_indent(&first)
        .subsequent_indent(&rest)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    wrap(text, options).iter().try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// A text from outside in quotes: 120 characters at most, anything but printable ASCII escaped.
pub(crate) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 120;
    let shown: String = text.chars().take(MAX_CHARS).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("\"{}{more}\"", shown.escape_default())
}

/// Escapes a text from outside for a terminal, so that it cannot move the cursor or change the text
/// direction.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if hidden { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(label: &str, text: &str) -> String {
        let mut out = Vec::new();
        labelled(&mut out, label, 10, text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_wrapped_under_themselves() {
        assert_eq!(written("exp", "soon"), "  exp       soon\n");
        assert_eq!(written("", ""), "\n");
        let long = "word ".repeat(40);
        let lines: Vec<String> = written("x", &long).lines().map(str::to_owned).collect();
        assert!(lines.len() == 3 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[1].starts_with("            word"), "{lines:?}");
        let endless = "y".repeat(300);
        assert_eq!(written("x", &endless), format!("  x         {endless}\n"), "an ARN stays whole");
    }

    #[test]
    fn what_would_move_the_cursor_is_spelled_out() {
        assert_eq!(visible("a\u{1b}[2Jé\u{202e}\n"), "a\\u{1b}[2Jé\\u{202e}\\u{a}");
    }
}
