//! Files that are different at each poll.

/// After so many polls in a row that read something else each time, the files are reported. They take longer than a change may.
const MAX_POLLS: u32 = 4;

/// Polls in a row that read something else than the one before. A change is in force once two polls read the same, so a file that is
/// written all the time is never in force.
#[derive(Debug, Default)]
pub(crate) struct Unsettled(u32);

impl Unsettled {
    /// Counts a poll. Returns how many there are in a row, if that has to be reported.
    pub(crate) fn poll(&mut self, is_same: bool) -> Option<u32> {
        self.0 = if is_same { 0 } else { self.0.saturating_add(1) };
        (self.0 >= MAX_POLLS).then_some(self.0)
    }
}
