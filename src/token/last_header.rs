//! The JOSE header of the token that was verified last.
//!
//! A load balancer writes the same header into all tokens of one second: only `exp` changes, once a
//! second. What its bytes say is kept, so that decoding and comparing them again is not needed.
//! No other work is skipped: the period of validity is checked against the clock, and the signature,
//! which covers the header, is verified for each token.
//!
//! Only the header of a completely verified token is kept, with a copy of its bytes, which are
//! compared as a whole. It belongs to one configuration.

use super::window::Window;
use crate::{alb::Kid, config::EntryIndex, sync::Mutex};

/// Maximum size in bytes of a header that is kept, in base64url with its padding. A load balancer
/// writes about 470.
const MAX_BYTES: usize = 768;

/// The header of the last verified token.
#[derive(Default)]
pub(crate) struct LastHeader(Mutex<Kept>);

struct Kept {
    bytes: [u8; MAX_BYTES],
    length: usize,
    /// `None` before the first.
    says: Option<HeaderSays>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { bytes: [0; MAX_BYTES], length: 0, says: None }
    }
}

/// What a header says, after all checks of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderSays {
    pub(super) kid: Kid,
    pub(super) window: Window,
    /// The trusted entry that it matches.
    pub(super) index: EntryIndex,
}

impl LastHeader {
    /// What this header says, if it is the one that is kept. `None` also while another thread uses
    /// it: a request does not wait for it.
    pub(super) fn find(&self, header: &[u8]) -> Option<HeaderSays> {
        let kept = self.0.try_lock()?;
        let same = kept.bytes.get(..kept.length)? == header;
        kept.says.filter(|_| same)
    }

    /// Keeps the header of a verified token.
    pub(super) fn keep(&self, header: &[u8], says: HeaderSays) {
        let Some(mut kept) = self.0.try_lock() else { return };
        let Some(bytes) = kept.bytes.get_mut(..header.len()) else { return };
        bytes.copy_from_slice(header);
        (kept.length, kept.says) = (header.len(), Some(says));
    }
}
