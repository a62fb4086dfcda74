//! Where groups are in the claims, and in what form.

use serde::Deserialize;

use super::SignInError;
use crate::{
    identity::{AccessTokenClaims, ClaimError, ClaimValue, Claims, TEXT_OR_TEXTS, TextList},
    settings::{Problem, ProblemKind},
};

/// A claim with groups or roles: its name or path, and its form.
///
/// ```
/// use tower_alb_auth::sign_in::{EmailLocalPart, GroupClaim, GroupFormat, GroupOwnership};
///
/// let cognito = GroupClaim::named("custom:groups").in_format(GroupFormat::Brackets);
/// let keycloak = GroupClaim::at_path(["realm_access", "roles"]);
/// let policy = GroupOwnership::of(EmailLocalPart::in_domains(["example.com"]))
///     .claim(cognito)
///     .claim(keycloak)
///     .map("admins", "group:default/admins");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupClaim {
    path: Vec<String>,
    format: GroupFormat,
    of: ClaimsOf,
}

/// The claims that a [`GroupClaim`] is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClaimsOf {
    /// The claims about the user, which the load balancer signs.
    #[default]
    User,
    /// Those of the access token: [`AccessTokenClaims`](crate::AccessTokenClaims). The entry needs
    /// [`AccessTokens`](crate::config::AccessTokens).
    AccessToken,
}

impl ClaimsOf {
    /// The names in settings.
    pub(crate) const ALL: [(&'static str, Self); 2] = [("user", Self::User), ("access_token", Self::AccessToken)];
}

/// The form of a claim with groups. A list of texts is read as such in every form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupFormat {
    /// A list of texts, or one text, which is one group.
    #[default]
    Texts,
    /// A list in one text, `[viewers, admins]`: Amazon Cognito with a SAML provider. A text without
    /// brackets is one group. A comma separates, so names of groups cannot contain it.
    Brackets,
    /// A list of texts as JSON in one text, `["viewers","admins"]`.
    Json,
    /// One text with commas between the groups.
    Commas,
    /// One text with blanks between the groups.
    Blanks,
    /// The names of an object's members: `{"viewer": {..}, "admin": {..}}`.
    Keys,
}

impl GroupFormat {
    /// The formats and their names in settings.
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("texts", Self::Texts),
        ("brackets", Self::Brackets),
        ("json", Self::Json),
        ("commas", Self::Commas),
        ("blanks", Self::Blanks),
        ("keys", Self::Keys),
    ];
}

/// What was read of a claim that is present.
pub(super) struct Groups {
    pub(super) texts: Vec<String>,
    /// The number of elements that are not texts.
    pub(super) others: usize,
    /// What the claim is, for messages. Never its content.
    pub(super) shape: String,
    /// Whether the claim looks like a list that is read as one group, cannot be read, or has no group
    /// without being an empty list.
    pub(super) unread: bool,
}

