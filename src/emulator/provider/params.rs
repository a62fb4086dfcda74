//! Parameters of a query or a form.

/// The parameters in their order. A parameter without a value counts as absent, and a repeated one
/// is an error (RFC 6749 section 3.1).
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// # Errors
    /// The parameter is repeated.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.0.iter().filter(|(held, value)| held == name && !value.is_empty());
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(value),
            Some(_) => Err(format!("{name} is given several times")),
        }
    }

    /// Total size in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum()
    }
}
