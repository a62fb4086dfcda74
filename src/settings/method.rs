//! The name of a setting that is no key of a file.

use std::fmt;

/// A setting that code sets by a method, and a program by its flag.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Method {
    pub(super) name: &'static str,
    argument: String,
    /// As the program has it.
    pub(super) spelled: Option<String>,
}

impl Method {
    pub(super) fn new(name: &'static str, argument: String) -> Self {
        Self { name, argument, spelled: None }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, argument, spelled } = self;
        match spelled {
            Some(flag) if argument.is_empty() => f.write_str(flag),
            Some(flag) => write!(f, "{flag} {argument}"),
            None => write!(f, "{name}({argument})"),
        }
    }
}
