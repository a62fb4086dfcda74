//! Users of the demo provider.

use std::fmt;

use serde_json::Value;

/// Maximum length of a subject (OpenID Connect Core 1.0 section 2).
const MAX_SUBJECT: usize = 255;

/// A user of the demo provider: an id to select the user by, and the claims.
///
/// ```
/// use tower_alb_auth::emulator::provider::DemoUser;
///
/// let auditor = DemoUser::new("amy")
///     .note("sends roles")
///     .claim("sub", "10769150350006150715113082367")
///     .claim("name", "Amy Auditor")
///     .claim("email", "amy@example.com")
///     .claim("roles", ["auditor"]);
/// assert_eq!(auditor.id(), "amy");
/// ```
#[derive(Clone, PartialEq)]
pub struct DemoUser {
    id: String,
    note: Option<String>,
    claims: Vec<(String, Value)>,
    with_id_token_claims: bool,
}

impl DemoUser {
    /// A user with this id, which is not a claim: it selects the user on the command line and in
    /// `login_hint`. A user needs at least the claim `sub`.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), note: None, claims: Vec::new(), with_id_token_claims: false }
    }

    /// A note for the login page that says what is special about the user.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
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

    /// Sends `iss`, `aud`, `exp` and `iat` of the ID token in the userinfo response too, as Dex does.
    #[must_use]
    pub fn with_id_token_claims(mut self) -> Self {
        self.with_id_token_claims = true;
        self
    }

    pub(super) fn sends_id_token_claims(&self) -> bool {
        self.with_id_token_claims
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The claims, in the order of the userinfo response.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.claims.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims().find(|(name, _)| *name == claim)?.1.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.text("email")
    }

    pub(super) fn note_text(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The name to show on a page.
    pub(super) fn display_name(&self) -> &str {
        self.text("name").or_else(|| self.email()).unwrap_or(&self.id)
    }

    /// Whether a `login_hint` refers to the user: by id, by email address, or by user name.
    pub(super) fn is_meant_by(&self, hint: &str) -> bool {
        let named = ["email", "preferred_username", "username"].iter().filter_map(|claim| self.text(claim));
        self.id == hint || named.into_iter().any(|name| name.eq_ignore_ascii_case(hint))
    }

    /// Returns the first problem of the user.
    pub(super) fn check(&self) -> Result<(), String> {
        let id = crate::internal::quoted(&self.id);
        if self.id.is_empty() || self.id.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("the user {id} needs an id without spaces, such as jane"));
        }
        match self.claims().find(|(name, _)| *name == "sub").map(|(_, value)| value) {
            Some(Value::String(subject)) if !subject.is_empty() && subject.len() <= MAX_SUBJECT => Ok(()),
            Some(Value::String(_)) => {
                Err(format!("the claim sub of the user {id} must have 1 to {MAX_SUBJECT} characters"))
            }
            Some(_) => Err(format!("the claim sub of the user {id} must be a string: put it in quotes")),
            None => Err(format!("the user {id} has no claim sub, which every user needs")),
        }
    }
}

impl fmt::Debug for DemoUser {
    /// The id, without the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoUser").field("id", &self.id).finish_non_exhaustive()
    }
}
