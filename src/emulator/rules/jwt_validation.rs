//! The action `jwt-validation` of a rule.

use std::fmt;

use serde_json::Value;

use super::reader::{Reader, name_of};
use crate::{
    config::ProblemKind,
    emulator::{config::problem_of_address, suggestion::not_one_of},
};

/// Maximum number of additional claims, and of values of one of them.
const MAX_CLAIMS: usize = 10;
const MAX_VALUES: usize = 10;
/// Claims that every token is checked for.
const OWN_CLAIMS: [&str; 4] = ["exp", "iss", "nbf", "iat"];
const FORMATS: [&str; 3] = ["single-string", "string-array", "space-separated-values"];

/// What a bearer token must be.
pub(in crate::emulator) struct JwtValidation {
    /// Where the token comes from. `None`: from the demo provider.
    pub(in crate::emulator) issuer: Option<TokenIssuer>,
    pub(in crate::emulator) claims: Vec<RequiredClaim>,
}

/// The issuer of bearer tokens.
pub(in crate::emulator) struct TokenIssuer {
    pub(in crate::emulator) issuer: String,
    pub(in crate::emulator) jwks: String,
}

/// A claim that has to have these values.
pub(in crate::emulator) struct RequiredClaim {
    pub(in crate::emulator) name: String,
    format: Format,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    SingleString,
    StringArray,
    SpaceSeparatedValues,
}

impl JwtValidation {
    /// The settings of an action. With the demo provider, its issuer and keys are in place of those of the
    /// rule, which may be unknown before a deployment.
    pub(super) fn read(config: &Value, at: &str, is_demo: bool, reader: &mut Reader) -> Option<Self> {
        let before = reader.problems.len();
        let config = reader.object(config, at, &["Issuer", "JwksEndpoint", "AdditionalClaims"])?;
        for key in ["Issuer", "JwksEndpoint"] {
            if config.get(key).and_then(name_of).is_none_or(|text| text.is_empty()) {
                reader.refuse(ProblemKind::Missing, format!("{at}: it has no {key}"));
            }
        }
        let issuer = if is_demo {
            None
        } else {
            let text = |key, reader: &mut Reader| reader.member(config, key, at).unwrap_or_default();
            let (issuer, jwks) = (text("Issuer", reader), text("JwksEndpoint", reader));
            if let Some(problem) = problem_of_address("JwksEndpoint", &jwks).filter(|_| reader.problems.len() == before)
            {
                reader.refuse(ProblemKind::Insecure, format!("{at}: {problem}"));
            }
            Some(TokenIssuer { issuer, jwks })
        };
        let list = reader.list(config.get("AdditionalClaims"), &format!("{at}, AdditionalClaims"));
        if list.len() > MAX_CLAIMS {
            reader.invalid(at, &format!("it has more than {MAX_CLAIMS} AdditionalClaims"));
        }
        let claims = list.iter().filter_map(|claim| RequiredClaim::read(claim, at, reader)).collect();
        (reader.problems.len() == before).then_some(Self { issuer, claims })
    }
}

impl RequiredClaim {
    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let members = reader.object(value, &format!("{at}, a claim"), &["Name", "Format", "Values"])?;
        let name = reader.member(members, "Name", at).unwrap_or_default();
        let at = format!("{at}, claim {}", name.escape_default());
        if name.is_empty() || OWN_CLAIMS.contains(&name.as_str()) {
            reader.invalid(
                &at,
                "its Name must be that of a claim other than exp, iss, nbf and iat, which are always checked",
            );
        }
        let format = match reader.member(members, "Format", &at).unwrap_or_default().as_str() {
            "single-string" => Format::SingleString,
            "string-array" => Format::StringArray,
            "space-separated-values" => Format::SpaceSeparatedValues,
            other => {
                reader.invalid(&at, &format!("its Format {}", not_one_of(other, &FORMATS)));
                return None;
            }
        };
        let before = reader.problems.len();
        let values = reader.texts(members.get("Values"), &at);
        let most = if format == Format::SingleString { 1 } else { MAX_VALUES };
        let is_known = reader.problems.len() == before;
        if is_known && (values.is_empty() || values.len() > most || values.iter().any(String::is_empty)) {
            reader.invalid(&at, &format!("its Values must be 1 to {most} texts that are not empty"));
        }
        if format == Format::SpaceSeparatedValues && values.iter().any(|value| value.contains(' ')) {
            reader.invalid(&at, "its Values contain a space, which separates them");
        }
        Some(Self { name, format, values })
    }

    /// Whether the claim has this format and all of the values. AWS does not document whether one of several
    /// values is enough.
    pub(in crate::emulator) fn fits(&self, claim: Option<&Value>) -> bool {
        let has_all = |found: &[&str]| self.values.iter().all(|value| found.contains(&value.as_str()));
        match (self.format, claim) {
            (Format::SingleString, Some(Value::String(text))) => has_all(&[text]),
            (Format::SpaceSeparatedValues, Some(Value::String(text))) => has_all(&text.split(' ').collect::<Vec<_>>()),
            (Format::StringArray, Some(Value::Array(items))) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.is_some_and(|texts| has_all(&texts))
            }
            _ => false,
        }
    }
}

impl fmt::Display for JwtValidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuer = self.issuer.as_ref().map_or("the demo provider", |issuer| issuer.issuer.as_str());
        write!(f, "bearer token of {}", issuer.escape_default())?;
        for (index, claim) in self.claims.iter().enumerate() {
            let joint = if index == 0 { " with" } else { "," };
            write!(f, "{joint} {} {}", claim.name.escape_default(), claim.values.join(" and ").escape_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_has_its_format_and_all_values() {
        let claim = |format, values: &[&str]| RequiredClaim {
            name: "c".to_owned(),
            format,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let (single, array, spaces) = (Format::SingleString, Format::StringArray, Format::SpaceSeparatedValues);
        for (format, values, found, fits) in [
            (single, &["a"][..], json!("a"), true),
            (single, &["a"], json!("A"), false),
            (single, &["a"], json!("a "), false),
            (single, &["a"], json!("a b"), false),
            (single, &["a"], json!(["a"]), false),
            (single, &["1"], json!(1), false),
            (array, &["a", "b"], json!(["b", "c", "a"]), true),
            (array, &["a", "b"], json!(["a"]), false),
            (array, &["a"], json!("a"), false),
            (array, &["a"], json!(["a", 1]), false),
            (array, &["a"], json!([]), false),
            (spaces, &["a", "b"], json!("c b a"), true),
            (spaces, &["a", "b"], json!("ab"), false),
            (spaces, &["a"], json!(["a"]), false),
            (spaces, &["a"], json!(null), false),
        ] {
            assert_eq!(claim(format, values).fits(Some(&found)), fits, "{format:?} {values:?} {found}");
            assert!(!claim(format, values).fits(None));
        }
    }
}
