//! Standard input, output and error, or what stands in for them in tests.

use std::io::{Read, Write};

/// Where the program reads from and writes to.
pub(super) struct Streams<'s> {
    pub(super) stdin: &'s mut dyn Read,
    pub(super) stdout: &'s mut dyn Write,
    pub(super) stderr: &'s mut dyn Write,
}
