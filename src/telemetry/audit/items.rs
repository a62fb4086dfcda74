//! Bounds of the texts of an event.

/// Maximum length of a text of a request, and maximum number of texts in a list.
const MAX_CHARS: usize = 1_024;
const MAX_ITEMS: usize = 20;

/// The first texts of a list, each bounded, and how many there are beside them.
#[derive(Debug, Default)]
pub(crate) struct Items {
    shown: Vec<String>,
    more: usize,
}

impl Items {
    /// Describes the items that are shown, and counts the others.
    pub(crate) fn of<T>(items: &[T], mut describe: impl FnMut(&T) -> String) -> Self {
        let shown = items.iter().take(MAX_ITEMS).map(|item| bounded(&describe(item))).collect();
        Self { shown, more: items.len().saturating_sub(MAX_ITEMS) }
    }

    /// `None` without an item.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let more = (self.more > 0).then(|| format!("{} more", self.more));
        (!self.shown.is_empty()).then(|| self.shown.iter().cloned().chain(more).collect())
    }
}

/// A text that a request or a file can make long.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_list_only_the_texts_that_are_shown_are_made() {
        let mut described = 0;
        let items = Items::of(&vec![7; 100_000], |item| {
            described += 1;
            item.to_string().repeat(2_000)
        });
        assert_eq!((described, items.shown.len(), items.shown.capacity()), (20, 20, 20));
        let texts = items.texts().unwrap();
        assert_eq!((texts[0].len(), texts.last().unwrap().as_str()), (1_024, "99980 more"));
        assert_eq!(Items::of(&[(); 20], |()| "x".to_owned()).texts().unwrap().len(), 20);
        assert_eq!(Items::of(&[(); 0], |()| "x".to_owned()).texts(), None);
    }
}
