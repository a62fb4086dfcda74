//! Numbers that serde_json does not parse without its feature `arbitrary_precision`.

use serde::de::IgnoredAny;

/// Replaces each number that is neither a `u64` nor an `i64` by `-1`, so that the parser accepts
/// numbers of any size. All other bytes keep their positions. Returns whether there was such a
/// number. Used for a text that was rejected with [`JsonFault::Syntax`](super::json::JsonFault::Syntax).
///
/// Text that is not a number by the grammar of JSON is not changed, and the parser rejects it. `-1`
/// is not a valid number of seconds, so a replaced number cannot be mistaken for a time.
pub(super) fn replace_large_numbers(json: &mut [u8]) -> bool {
    let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let (mut rest, mut in_text, mut found) = (json, false, false);
    while let Some(byte) = rest.first().copied() {
        let length = match byte {
            b'-' | b'0'..=b'9' if !in_text => {
                let length = rest.iter().take_while(|byte| in_number(byte)).count();
                if let Some(number) = rest.get_mut(..length).filter(|number| is_large_number(number)) {
                    number.fill(b' ');
                    number.iter_mut().zip(b"-1").for_each(|(to, from)| *to = *from);
                    found = true;
                }
                length
            }
            b'\\' if in_text => 2,
            b'"' => {
                in_text = !in_text;
                1
            }
            _ => 1,
        };
        rest = rest.split_at_mut_checked(length).map(|(_, rest)| rest).unwrap_or_default();
    }
    found
}

/// Whether the text is a JSON number that is neither a `u64` nor an `i64`. Such a number has at
/// least three characters.
fn is_large_number(number: &[u8]) -> bool {
    let text = std::str::from_utf8(number).unwrap_or_default();
    // Skipping a value checks its grammar only, with any features of serde_json.
    let is_number = serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_number && text.parse::<u64>().is_err() && text.parse::<i64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_are_neither_u64_nor_i64_are_put_aside() {
        for (json, tamed) in [
            (
                r#"{"a":1.5,"b":[1e3,-0.1],"c":-7,"d":18446744073709551616}"#,
                r#"{"a":-1 ,"b":[-1 ,-1  ],"c":-7,"d":-1                  }"#,
            ),
            (r#"{"1.5":"\"1.5","\\":1.5}"#, r#"{"1.5":"\"1.5","\\":-1 }"#),
            ("[1.5x,x1.5,01.5,1.,1e,+1.5,-,--1.5,1.5.5]", "[-1 x,x-1 ,01.5,1.,1e,+-1 ,-,--1.5,1.5.5]"),
            (r#"[1e400, "1e400"]"#, r#"[-1   , "1e400"]"#),
            // Escapes are of texts alone; outside of them the parser rejects a backslash.
            ("[\\1.5]", "[\\-1 ]"),
            ("\"1.5", "\"1.5"),
            ("\"\\", "\"\\"),
            ("", ""),
        ] {
            let mut bytes = json.as_bytes().to_vec();
            assert_eq!(replace_large_numbers(&mut bytes), json != tamed, "{json}");
            assert_eq!(String::from_utf8(bytes).unwrap(), tamed);
        }
    }
}
