//! JSON objects, read strictly: no repeated members, bounded depth and width, nothing after the end.
//!
//! The reading is serde_json's. What it would let pass, or leave to the caller, is checked on the way: it keeps the last of
//! repeated members, and what is skipped it neither checks for depth nor for repetition.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

/// How far JSON may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLimits {
    /// The outermost object is 1.
    pub(super) depth: usize,
    pub(super) members: usize,
    pub(super) elements: usize,
}

/// What is wrong with a text. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonFault {
    /// Not JSON, not an object, or followed by something.
    Syntax,
    /// A member stands twice.
    Duplicate,
    TooDeep,
    TooWide,
    /// This member must be a whole number of seconds.
    NotSeconds(&'static str),
}

/// Takes the members of an object as they come.
pub(super) trait Members<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error>;
}

/// A value, as far as anybody here needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'de> {
    Text(Cow<'de, str>),
    Bool(bool),
    /// A number, an array, an object or null.
    Other,
}

/// The value of the member at hand. Reading it is how to get on to the next.
pub(super) struct Unread<'m, 'c, A> {
    members: &'m mut A,
    context: Context<'c>,
}

/// Reads `json`, which must be one object, and hands its members to `members`.
pub(super) fn read_object<'de, M: Members<'de>>(
    json: &'de [u8],
    limits: JsonLimits,
    members: &mut M,
) -> Result<(), JsonFault> {
    let fault = Cell::new(JsonFault::Syntax);
    let context = Context { limits, fault: &fault, depth: 1 };
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = reader.deserialize_map(Object { members, context });
    read.and_then(|()| reader.end()).map_err(|_| fault.get())
}

impl<'de, A: MapAccess<'de>> Unread<'_, '_, A> {
    /// Whatever it is, checked to the bottom.
    pub(super) fn value(self) -> Result<Value<'de>, A::Error> {
        self.members.next_value_seed(AnyValue(self.context))
    }

    /// Seconds since 1970 as a whole number, up to the year 9999. Anything else refuses the whole text.
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
    /// What to say if reading ends in an error.
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

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = SmallVec::<[Cow<'de, str>; 16]>::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if seen.contains(&name) {
                return self.context.fail(JsonFault::Duplicate);
            }
            if seen.len() >= self.context.limits.members {
                return self.context.fail(JsonFault::TooWide);
            }
            self.members.member(&name, Unread { members: &mut map, context: self.context })?;
            seen.push(name);
        }
        Ok(())
    }
}

/// The name of a member, borrowed where it has no escapes.
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
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other)
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
        Ok(Value::Other)
    }

    // With serde_json's feature arbitrary_precision, which another crate may have turned on, numbers come here too.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let context = self.0.deeper()?;
        Object { members: &mut Skip, context }.visit_map(map)?;
        Ok(Value::Other)
    }
}

/// Checks members and keeps none.
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
        read_object(json.as_ref(), LIMITS, &mut Skip)
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