impl GroupClaim {
    /// The claim of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { path: vec![name.into()], format: GroupFormat::default(), of: ClaimsOf::User }
    }

    /// A value inside of a claim: `["realm_access", "roles"]`.
    pub fn at_path(path: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { path: path.into_iter().map(Into::into).collect(), format: GroupFormat::default(), of: ClaimsOf::User }
    }

    /// The form of the claim; [`GroupFormat::Texts`] unless set.
    #[must_use]
    pub fn in_format(mut self, format: GroupFormat) -> Self {
        self.format = format;
        self
    }

    /// The claim is one of the access token, in place of those about the user: `cognito:groups` of
    /// Amazon Cognito, roles of Okta.
    #[must_use]
    pub fn of_access_token(self) -> Self {
        self.of(ClaimsOf::AccessToken)
    }

    /// The claims that it is one of.
    #[must_use]
    pub fn of(mut self, of: ClaimsOf) -> Self {
        self.of = of;
        self
    }

    pub(super) fn is_of_access_token(&self) -> bool {
        self.of == ClaimsOf::AccessToken
    }

    /// The claims that it is one of. `None` if there is no access token.
    pub(super) fn source<'c>(&self, claims: &'c Claims) -> Option<&'c Claims> {
        match self.of {
            ClaimsOf::User => Some(claims),
            ClaimsOf::AccessToken => claims.access_token().map(AccessTokenClaims::claims),
        }
    }

    /// The name of the claim, without the path in it.
    pub(super) fn name(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// The whole path, for messages.
    pub(super) fn path(&self) -> String {
        self.path.join(".")
    }

    /// For the check of a configuration.
    pub(super) fn check(&self) -> Option<Problem> {
        let is_empty = self.path.is_empty() || self.path.iter().any(String::is_empty);
        let text = "a claim with groups has no name, or its path has an empty part";
        is_empty.then(|| Problem::new(ProblemKind::InvalidValue, text))
    }

    /// The groups in the claim. `None` if it is missing.
    pub(super) fn read(&self, claims: &Claims) -> Result<Option<Groups>, SignInError> {
        if self.source(claims).is_none() {
            // The configuration does not build without a rule, so another one made these claims.
            return Err(SignInError::refused(format!(
                "groups are read from the claim {} of the access token, which is not verified",
                self.path()
            )));
        }
        let Some(value) = self.find(claims)? else { return Ok(None) };
        let invalid = |expected, advice: &str| {
            let error = ClaimError::new(self.path(), value.kind(), expected);
            SignInError::refused(format!("{error}{advice}")).caused_by(error)
        };
        if self.format == GroupFormat::Keys {
            if let Some(keys) = value.keys() {
                let shape = format!("an object with {} members", keys.len());
                let unread = keys.is_empty();
                return Ok(Some(Groups { texts: keys, others: 0, shape, unread }));
            }
            let list = value.texts().filter(|_| value.kind() == "a list");
            return list
                .map(|list| Some(Groups::of_list(list)))
                .ok_or_else(|| invalid("an object or a list of texts", ""));
        }
        if let Some(text) = value.text() {
            return Ok(Some(self.of_text(&text)));
        }
        let list = value.texts().map(|list| Some(Groups::of_list(list)));
        list.ok_or_else(|| match value.kind() {
            "an object" => invalid(
                TEXT_OR_TEXTS,
                "; name the value inside of it by GroupClaim::at_path(..) (a path in settings), or read the names of its \
                 members by GroupFormat::Keys (format: keys)",
            ),
            _ => invalid(TEXT_OR_TEXTS, ""),
        })
    }

    /// If the name has dots and is missing: whether it is the path to a value inside of a claim.
    pub(super) fn is_path_to_a_value(&self, claims: &Claims) -> bool {
        let [name] = &self.path[..] else { return false };
        let path = Self::at_path(name.split('.')).of(self.of);
        path.path.len() > 1 && path.find(claims).is_ok_and(|value| value.is_some())
    }

    fn find<'c>(&self, claims: &'c Claims) -> Result<Option<ClaimValue<'c>>, ClaimError> {
        let Some(claims) = self.source(claims) else { return Ok(None) };
        let mut names = self.path.iter();
        let Some(mut value) = names.next().and_then(|name| claims.value(name)) else { return Ok(None) };
        for (depth, name) in names.enumerate() {
            let found = value.kind();
            let parent = || self.path.get(..=depth).unwrap_or_default().join(".");
            let member = value.member(name).map_err(|_| ClaimError::new(parent(), found, "an object"))?;
            let Some(member) = member else { return Ok(None) };
            value = member;
        }
        Ok(Some(value))
    }

    fn of_text(&self, text: &str) -> Groups {
        let parts = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let in_brackets = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let one = || Some(text.to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
        let (texts, others, unread) = match self.format {
            GroupFormat::Brackets => (in_brackets.map_or_else(one, parts), 0, false),
            GroupFormat::Commas => (parts(text), 0, in_brackets.is_some()),
            GroupFormat::Blanks => {
                (text.split_whitespace().map(str::to_owned).collect(), 0, in_brackets.is_some() || text.contains(','))
            }
            GroupFormat::Json => match TextList::of_json(text) {
                Some(list) => (list.texts, list.others, false),
                None => (Vec::new(), 0, true),
            },
            GroupFormat::Texts | GroupFormat::Keys => {
                (one(), 0, in_brackets.is_some() || text.contains(',') || text.contains(char::is_whitespace))
            }
        };
        let shape = match text {
            "" => "an empty text",
            _ if in_brackets.is_some() => "a text in brackets",
            _ if self.format == GroupFormat::Json => "a text that is not a list in JSON",
            _ if text.contains(',') => "a text with commas",
            _ if text.contains(char::is_whitespace) => "a text with blanks",
            _ => "a text",
        };
        let is_list = matches!(self.format, GroupFormat::Brackets | GroupFormat::Json);
        let is_empty_list = is_list && in_brackets.is_some_and(|inside| inside.trim().is_empty());
        let unread = unread || (texts.is_empty() && !is_empty_list);
        Groups { texts, others, shape: shape.to_owned(), unread }
    }
}

impl Groups {
    fn of_list(TextList { texts, others }: TextList) -> Self {
        let shape = match (texts.len(), others) {
            (0, 0) => "an empty list".to_owned(),
            (count, 0) => format!("a list of {count} texts"),
            (count, others) => format!("a list of {count} texts and {others} other elements"),
        };
        let unread = texts.is_empty() && others > 0;
        Self { texts, others, shape, unread }
    }
}

impl From<&str> for GroupClaim {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl From<String> for GroupClaim {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}

impl From<&String> for GroupClaim {
    fn from(name: &String) -> Self {
        Self::named(name)
    }
}
