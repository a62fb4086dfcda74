//! The `state` parameter: it goes to the provider and comes back with the browser.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::internal::Mutex;

/// How long a sign-in may take, in seconds.
pub(super) const MAX_SIGN_IN_SECONDS: u64 = 15 * 60;

/// What the load balancer has to know when the browser comes back. Sealed, so nobody can make one.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// Path and query that the browser wanted.
    pub(super) wanted: String,
    /// The host that it asked.
    pub(super) host: String,
    /// What stands in the browser's nonce cookie.
    pub(super) nonce: String,
    /// When it was sent off, in seconds since 1970.
    pub(super) sent: u64,
}

/// The nonces of states that have come back, while they could come back again: a state is good once.
#[derive(Default)]
pub(in crate::emulator) struct UsedStates(Mutex<HashMap<String, u64>>);

/// So many are remembered; a development tool sees a handful.
const MAX_USED: usize = 10_000;

impl UsedStates {
    /// Notes the nonce as used. Whether it was new; where too many are remembered, none is.
    pub(super) fn take(&self, nonce: &str, now: u64) -> bool {
        let mut used = self.0.lock();
        // In its last second it is still good.
        used.retain(|_, ends| *ends >= now);
        if used.len() >= MAX_USED {
            return false;
        }
        used.insert(nonce.to_owned(), now.saturating_add(MAX_SIGN_IN_SECONDS)).is_none()
    }
}
