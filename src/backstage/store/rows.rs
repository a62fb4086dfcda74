//! Rows that others may have written.

use std::{collections::BTreeSet, fmt, time::SystemTime};

use super::StoredKey;
use crate::{backstage::PublicJwk, error::quoted, sync::Mutex};

/// So many kids are remembered, to report each once.
const MOST_REPORTED: usize = 64;

/// Reads the rows of a store of public keys. A row that is no public key is left out and reported in the log, once a kid and
/// without its contents: a private key there is in every backup and every log of queries, so somebody has to know.
#[derive(Default)]
pub struct KeyRows {
    reported: Mutex<BTreeSet<String>>,
}

impl KeyRows {
    /// The key of a row: its kid, its JWK as JSON, when it was written and when it may be forgotten. `None` if it is none.
    pub fn read(
        &self,
        kid: &str,
        jwk: &str,
        created_at: SystemTime,
        expires_at: Option<SystemTime>,
    ) -> Option<StoredKey> {
        match PublicJwk::parse(jwk) {
            Ok(key) if key.kid() == kid => Some(StoredKey::new(key, created_at, expires_at)),
            Ok(_) => self.report(kid, "the kid in it is another than that of the row"),
            Err(error) => self.report(kid, &error.to_string()),
        }
    }

    fn report(&self, kid: &str, why: &str) -> Option<StoredKey> {
        let mut reported = self.reported.lock();
        if reported.len() < MOST_REPORTED && reported.insert(kid.to_owned()) {
            tracing::error!(
                target: "tower_alb_auth",
                "the row of kid {} in the store of public keys is refused and not listed: {why}; find out who wrote it, and remove it",
                quoted(kid),
            );
        }
        None
    }
}

impl fmt::Debug for KeyRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRows")
    }
}
