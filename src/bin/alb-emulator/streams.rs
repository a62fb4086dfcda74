//! Standard input, output and error, or what stands in for them in tests.

use std::io::{Read, Write};

/// Where the program reads from and writes to.
pub(crate) struct Streams<'s> {
    pub(crate) stdin: &'s mut dyn Read,
    pub(crate) stdout: &'s mut dyn Write,
    pub(crate) stderr: &'s mut dyn Write,
}
