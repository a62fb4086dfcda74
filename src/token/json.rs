//! A strict reader for JSON objects: no repeated members, bounded depth and width, no data after
//! the end.
//!
//! serde_json does the parsing. This module adds checks that serde_json does not make: serde_json
//! keeps the last of repeated members, and checks skipped values neither for depth nor for repeated
//! members.
//!
//! Any crate in a program can enable features of serde_json for the whole program, and these change
//! how numbers are represented. The result here does not depend on them:
//!
//! | number | with `arbitrary_precision` | without |
//! |---|---|---|
//! | integer from 0 to 2^64 - 1 | its value | the same |
//! | any other in the range of a 64-bit float | a number, without a value | the same |
//! | outside the range of a 64-bit float | a number, without a value | a parse error; see [`replace_large_numbers`](super::large_numbers::replace_large_numbers) |

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

/// Maximum depth and width.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLimits {
    /// The outermost object has depth 1.
    pub(super) depth: usize,
    pub(super) members: usize,
    pub(super) elements: usize,
}

/// Why a text is rejected. Contains none of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonFault {
    /// Not JSON, not an object, or followed by other data.
    Syntax,
    /// An object has two members of the same name.
    Duplicate,
    TooDeep,
    TooWide,
    /// This member is not a whole number of seconds.
    NotSeconds(&'static str),
}

/// Receives the members of an object in their order.
pub(super) trait Members<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error>;
}

/// A value. Lists, objects and most numbers are reduced to their type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'de> {
    Text(Cow<'de, str>),
    Bool(bool),
    /// With its value if it is an integer from 0 to 2^64 - 1.
    Number(Option<u64>),
    Null,
    List,
    Object,
}

impl Value<'_> {
    /// The type of the value, for messages to the operator. Never the value itself.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Null => "null",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }

    /// Seconds since 1970, if the value is a whole number of them up to the year 9999.
    pub(super) fn seconds(&self) -> Option<u64> {
        match self {
            Self::Number(seconds) => seconds.filter(|seconds| *seconds <= super::window::LAST_SECOND),
            _ => None,
        }
    }
}

/// The value of the current member, not read yet. It must be read before the next member.
pub(super) struct Unread<'m, 'c, A> {
    members: &'m mut A,
    context: Context<'c>,
}

/// Reads `json`, which must be one object, and passes its members to `members`.
pub(super) fn read_object<'de, M: Members<'de>>(
    json: &'de str,
    limits: JsonLimits,
    members: &mut M,
) -> Result<(), JsonFault> {
    let fault = Cell::new(JsonFault::Syntax);
    let context = Context { limits, fault: &fault, depth: 1 };
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = reader.deserialize_map(Object { members, context });
    read.and_then(|()| reader.end()).map_err(|_| fault.get())
}

/// The member name by which serde_json represents a number as a text, with its feature
/// `arbitrary_precision`.
const NUMBER_AS_TEXT: &str = "$serde_json::private::Number";

impl<'de, A: MapAccess<'de>> Unread<'_, '_, A> {
    /// Reads a value of any type, and checks it at all depths.
    pub(super) fn value(self) -> Result<Value<'de>, A::Error> {
        self.members.next_value_seed(AnyValue(self.context))
    }

    /// Reads a whole number of seconds since 1970, up to the year 9999. Any other value rejects the
    /// whole text.
    pub(super) fn seconds(self, name: &'static str) -> Result<u64, A::Error> {
        self.context.fault.set(JsonFault::NotSeconds(name));
        let seconds = self.members.next_value::<u64>()?;
        if seconds > super::window::LAST_SECOND {
            return Err(A::Error::custom("after the year 9999"));
        }
        self.context.fault.set(JsonFault::Syntax);
        Ok(seconds)
    }
}

#[derive(Clone, Copy)]
struct Context<'c> {
    limits: JsonLimits,
    /// The fault to report if parsing ends with an error.
    fault: &'c Cell<JsonFault>,
    depth: usize,
}

impl Context<'_> {
    fn fail<T, E: serde::de::Error>(self, fault: JsonFault) -> Result<T, E> {
        self.fault.set(fault);
        Err(E::custom("refused"))
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > self.limits.depth { self.fail(JsonFault::TooDeep) } else { Ok(Self { depth, ..self }) }
    }
}

struct Object<'m, 'c, M> {
    members: &'m mut M,
    context: Context<'c>,
}

impl<'de, M: Members<'de>> Visitor<'de> for Object<'_, '_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen::new();
        while let Some(name) = map.next_key_seed(Name)? {
            self.member(name, &mut seen, &mut map)?;
        }
        Ok(())
    }
}

/// The names of the members that were read so far.
type Seen<'de> = SmallVec<[Cow<'de, str>; 16]>;

impl<'de, M: Members<'de>> Object<'_, '_, M> {
    /// Reads the value of the member whose name was just read.
    #[inline]
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        seen: &mut Seen<'de>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if seen.contains(&name) {
            return self.context.fail(JsonFault::Duplicate);
        }
        if seen.len() >= self.context.limits.members {
            return self.context.fail(JsonFault::TooWide);
        }
        self.members.member(&name, Unread { members: map, context: self.context })?;
        seen.push(name);
        Ok(())
    }
}

