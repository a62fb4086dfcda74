//! The users file.
//!
//! ```yaml
//! ready_users: false        # removes the built-in users; default true
//! users:
//!   - id: amy
//!     note: sends roles     # for the login page; optional
//!     claims:
//!       sub: "10769150350006150715113082367"
//!       email: amy@example.com
//!       roles: [auditor]
//! ```

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::DemoUser;
use crate::{emulator::suggestion::not_one_of, internal::quoted};

/// Maximum size of the file, in bytes. A user takes about 500.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// The content of a users file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UsersFile {
    pub(super) ready_users: bool,
    pub(super) users: Vec<DemoUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default = "yes")]
    ready_users: bool,
    users: Vec<Spanned<UserForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserForm {
    id: String,
    note: Option<String>,
    claims: ClaimsForm,
}

/// The claims in the order of the file.
struct ClaimsForm(Vec<(String, Value)>);

fn yes() -> bool {
    true
}

impl UsersFile {
    /// # Errors
    /// The message includes the line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("it is larger than {MAX_BYTES} bytes"));
        }
        let form: FileForm = serde_saphyr::from_str(text).map_err(|error| yaml_problem(&error))?;
        let mut ids = HashSet::new();
        let mut users = Vec::new();
        for entry in form.users {
            let (line, UserForm { id, note, claims }) = (entry.defined.line(), entry.value);
            let user = DemoUser::new(id);
            let user = note.into_iter().fold(user, DemoUser::note);
            let user = claims.0.into_iter().fold(user, |user, (name, value)| user.claim(&name, value));
            user.check().map_err(|problem| format!("line {line}: {problem}"))?;
            if !ids.insert(user.id().to_owned()) {
                return Err(format!("line {line}: the id {} is used twice", quoted(user.id())));
            }
            users.push(user);
        }
        if users.is_empty() && !form.ready_users {
            return Err("it removes the built-in users and defines none, so no user could sign in".to_owned());
        }
        Ok(Self { ready_users: form.ready_users, users })
    }
}

fn yaml_problem(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField { field, expected, location } => {
            format!("line {}: the key {}", location.line(), not_one_of(field, expected))
        }
        other => other.to_string(),
    }
}

impl<'de> Deserialize<'de> for ClaimsForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = ClaimsForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims, each a name and a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClaimsForm, A::Error> {
                let mut members: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.iter().any(|(held, _)| *held == name) {
                        return Err(A::Error::custom(format_args!("duplicate claim {}", quoted(&name))));
                    }
                    members.push((name, value));
                }
                Ok(ClaimsForm(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMY: &str = "users:\n  - id: amy\n    claims:\n      sub: \"1\"\n      roles: [auditor]\n      age: 7\n";

    #[test]
    fn claims_keep_their_order_and_their_types() {
        let file = UsersFile::parse(AMY).unwrap();
        let amy = DemoUser::new("amy").claim("sub", "1").claim("roles", ["auditor"]).claim("age", 7);
        assert_eq!(file, UsersFile { ready_users: true, users: vec![amy] });
    }

    #[test]
    fn a_wrong_file_says_where_and_what() {
        for (case, text, says) in [
            ("unknown member", AMY.replace("claims", "claim"), vec!["line 3", "Did you mean claims?"]),
            ("unknown member above", format!("{AMY}usres: []\n"), vec!["line 7", "Did you mean users?"]),
            ("number as subject", AMY.replace("\"1\"", "1"), vec!["line 2", "put it in quotes"]),
            ("no subject", AMY.replace("sub:", "sbu:"), vec!["line 2", "no claim sub"]),
            ("empty subject", AMY.replace("\"1\"", "\"\""), vec!["line 2", "1 to 255 characters"]),
            ("blank in the id", AMY.replace("amy", "a my"), vec!["line 2", "without spaces"]),
            ("claim twice", AMY.replace("age", "roles"), vec!["line 6", "roles"]),
            ("user twice", format!("{AMY}{}", AMY.replace("users:\n", "")), vec!["line 7", "twice"]),
            ("no users", "ready_users: false\nusers: []\n".to_owned(), vec!["no user could sign in"]),
            ("no list", "users: 7\n".to_owned(), vec!["line 1"]),
            ("nothing", String::new(), vec!["line 1"]),
            ("no YAML", "users: [".to_owned(), vec!["line 1"]),
            ("huge", "#".repeat(MAX_BYTES + 1), vec!["larger than"]),
        ] {
            let message = UsersFile::parse(&text).unwrap_err();
            assert!(says.iter().all(|part| message.contains(part)), "{case}: {message}");
            assert_eq!(message.lines().count(), 1, "{case}: {message}");
        }
    }
}
