//! The kinds of problems of a configuration.

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A key or variable that does not exist.
    UnknownKey,
    /// A value that is not one of those that exist.
    UnknownValue,
    /// A value of the wrong type: a list instead of a text.
    WrongType,
    /// A value that is outside of its range.
    OutOfRange,
    /// A value that is not what the key needs: not an ARN, not a URL.
    InvalidValue,
    /// A required setting is missing.
    Missing,
    /// A value is taken from an environment variable that is not set.
    UnsetVariable,
    /// Settings that contradict one another.
    Conflict,
    /// A setting that would let another person's token or page in, and is not waived.
    Insecure,
    /// A setting that Backstage has and this crate does not serve.
    NotServed,
    /// A resolver needs the catalog, and no catalog was given.
    CatalogMissing,
    /// A file or an address that cannot be read, or a file that cannot be written.
    Unreadable,
    /// A file that is different at each read.
    Changing,
    /// A file that is not valid YAML or JSON.
    Syntax,
    /// The operating system does not give what is needed: random bytes, a thread, a listener.
    System,
    /// A setting that needs a cargo feature which is not compiled in.
    FeatureMissing,
    /// Of the application, or of a library, that gives a text only.
    Other,
}
