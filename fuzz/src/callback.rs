//! The query of a callback and the paths of a listener's rules, against the form parser of the URL Standard.

use tower_alb_auth::fuzzing::emulator::{is_plain_path, parameter};
use url::{Url, form_urlencoded};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for name in ["code", "error", "state"] {
        query(text, name);
    }
    path(text);
}

fn query(text: &str, name: &str) {
    // The form parser reads a plus as a space in names too, and so does no provider.
    let written = if name == "state" { text.replace('+', "%2B") } else { text.to_owned() };
    let values: Vec<String> = form_urlencoded::parse(written.as_bytes())
        .filter(|(held, _)| held == name)
        .map(|(_, value)| value.into_owned())
        .collect();
    // The form parser reads a parameter without `=` as an empty one; both are no value.
    match (parameter(text, name), &values[..]) {
        (Ok(None), values) => assert!(values.iter().all(String::is_empty), "a value is not seen"),
        (Ok(Some(value)), values) => {
            let others: Vec<_> = values.iter().filter(|held| !held.is_empty()).collect();
            assert_eq!(others, [&value], "one value, the same to both");
        }
        (Err("not UTF-8"), values) => {
            let others: Vec<_> = values.iter().filter(|held| !held.is_empty()).collect();
            assert!(others.len() == 1 && others[0].contains('\u{fffd}'));
        }
        (Err("given more than once"), values) => assert!(values.len() > 1),
        (Err(other), values) => panic!("{other}: {values:?}"),
    }
}

/// What is plain is the same path to a browser, decoded or not.
fn path(text: &str) {
    if !is_plain_path(text) || text.contains(['?', '#']) {
        return;
    }
    let url = Url::parse("http://localhost").expect("a URL").join(text).expect("a path");
    assert_eq!(url.host_str(), Some("localhost"));
    let decoded = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8().expect("UTF-8").into_owned();
    assert_eq!(decoded(url.path()), decoded(text), "a browser requests the same path");
    assert!(!decoded(text).split('/').any(|segment| segment == ".." || segment == "."));
}
