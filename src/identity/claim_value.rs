//! One value among the claims, of any type.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A value in a payload that was checked to be strict JSON.
#[derive(Clone, Copy)]
pub(crate) struct ClaimValue<'c>(&'c RawValue);

/// The texts of a value that is a text or a list.
pub(crate) struct TextList {
    pub(crate) texts: Vec<String>,
    /// The number of elements that are not texts.
    pub(crate) others: usize,
}

impl<'c> ClaimValue<'c> {
    pub(super) fn new(value: &'c RawValue) -> Self {
        Self(value)
    }

    /// The type of the value, for messages: `a text`, `null`, ... Never the value itself.
    pub(crate) fn kind(self) -> &'static str {
        // Only numbers have no unique first character.
        match self.0.get().bytes().next() {
            Some(b'"') => "a text",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            Some(_) => "a number",
            None => "unreadable",
        }
    }

    /// The value, if it is a text.
    pub(crate) fn text(self) -> Option<Cow<'c, str>> {
        serde_json::from_str::<Text<'c>>(self.0.get()).ok().map(|text| text.0)
    }

    /// The elements of a list.
    pub(crate) fn elements(self) -> Option<Vec<ClaimValue<'c>>> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.0.get()).ok()?;
        Some(elements.into_iter().map(ClaimValue).collect())
    }

    /// A text as a list of one, or the texts of a list. `None` for values of other types.
    pub(crate) fn texts(self) -> Option<TextList> {
        if let Some(text) = self.text() {
            return Some(TextList { texts: vec![text.into_owned()], others: 0 });
        }
        TextList::of_json(self.0.get())
    }

    /// The names of the members of an object.
    pub(crate) fn keys(self) -> Option<Vec<String>> {
        let members: BTreeMap<String, IgnoredAny> = serde_json::from_str(self.0.get()).ok()?;
        (self.kind() == "an object").then(|| members.into_keys().collect())
    }

    /// The member of this name.
    ///
    /// # Errors
    /// The value is not an object.
    pub(crate) fn member(self, name: &str) -> Result<Option<ClaimValue<'c>>, NotAnObject> {
        if self.kind() != "an object" {
            return Err(NotAnObject);
        }
        Ok(find_member::<&RawValue>(self.0.get(), name).ok().flatten().map(ClaimValue))
    }
}

/// A member was looked for in a value that is not an object.
pub(crate) struct NotAnObject;

impl TextList {
    /// The texts of a JSON list.
    pub(crate) fn of_json(json: &str) -> Option<Self> {
        let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        let texts: Vec<String> =
            elements.iter().filter_map(|element| serde_json::from_str(element.get()).ok()).collect();
        Some(Self { others: elements.len().saturating_sub(texts.len()), texts })
    }
}

/// A text, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'c>(#[serde(borrow)] Cow<'c, str>);

/// One member of a JSON object that is known to be valid.
pub(super) fn find_member<'c, T: Deserialize<'c>>(object: &'c str, name: &str) -> Result<Option<T>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(object);
    reader.deserialize_map(OneMember { name, value: PhantomData })
}

/// Reads one member of an object that is known to be valid.
struct OneMember<'n, T> {
    name: &'n str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneMember<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if found.is_none() && key == self.name {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
