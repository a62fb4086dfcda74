//! The validity period of a token.

use std::time::Duration;

use crate::error::AuthErrorKind;

/// The last valid time, in seconds since 1970: the end of the year 9999.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// The validity period of a token, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// The later of `nbf` and `iat`; 0 without both.
    pub(crate) not_before: u64,
    /// The earlier of the two `exp`.
    pub(crate) expires_at: u64,
}

impl Window {
    pub(super) fn new(expires_at: u64, nbf: Option<u64>, iat: Option<u64>) -> Self {
        Self { not_before: nbf.max(iat).unwrap_or(0), expires_at }
    }

    /// The intersection of two periods.
    pub(super) fn and(self, other: Self) -> Self {
        Self { not_before: self.not_before.max(other.not_before), expires_at: self.expires_at.min(other.expires_at) }
    }

    /// Checks `now`: valid while `now < exp + leeway`, `nbf <= now + leeway` and
    /// `exp <= now + max_lifetime` (RFC 7519 sections 4.1.4 and 4.1.5).
    pub(crate) fn check(self, now: u64, leeway: Duration, max_lifetime: Duration) -> Result<(), AuthErrorKind> {
        let leeway = leeway.as_secs();
        if now >= self.expires_at.saturating_add(leeway) {
            return Err(AuthErrorKind::Expired);
        }
        if self.not_before > now.saturating_add(leeway) {
            return Err(AuthErrorKind::NotYetValid);
        }
        if self.expires_at > now.saturating_add(max_lifetime.as_secs()) {
            return Err(AuthErrorKind::LifetimeTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_are_where_the_rfc_has_them() {
        let window = Window { not_before: 1000, expires_at: 2000 };
        let (leeway, lifetime) = (Duration::from_secs(30), Duration::from_secs(5000));
        let check = |now| window.check(now, leeway, lifetime);
        assert_eq!(check(969), Err(AuthErrorKind::NotYetValid));
        assert_eq!(check(970), Ok(()));
        assert_eq!(check(2029), Ok(()));
        assert_eq!(check(2030), Err(AuthErrorKind::Expired));
        let until = |expires_at| Window::new(expires_at, None, None);
        assert_eq!(until(7000).check(2000, leeway, lifetime), Ok(()));
        assert_eq!(until(7001).check(2000, leeway, lifetime), Err(AuthErrorKind::LifetimeTooLong));
        assert_eq!(until(u64::MAX).check(u64::MAX - 1, leeway, lifetime), Ok(()));
    }
}
