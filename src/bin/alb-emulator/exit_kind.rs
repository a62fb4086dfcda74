//! How the program ended.

/// How the program ended. An invalid command line or configuration is an `Err` instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitKind {
    Success,
    /// `inspect`: the token is rejected.
    Rejected,
    /// `healthcheck`: no emulator responds at the address.
    Unhealthy,
    /// `inspect`: no problem was found, but not everything could be checked.
    Undecided,
    /// The application that the emulator started ended with this exit code.
    Application(u8),
}

impl ExitKind {
    /// The exit code; the help of `inspect` lists them.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Rejected | Self::Unhealthy => 1,
            Self::Undecided => 3,
            Self::Application(code) => code,
        }
    }
}
