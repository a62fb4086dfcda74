//! HTML that is safe by its type.
//!
//! There are two ways to an [`Html`]: a template, which is a literal in the program, and text,
//! which is escaped. Text from users, clients and files cannot become a template.

/// A piece of HTML.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Html(String);

/// What is inserted at a placeholder of a template.
pub(super) trait Part {
    fn write(&self, out: &mut String);
}

impl Html {
    /// The template, each `{}` in it replaced by the next part. In an attribute, a placeholder must
    /// be between quotes.
    ///
    /// Not `format!`, which would insert a variable named inside the braces without escaping.
    pub(super) fn fill(template: &'static str, parts: &[&dyn Part]) -> Self {
        let mut pieces = template.split("{}");
        let mut html = pieces.next().unwrap_or_default().to_owned();
        let mut parts = parts.iter();
        for piece in pieces {
            let part = parts.next();
            debug_assert!(part.is_some(), "a placeholder without a part in {template}");
            if let Some(part) = part {
                part.write(&mut html);
            }
            html.push_str(piece);
        }
        debug_assert!(parts.next().is_none(), "a part without a placeholder in {template}");
        Self(html)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<T: IntoIterator<Item = Html>>(pieces: T) -> Self {
        Self(pieces.into_iter().map(|piece| piece.0).collect())
    }
}

impl Part for Html {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Part for str {
    /// For text and for attributes in either kind of quotes.
    fn write(&self, out: &mut String) {
        for c in self.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                // HTML documents must not contain it, not even as a reference.
                '\0' => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
    }
}

impl Part for &str {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl Part for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_html_is_not() {
        let inner = Html::fill("<b>{}</b>", &[&"a<&>b"]);
        let outer = Html::fill("<p title=\"{}\">{}{}</p>", &[&"\"it's\" {}", &inner, &"\0".to_owned()]);
        assert_eq!(
            outer.into_string(),
            "<p title=\"&quot;it&#39;s&quot; {}\"><b>a&lt;&amp;&gt;b</b>\u{fffd}</p>",
            "a placeholder in an inserted part is text"
        );
    }

    #[test]
    fn pieces_follow_each_other() {
        let list: Html = ["a", "<"].iter().map(|text| Html::fill("<li>{}</li>", &[text])).collect();
        assert_eq!(list.into_string(), "<li>a</li><li>&lt;</li>");
    }
}
