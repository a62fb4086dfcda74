//! Header values made from claims: `{email}`, `{name?|percent}`, `team-{custom:team}`.
//!
//! | in the template | value |
//! |---|---|
//! | `{sub}`, `{custom:team}`, ... | the claim of that name: a text, or a list of texts with commas between them |
//! | `{email}` | the address of the user: the claim that the sign-in policy reads it from, which is `email` by default |
//! | `{entity}`, `{entity.name}` | the user's entity ref by the sign-in policy, and the name in it |
//! | `{ownership}` | the entity refs that the user has ownership of, with commas between them |
//! | `{iss}` | the issuer, which is one of those that are trusted |
//! | `{claim:entity}` | the claim of that name, where the name has a meaning of its own |
//! | `{name?}` | the header is left out if the claim is missing; otherwise the request is refused |
//! | `{name\|percent}` | percent-encoded, for values with other characters than ASCII |
//!
//! A value that does not fit into a header is refused and never changed: not ASCII, a control
//! character, a space at an edge, empty, an element of a list with a comma, more than 4 KiB. An
//! `{email}` that the sign-in policy does not accept is refused too; if the policy reads no email, then one with
//! `email_verified: false`, and one without `email_verified` at an issuer where anyone can have an account.

use http::HeaderValue;
use serde_json::Value;

use crate::{
    AuthError, AuthErrorKind, BackstageIdentity, Claims,
    internal::{UserAddress, check_email_verified, encoded, quoted},
};

/// Maximum length of a value. Servers accept lines of 8 KiB.
const MAX_VALUE: usize = 4 * 1024;

/// The claim `email`, and the name of the user's address.
const EMAIL: &str = "email";

/// The user of a request.
#[derive(Clone, Copy)]
pub(super) struct User<'r> {
    pub(super) claims: &'r Claims,
    /// `None`: the sign-in policy gives claims alone.
    pub(super) identity: Option<&'r BackstageIdentity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { of: Source, may_be_missing: bool, percent: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Claim(String),
    /// The address of the user.
    Email,
    Entity,
    EntityName,
    Ownership,
}

impl Template {
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) = after.split_once('}').ok_or("has a { without a }")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::parse(inside)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let mut texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Value { .. } => None,
        });
        if texts.any(|text| text.contains('}') || !is_fit(text)) {
            return Err("has a } without a {, or a character that is not printable ASCII".to_owned());
        }
        if !parts.iter().any(|part| matches!(part, Part::Value { .. })) {
            return Err("names no claim, so all users would have the same value; write it as {email}".to_owned());
        }
        Ok(Self(parts))
    }

    /// Whether users of two issuers cannot have the same value, if no issuer has a number sign: the parts name the issuer or
    /// what the sign-in policy of the issuer names, or the value begins with the issuer and a number sign.
    pub(super) fn names_issuer(&self) -> bool {
        let begins_with_issuer = match self.0.as_slice() {
            [Part::Value { of, .. }, Part::Text(text), ..] => of.is_issuer() && text.starts_with('#'),
            _ => false,
        };
        let names_it = |of: &Source| of.is_issuer() || matches!(of, Source::Entity | Source::Ownership);
        begins_with_issuer || self.sources().all(names_it)
    }

    /// Whether the email of the user is in it.
    pub(super) fn reads_email(&self) -> bool {
        self.sources().any(|of| of.name() == EMAIL)
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { of, .. } => Some(of),
        })
    }

    /// The value for this user; `None` if a part may be missing and is.
    ///
    /// # Errors
    /// For the operator: which claim is missing or does not fit. Never its value.
    pub(super) fn render(&self, header: &str, user: User<'_>) -> Result<Option<HeaderValue>, AuthError> {
        let refused = |why: String| {
            AuthError::with_detail(AuthErrorKind::SignInRefused, format!("the header {header} cannot be set: {why}"))
        };
        let mut value = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => value.push_str(text),
                Part::Value { of, may_be_missing, percent } => match of.of_user(user, *percent).map_err(refused)? {
                    Some(text) => value.push_str(&text),
                    None if *may_be_missing => return Ok(None),
                    None => {
                        let name = of.name();
                        return Err(refused(format!(
                            "{name} is missing; write it as {{{name}?}} to leave the header out for such users"
                        )));
                    }
                },
            }
        }
        let edges = value.starts_with(' ') || value.ends_with(' ');
        if value.is_empty() || edges || value.len() > MAX_VALUE {
            return Err(refused(format!(
                "the value is empty, longer than {MAX_VALUE} bytes, or has a space at an edge"
            )));
        }
        HeaderValue::from_str(&value).map(Some).map_err(|_| refused("the value does not fit".to_owned()))
    }
}

