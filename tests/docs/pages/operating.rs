//! The table of refusals in docs/OPERATING.md, against the code.

use std::collections::HashMap;

use tower_alb_auth::AuthErrorKind;

use crate::pages::page::{read, rows, section};

#[test]
fn every_kind_of_refusal_is_explained_with_its_status_and_fault() {
    let page = read("docs/OPERATING.md");
    let mut explained: HashMap<String, Vec<String>> =
        rows(&section(&page, "## Refusals")).into_iter().map(|row| (row[0].clone(), row)).collect();
    for kind in AuthErrorKind::ALL {
        let name = format!("`{}`", kind.as_str());
        let row = explained.remove(&name).unwrap_or_else(|| panic!("{name} is not explained"));
        assert_eq!((row[1].as_str(), row[2].as_str()), (kind.status().as_str(), kind.fault().as_str()), "{name}");
        assert!(!row[3].is_empty(), "{name}");
    }
    assert!(explained.is_empty(), "no such kind: {explained:?}");
}
