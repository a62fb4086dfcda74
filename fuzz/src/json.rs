//! The strict JSON reader, against `hifijson`, which keeps repeated members, and against serde_json.
//!
//! The first byte chooses the limits: those of the crate, or small ones, which short inputs reach.

use tower_alb_auth::fuzzing::token::{Fault, Kept, json};

use crate::reading::Json;

pub(crate) fn run(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (depth, members, elements) = if choice % 2 == 0 { (16, 128, 1024) } else { (3, 4, 5) };
    let read = json(text, depth, members, elements);
    let second = Json::read(text.as_bytes());
    if second.as_ref().is_some_and(Json::has_number_object) {
        return;
    }
    let expected = Json::strict_object(text.as_bytes(), depth, members, elements);
    assert_eq!(read.is_ok(), expected.is_some(), "{read:?}");
    match (read, second) {
        (Ok(kept), Some(Json::Object(members))) => {
            let expected: Vec<(String, Kept)> = members.into_iter().map(|(name, value)| (name, of(&value))).collect();
            assert_eq!(kept, expected);
            agrees_with_serde_json(text, &kept);
        }
        (Ok(_), _) => panic!("only an object is accepted"),
        (Err(fault), Some(second)) if matches!(second, Json::Object(_)) => {
            // The text is JSON, so the fault is one that it has.
            let has = match fault {
                Fault::Duplicate => second.has_repeated_member(),
                Fault::TooDeep => second.depth() > depth,
                Fault::TooWide => second.members() > members || second.elements() > elements,
                Fault::Syntax | Fault::NotSeconds => false,
            };
            assert!(has, "{fault:?}");
        }
        (Err(_), _) => {}
    }
}

fn of(value: &Json) -> Kept {
    match value {
        Json::Null => Kept::Null,
        Json::Bool(value) => Kept::Bool(*value),
        Json::Number(_) => Kept::Number(value.integer()),
        Json::Text(text) => Kept::Text(text.clone()),
        Json::List(_) => Kept::List,
        Json::Object(_) => Kept::Object,
    }
}

/// serde_json has no value for numbers outside of the range of a 64-bit float, and rejects them.
fn agrees_with_serde_json(text: &str, kept: &[(String, Kept)]) {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text) else {
        assert!(text.contains(['e', 'E']) || text.len() > 300, "serde_json rejects it");
        return;
    };
    assert_eq!(members.len(), kept.len());
    for (name, kept) in kept {
        let value = &members[name];
        let agree = match kept {
            Kept::Text(text) => value.as_str() == Some(text),
            Kept::Bool(kept) => value.as_bool() == Some(*kept),
            Kept::Number(number) => value.is_number() && number.is_none_or(|number| value.as_u64() == Some(number)),
            Kept::Null => value.is_null(),
            Kept::List => value.is_array(),
            Kept::Object => value.is_object(),
        };
        assert!(agree, "serde_json reads another value");
    }
}