/// The claim of an assertion.
impl Template {
    /// The value for this user, as JSON; `None` if a part may be missing and is. A claim that is a list stays a
    /// list where the template is this claim alone. Other characters than ASCII stay as they are.
    ///
    /// # Errors
    /// For the operator: which claim is missing or does not fit. Never its value.
    pub(super) fn claim(&self, name: &str, user: User<'_>) -> Result<Option<Value>, AuthError> {
        let refused = |why: String| {
            let detail = format!("the claim {name} of the assertion cannot be set: {why}");
            AuthError::with_detail(AuthErrorKind::SignInRefused, detail)
        };
        let mut value = String::new();
        for part in &self.0 {
            let Part::Value { of, may_be_missing, percent } = part else {
                if let Part::Text(text) = part {
                    value.push_str(text);
                }
                continue;
            };
            let (texts, is_list) = of.texts(user, *percent).map_err(refused)?;
            if texts.iter().any(|text| text.is_empty() || text.chars().any(char::is_control)) {
                return Err(refused(format!("{} is empty or has a control character", of.name())));
            }
            match texts.as_slice() {
                [] if *may_be_missing => return Ok(None),
                [] => {
                    let source = of.name();
                    return Err(refused(format!(
                        "{source} is missing; write it as {{{source}?}} to leave the claim out for such users"
                    )));
                }
                texts if is_list && self.0.len() == 1 => return Ok(Some(texts.into())),
                texts if is_list && texts.iter().any(|text| text.contains(',')) => {
                    return Err(refused(format!("{} is a list, and an element has a comma", of.name())));
                }
                texts => value.push_str(&texts.join(",")),
            }
        }
        Ok(Some(value.into()))
    }
}

impl Part {
    fn parse(inside: &str) -> Result<Self, String> {
        let (name, percent) = match inside.split_once('|') {
            None => (inside, false),
            Some((name, "percent")) => (name, true),
            Some((_, other)) => return Err(format!("has the form {}: the only one is percent", quoted(other))),
        };
        let (name, may_be_missing) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.is_empty() || name.contains('{') || name.trim() != name {
            return Err(format!("has {} where a claim is expected: write it as {{email}}", quoted(name)));
        }
        let of = match name {
            EMAIL => Source::Email,
            "entity" => Source::Entity,
            "entity.name" => Source::EntityName,
            "ownership" => Source::Ownership,
            _ => Source::Claim(name.strip_prefix("claim:").unwrap_or(name).to_owned()),
        };
        Ok(Self::Value { of, may_be_missing, percent })
    }
}

impl Source {
    fn is_issuer(&self) -> bool {
        matches!(self, Self::Claim(name) if name == "iss")
    }

    fn name(&self) -> &str {
        match self {
            Self::Claim(name) => name,
            Self::Email => EMAIL,
            Self::Entity => "entity",
            Self::EntityName => "entity.name",
            Self::Ownership => "ownership",
        }
    }

    /// `None` if it is missing, or an empty list.
    fn of_user(&self, user: User<'_>, percent: bool) -> Result<Option<String>, String> {
        let (texts, is_list) = self.texts(user, percent)?;
        let name = self.name();
        for value in &texts {
            if value.is_empty() || !is_fit(value) {
                return Err(format!(
                    "{name} is empty or has a character that is not printable ASCII; {{{name}|percent}} encodes it"
                ));
            }
            // A service would read one element as two.
            if is_list && value.contains(',') {
                return Err(format!("{name} is a list, and an element has a comma; {{{name}|percent}} encodes it"));
            }
        }
        Ok((!texts.is_empty()).then(|| texts.join(",")))
    }

