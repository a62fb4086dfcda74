//! The readers of a callback, for the oracles of `fuzz/`.

use super::{callback, path, state::State};
use crate::emulator::session::{Purpose, Sealer};

/// A parameter of a query.
///
/// # Errors
/// Why its value is ambiguous.
pub fn parameter(query: &str, name: &str) -> Result<Option<String>, &'static str> {
    callback::parameter(query, name)
}

/// Whether it is a path that every server splits in the same way.
pub fn is_plain_path(text: &str) -> bool {
    path::is_path(text) && path::is_plain(text)
}

pub(in crate::emulator) fn seal_state(sealer: &Sealer, wanted: &str) -> Option<Vec<u8>> {
    let state = State {
        wanted: wanted.to_owned(),
        host: "localhost:3000".to_owned(),
        nonce: "nonce".to_owned(),
        sent: 1,
        sign_in: 0,
    };
    sealer.seal(Purpose::State, &state).ok()
}

pub(in crate::emulator) fn open_state(sealer: &Sealer, sealed: &[u8]) -> Option<String> {
    sealer.open::<State>(Purpose::State, sealed).map(|state| state.wanted)
}
