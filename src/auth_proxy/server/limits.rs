//! The limits of a listener.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::auth_proxy) struct Limits {
    pub(in crate::auth_proxy) header_timeout: Duration,
    pub(in crate::auth_proxy) idle_timeout: Duration,
    pub(in crate::auth_proxy) max_header_bytes: usize,
    /// Of each listener.
    pub(in crate::auth_proxy) max_connections: usize,
}
