//! Users, as identity providers describe them.

use serde_json::Value;

/// The claims of a user, in the form of a provider's userinfo response.
///
/// ```
/// use tower_alb_auth::test_util::User;
///
/// let auditor = User::google("amy").claim("roles", ["auditor"]).without("picture");
/// # let _ = auditor;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    claims: Vec<(String, Value)>,
}

impl User {
    /// Jane Doe at Entra ID: `jane.doe@example.com`.
    pub fn jane() -> Self {
        Self::entra("jane.doe")
    }

    /// As Entra ID sends it: a pairwise subject, names, email; no `email_verified`, no groups.
    pub fn entra(local_part: &str) -> Self {
        let (given_name, family_name) = names(local_part);
        Self::empty()
            .claim("sub", format!("AAAAAAAAAAAAAAAAAAAAAI{local_part}"))
            .claim("name", format!("{given_name} {family_name}"))
            .claim("family_name", family_name)
            .claim("given_name", given_name)
            .claim("picture", "https://graph.microsoft.com/v1.0/me/photo/$value")
            .claim("email", format!("{local_part}@example.com"))
    }

    /// As Cognito sends it: every claim is a string, including `email_verified` and `identities`;
    /// no groups.
    pub fn cognito(local_part: &str) -> Self {
        Self::empty()
            .claim("sub", format!("1b9d6bcd-bbfd-4b2d-9b5d-{:0>12}", local_part.len()))
            .claim("email_verified", "true")
            .claim("email", format!("{local_part}@example.com"))
            .claim("username", local_part)
            .claim(
                "identities",
                format!("[{{\"userId\":\"{local_part}\",\"providerName\":\"Corp\",\"primary\":\"true\"}}]"),
            )
            .claim("custom:team", "platform")
    }

    /// As Okta sends it with only the scope `openid`: just the subject.
    pub fn okta(local_part: &str) -> Self {
        Self::empty().claim("sub", format!("00u{local_part}"))
    }

    /// As Google sends it: a numeric subject, `email_verified` a boolean.
    pub fn google(local_part: &str) -> Self {
        let (given_name, family_name) = names(local_part);
        let number = local_part.bytes().fold(100_000_000_000_000_000_000_u128, |sum, byte| sum + u128::from(byte));
        Self::empty()
            .claim("sub", number.to_string())
            .claim("name", format!("{given_name} {family_name}"))
            .claim("given_name", given_name)
            .claim("family_name", family_name)
            .claim("picture", "https://lh3.googleusercontent.com/a/photo")
            .claim("email", format!("{local_part}@example.com"))
            .claim("email_verified", true)
    }

    /// No claims.
    pub fn empty() -> Self {
        Self { claims: Vec::new() }
    }

    /// Sets a claim, and replaces an existing one with the same name.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        match self.claims.iter_mut().find(|(held, _)| held == name) {
            Some((_, held)) => *held = value,
            None => self.claims.push((name.to_owned(), value)),
        }
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.retain(|(held, _)| held != name);
        self
    }

    pub(super) fn claims(&self) -> &[(String, Value)] {
        &self.claims
    }

    pub(super) fn subject(&self) -> Option<&str> {
        self.claims.iter().find(|(name, _)| name == "sub").and_then(|(_, value)| value.as_str())
    }
}

fn names(local_part: &str) -> (String, String) {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    match local_part.split_once('.') {
        Some((given_name, family_name)) => (capital(given_name), capital(family_name)),
        None => (capital(local_part), "Doe".to_owned()),
    }
}
