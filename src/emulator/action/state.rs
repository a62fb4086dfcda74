//! The `state` parameter: it goes to the provider and comes back with the browser.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::internal::Mutex;

/// Maximum duration of a sign-in, in seconds.
pub(super) const MAX_SIGN_IN_SECONDS: u64 = 15 * 60;

/// What the load balancer must know when the browser comes back. Sealed, so that it cannot be
/// forged.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// Path and query that the browser requested.
    pub(super) wanted: String,
    /// The host that it requested them from.
    pub(super) host: String,
    /// The value of the browser's nonce cookie.
    pub(super) nonce: String,
    /// When it was issued, in seconds since 1970.
    pub(super) sent: u64,
    /// The authenticate action that issued it.
    pub(super) sign_in: usize,
}

/// The nonces of used states, as long as those are valid: a state may be used once.
#[derive(Default)]
pub(in crate::emulator) struct UsedStates(Mutex<HashMap<String, u64>>);

/// Maximum number of nonces that are remembered; a development tool sees a handful.
const MAX_USED: usize = 10_000;

impl UsedStates {
    /// Marks the nonce as used. Returns whether it was unused; false if too many are remembered.
    pub(super) fn take(&self, nonce: &str, now: u64) -> bool {
        let mut used = self.0.lock();
        // A state is still valid in its last second.
        used.retain(|_, ends| *ends >= now);
        if used.len() >= MAX_USED {
            return false;
        }
        used.insert(nonce.to_owned(), now.saturating_add(MAX_SIGN_IN_SECONDS)).is_none()
    }
}