    /// The values, and whether they are a list. None if the claim is missing, or an empty list.
    fn texts(&self, user: User<'_>, percent: bool) -> Result<(Vec<String>, bool), String> {
        let (texts, is_list) = match (self, user.identity) {
            (Self::Claim(name), _) => of_claim(user.claims, name)?,
            (Self::Email, _) => match user.claims.address() {
                None => of_claim(user.claims, EMAIL)?,
                Some(UserAddress::Known(address)) => (Some(vec![address.to_string()]), false),
                Some(UserAddress::Missing) => (None, false),
                Some(UserAddress::Unusable(why)) => return Err(why.to_string()),
            },
            (Self::Entity, user) => (user.map(|user| vec![user.user_entity_ref().to_string()]), false),
            (Self::EntityName, user) => (user.map(|user| vec![user.user_entity_ref().name().to_owned()]), false),
            (Self::Ownership, user) => {
                (user.map(|user| user.ownership_entity_refs().iter().map(ToString::to_string).collect()), true)
            }
        };
        let encode = |text: String| if percent { encoded(&text).to_string() } else { text };
        Ok((texts.unwrap_or_default().into_iter().map(encode).collect(), is_list))
    }
}

/// The texts of a claim, and whether it is a list.
fn of_claim(claims: &Claims, name: &str) -> Result<(Option<Vec<String>>, bool), String> {
    if name == EMAIL {
        check_email_verified(claims)?;
    }
    match claims.text(name) {
        Ok(text) => Ok((text.map(|text| vec![text]), false)),
        Err(_) => claims.texts(name).map(|texts| (texts, true)).map_err(|error| error.to_string()),
    }
}

/// Whether every server reads the text as it is.
fn is_fit(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test_util::User as Provided;

    fn parsed(text: &str) -> Template {
        Template::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn jane(teams: Value) -> BackstageIdentity {
        let builder = BackstageIdentity::builder("user:default/jane").owning("group:default/platform");
        builder.claims(Provided::jane().claim("teams", teams)).build().expect("sound refs")
    }

    #[test]
    fn what_names_no_claim_is_refused() {
        for text in
            ["{}", "{?}", "{ sub}", "{sub }", "{a{b}", "{sub|base64}", "{sub", "sub}{sub}", "a\u{e4}{sub}", "sub", ""]
        {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        for text in ["{sub}", "{sub?}", "{sub|percent}", "{sub?|percent}", "a-{sub}-b", "{claim:entity}"] {
            parsed(text);
        }
    }

    #[test]
    fn the_ownership_of_a_user_is_a_list_of_entity_refs() {
        let jane = jane(json!([]));
        let user = User { claims: jane.claims(), identity: Some(&jane) };
        let header = parsed("{ownership}").render("x-groups", user).expect("a value").expect("a value");
        assert_eq!(header, "user:default/jane,group:default/platform");
        let claim = parsed("{ownership}").claim("groups", user).expect("a value");
        assert_eq!(claim, Some(json!(["user:default/jane", "group:default/platform"])));
        let alone = User { identity: None, ..user };
        for (source, named) in
            [("{ownership}", "ownership"), ("{entity}", "entity"), ("{entity.name}", "entity.name"), ("{none}", "none")]
        {
            let expected = format!("{named} is missing; write it as {{{named}?}}");
            for refused in
                [parsed(source).render("x-user", alone).map(drop), parsed(source).claim("user", alone).map(drop)]
            {
                let message = refused.expect_err(source).operator_message();
                assert!(message.contains(&expected), "{source}: {message}");
            }
        }
    }

    /// A reader of the text would take one element for two.
    #[test]
    fn s_106_an_element_with_a_comma_is_refused_where_a_list_becomes_a_text() {
        let template = parsed("teams: {teams}");
        let (plain, comma) = (jane(json!(["a", "b"])), jane(json!(["a,b"])));
        let user = |identity: &'static BackstageIdentity| User { claims: identity.claims(), identity: Some(identity) };
        let (plain, comma) = (user(Box::leak(Box::new(plain))), user(Box::leak(Box::new(comma))));
        assert_eq!(template.claim("teams", plain).expect("a value"), Some(json!("teams: a,b")));
        assert_eq!(template.render("x-teams", plain).expect("a value").expect("a value"), "teams: a,b");
        for refused in [template.claim("teams", comma).map(drop), template.render("x-teams", comma).map(drop)] {
            assert!(refused.expect_err("a comma").operator_message().contains("an element has a comma"));
        }
        assert_eq!(parsed("{teams}").claim("teams", comma).expect("a list"), Some(json!(["a,b"])));
    }
}
