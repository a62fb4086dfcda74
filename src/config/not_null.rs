//! Keys of settings that may be left out, and may not be without a value. In JSON and YAML such a key is null, which serde reads as
//! left out: then more users would be admitted, or a user would be another one.

use serde::{Deserialize, Deserializer, de::Error};

/// Declares the reader of each of these keys, for `deserialize_with`.
macro_rules! not_null {
    ($($key:ident),*) => { $(
        pub(super) fn $key<'de, T: Deserialize<'de>, D: Deserializer<'de>>(reader: D) -> Result<Option<T>, D::Error> {
            read(reader, stringify!($key))
        }
    )* };
}

not_null!(deny_list_file, access_token, sign_in, email_claim, namespace);

fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(reader: D, key: &str) -> Result<Option<T>, D::Error> {
    let value: Option<T> = Option::deserialize(reader)?;
    value.map(Some).ok_or_else(|| D::Error::custom(format_args!("{key} has no value: give it one, or leave it out")))
}
