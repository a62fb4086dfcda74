//! The scope of a request.

use serde_json::Value;

use super::DemoUser;

/// Claims that require a scope (OpenID Connect Core 1.0 section 5.4). All other claims are always
/// included.
const CLAIMS_OF_SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// A list of scope values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|held| held == word)
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|word| other.has(word))
    }

    pub(super) fn to_text(&self) -> String {
        self.0.join(" ")
    }

    /// The user's claims that this scope includes.
    pub(super) fn claims_of(&self, user: &DemoUser) -> Vec<(String, Value)> {
        let included = |claim: &str| {
            let wanted = CLAIMS_OF_SCOPES.iter().find(|(_, claims)| claims.contains(&claim));
            wanted.is_none_or(|(scope, _)| self.has(scope))
        };
        user.claims().filter(|(name, _)| included(name)).map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}