/// The name of a member, borrowed if it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct AnyValue<'c>(Context<'c>);

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(Some(number)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Number(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let context = self.0.deeper()?;
        let mut count: usize = 0;
        while elements.next_element_seed(AnyValue(context))?.is_some() {
            count = count.saturating_add(1);
            if count > context.limits.elements {
                return context.fail(JsonFault::TooWide);
            }
        }
        Ok(Value::List)
    }

    // With serde_json's feature arbitrary_precision, numbers arrive here too. They do not count as
    // nested.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut next = map.next_key_seed(Name)?;
        if next.as_deref() == Some(NUMBER_AS_TEXT) {
            let number = map.next_value_seed(Name)?;
            // An object with this member and others would be a number to one reader and an object
            // to another.
            return match map.next_key_seed(Name)? {
                None => Ok(Value::Number(number.parse().ok())),
                Some(_) => self.0.fail(JsonFault::Syntax),
            };
        }
        let mut object = Object { members: &mut Skip, context: self.0.deeper()? };
        let mut seen = Seen::new();
        while let Some(name) = next {
            object.member(name, &mut seen, &mut map)?;
            next = map.next_key_seed(Name)?;
        }
        Ok(Value::Object)
    }
}

/// Checks the members and discards them.
struct Skip;

impl<'de> Members<'de> for Skip {
    fn member<A: MapAccess<'de>>(&mut self, _: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error> {
        value.value().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JsonLimits = JsonLimits { depth: 16, members: 128, elements: 1024 };

    fn check(json: impl AsRef<[u8]>) -> Result<(), JsonFault> {
        let text = std::str::from_utf8(json.as_ref()).map_err(|_| JsonFault::Syntax)?;
        read_object(text, LIMITS, &mut Skip)
    }

    #[test]
    fn depth_counts_the_outermost_object_as_one() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!(check(nested(16)), Ok(()));
        assert_eq!(check(nested(17)), Err(JsonFault::TooDeep));
        assert_eq!(check(nested(7000)), Err(JsonFault::TooDeep));
    }

    #[test]
    fn width_is_bounded_at_every_level() {
        let object = |members: usize| {
            let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let array = |elements: usize| format!("{{\"a\":[{}]}}", vec!["0"; elements].join(","));
        assert_eq!(check(object(128)), Ok(()));
        assert_eq!(check(object(129)), Err(JsonFault::TooWide));
        assert_eq!(check(format!("{{\"a\":{}}}", object(129))), Err(JsonFault::TooWide));
        assert_eq!(check(array(1024)), Ok(()));
        assert_eq!(check(array(1025)), Err(JsonFault::TooWide));
    }

    #[test]
    fn repeated_members_are_refused_after_unescaping_and_at_any_depth() {
        for json in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"b":2,"a":1}]}"#,
            r#"{"x":{"y":{"a":1,"a":1}}}"#,
        ] {
            assert_eq!(check(json), Err(JsonFault::Duplicate), "{json}");
        }
        assert_eq!(check(r#"{"a":{"a":1},"b":{"a":1}}"#), Ok(()));
    }

    /// Simulates the features of serde_json, which cannot be enabled for one test: numbers as maps
    /// with one text.
    #[test]
    fn s_36_numbers_are_read_alike_whatever_features_serde_json_has() {
        use serde::de::value::{Error, MapDeserializer};
        let fault = Cell::new(JsonFault::Syntax);
        let deepest = Context { limits: LIMITS, fault: &fault, depth: LIMITS.depth };
        let as_map = |members: &[(&'static str, &'static str)]| {
            let map = MapDeserializer::<_, Error>::new(members.iter().copied());
            AnyValue(deepest).deserialize(map)
        };
        for number in ["0", "7", "18446744073709551615", "18446744073709551616", "-1", "-0", "0.5", "1e3"] {
            let mut reader = serde_json::Deserializer::from_str(number);
            let without = AnyValue(deepest).deserialize(&mut reader).unwrap();
            assert_eq!(as_map(&[(NUMBER_AS_TEXT, number)]).unwrap(), without, "{number}");
        }
        assert_eq!(as_map(&[(NUMBER_AS_TEXT, "1e400")]).unwrap(), Value::Number(None));
        // An object is not a number, and this one is too deep.
        assert!(as_map(&[("a", "1")]).is_err());
        assert_eq!(fault.get(), JsonFault::TooDeep);
        assert!(as_map(&[(NUMBER_AS_TEXT, "1"), ("a", "1")]).is_err());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in [
            "",
            "[]",
            "null",
            "\"x\"",
            "1",
            "true",
            "{}x",
            "{} {}",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
            "{\"a\":NaN}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(check(json), Err(JsonFault::Syntax), "{json}");
        }
        assert_eq!(check(b"{\"a\":\"\xff\"}"), Err(JsonFault::Syntax));
    }
}
