//! Public keys in rows that anyone with the database's password may have written.

use std::collections::HashSet;

use tokio_postgres::Row;

use crate::{
    backstage::{PublicJwk, store::StoreError},
    internal::{Mutex, quoted},
};

/// Maximum number of invalid rows that are remembered as reported. If there are more, some are
/// reported repeatedly.
const MAX_REPORTED: usize = 1000;

/// The key of a row.
///
/// # Errors
/// Why it must not be published. Contains nothing of the row.
pub(super) fn parse(kid: &str, json: &str) -> Result<PublicJwk, String> {
    let key = PublicJwk::parse(json).map_err(|error| error.to_string())?;
    if key.kid() == kid { Ok(key) } else { Err("its kid differs from the row's".to_owned()) }
}

/// Whether the row was written, according to the statement's result. A row with another key and the
/// same kid stays.
pub(super) fn written_rows(kid: &str, written: &[Row]) -> Result<(), StoreError> {
    match written {
        [] => Err(StoreError::new(format!(
            "another public key has the kid {}: give the new key another kid",
            quoted(kid)
        ))),
        _ => Ok(()),
    }
}

/// Reports each invalid row once, because rows are read all the time.
#[derive(Debug)]
pub(super) struct BadRows {
    table: &'static str,
    reported: Mutex<HashSet<String>>,
}

impl BadRows {
    pub(super) fn of(table: &'static str) -> Self {
        Self { table, reported: Mutex::default() }
    }

    pub(super) fn report(&self, id: &str, why: &str) {
        {
            let mut reported = self.reported.lock();
            if reported.len() >= MAX_REPORTED {
                reported.clear();
            }
            if !reported.insert(id.to_owned()) {
                return;
            }
        }
        tracing::error!(
            "the row {} of the table {} is ignored: {why}; find out what wrote it, and delete it",
            quoted(id),
            self.table
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key of RFC 7517, appendix A.1, with the members of this crate.
    const KEY: &str = r#"{"kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","crv":"P-256","kid":"one","alg":"ES256"}"#;

    #[test]
    fn a_row_is_read_as_it_is_or_not_at_all() {
        assert_eq!(parse("one", KEY).unwrap().json(), KEY);
        for (case, kid, json, expected) in [
            ("private", "one", KEY.replace("\"alg\"", "\"d\":\"canary\",\"alg\""), "private"),
            ("null, and private all the same", "one", KEY.replace("\"alg\"", "\"d\":null,\"alg\""), "private"),
            ("another kid", "two", KEY.to_owned(), "kid"),
            ("no kid", "one", KEY.replace("\"kid\"", "\"id\""), "kid"),
            ("no JSON", "one", "canary".to_owned(), "JSON"),
            ("no point", "one", KEY.replace("MKBC", "NKBC"), "point"),
        ] {
            let why = parse(kid, &json).unwrap_err();
            assert!(why.contains(expected), "{case}: {why}");
            assert!(!why.contains("canary"), "{case}: {why}");
        }
    }

    #[test]
    fn what_is_remembered_as_reported_is_bounded() {
        let bad = BadRows::of("signing_keys");
        (0..3 * MAX_REPORTED).for_each(|n| bad.report(&n.to_string(), "canary"));
        assert!(bad.reported.lock().len() <= MAX_REPORTED);
    }
}
