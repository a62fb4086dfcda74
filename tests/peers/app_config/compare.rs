//! Whether two readings are the same.

use serde_json::Value;
use tower_alb_auth::{
    ConfigError,
    config::{Problem, ProblemKind},
};

use super::ours::Ours;

pub enum Outcome {
    Equal,
    BothRefuse,
    /// Refused here alone, for a reason that is known.
    Explained(&'static str),
    Difference(String),
}

impl Outcome {
    pub fn name(&self) -> String {
        match self {
            Self::Equal => "equal".to_owned(),
            Self::BothRefuse => "both refuse".to_owned(),
            Self::Explained(why) => format!("explained: {why}"),
            Self::Difference(_) => "difference".to_owned(),
        }
    }
}

/// Refused here and read by stock Backstage: the kind of the problem, a part of its key, and the reason.
pub const EXPLAINED: &[(ProblemKind, &str, &str)] = &[
    (ProblemKind::Missing, "auth.providers.awsalb", "what stock does not require, such as client ids"),
    (ProblemKind::Missing, "options", "a value with the tag !!null"),
    (ProblemKind::Missing, "<file>", "an include of a key that is missing"),
    (ProblemKind::Missing, "allowedDomains", "a list of domains that lists none"),
    (ProblemKind::Missing, "resolvers", "a policy that signs in no user"),
    (ProblemKind::Missing, "backend.database", "no user, without which the driver cannot connect"),
    (ProblemKind::UnsetVariable, "", "a required value from a variable that is not set"),
    (ProblemKind::UnknownKey, "auth.providers.", "a key of the provider that neither reads"),
    (ProblemKind::UnknownValue, "auth.keyStore.provider", "a key store that is not served"),
    (ProblemKind::UnknownValue, "PGSSLMODE", "a mode that the driver ignores, for a plain connection"),
    (ProblemKind::UnknownValue, "connection", "a mode of encryption that the driver ignores"),
    (ProblemKind::WrongType, "<file>", "an ordered map (!!omap), which is a list"),
    (ProblemKind::WrongType, "ssl", "a text that the driver takes for true"),
    (ProblemKind::WrongType, "requireVerifiedEmail", "null for a requirement"),
    (ProblemKind::WrongType, "auth.providers.awsalb", "a key that stock does not read"),
    (ProblemKind::WrongType, "port", "a port that the driver reads in part"),
    (ProblemKind::WrongType, "connection", "a part of the connection that is no text"),
    (ProblemKind::InvalidValue, "issuer", "an issuer that is no URL"),
    (ProblemKind::InvalidValue, "awsalb.production", "settings under an environment's name, which stock does not read"),
    (ProblemKind::InvalidValue, "signer", "a signer that is no ARN of a load balancer"),
    (ProblemKind::InvalidValue, "baseUrl", "an address that is no URL"),
    (ProblemKind::InvalidValue, "allowedDomains", "a domain that is not valid"),
    (ProblemKind::InvalidValue, "resolvers", "a domain that is not valid"),
    (ProblemKind::InvalidValue, "token", "a token that stock refuses at its first use"),
    (ProblemKind::InvalidValue, "ca", "an authority that is no certificate"),
    (ProblemKind::InvalidValue, "discovery", "an address that is no URL"),
    (ProblemKind::InvalidValue, "connection", "an address of a database that is no URL"),
    (ProblemKind::InvalidValue, "schemaPrefix", "a prefix that stock refuses when it makes the first database"),
    (ProblemKind::InvalidValue, "guest", "a guest who is no user"),
    (ProblemKind::InvalidValue, "clientIds", "an empty client id"),
    (ProblemKind::Conflict, "auth.providers.awsalb", "two settings of this crate that contradict each other"),
    (ProblemKind::Insecure, "", "what lets another person's page or user in"),
    (ProblemKind::NotServed, "", "what Backstage has and this crate does not serve"),
    (ProblemKind::Syntax, "", "YAML or JSON that the reader refuses"),
];

pub fn compare(ours: &Result<Ours, ConfigError>, stock: &Value) -> Outcome {
    let stock_refuses =
        !stock["failed"].is_null() || stock["errors"].as_object().is_some_and(|errors| !errors.is_empty());
    match (ours, stock_refuses) {
        (Err(_), true) => Outcome::BothRefuse,
        (Err(error), false) => explained(error),
        (Ok(_), true) => Outcome::Difference("read here, and refused by stock Backstage".to_owned()),
        (Ok(ours), false) => values(ours, &stock["values"]),
    }
}

/// Every problem has its reason.
fn explained(error: &ConfigError) -> Outcome {
    let reason = |problem: &Problem| {
        let at = problem.key().unwrap_or("<file>");
        let known = EXPLAINED.iter().find(|(kind, part, _)| *kind == problem.kind() && at.contains(part));
        known.map(|(.., why)| *why)
    };
    match error.problems().iter().map(reason).collect::<Option<Vec<_>>>() {
        Some(reasons) if !reasons.is_empty() => Outcome::Explained(reasons[0]),
        _ => Outcome::Difference(format!("refused here alone: {error}")),
    }
}

fn values(ours: &Ours, stock: &Value) -> Outcome {
    let mut wrong = Vec::new();
    let mut same = |name: &str, ours: &Value, stock: &Value| {
        if ours != stock {
            wrong.push(format!("{name}: here {ours}, stock {stock}"));
        }
    };
    let url = |name: &str| Value::from(stock[name].as_str().unwrap_or_default().trim_end_matches('/'));
    let or = |name: &str, default: Value| if stock[name].is_null() { default } else { stock[name].clone() };
    let found = &ours.values;
    same("baseUrl", &found["baseUrl"], &url("baseUrl"));
    same("appUrl", &found["appUrl"], &url("appUrl"));
    for name in ["listen", "lifetime", "token"] {
        same(name, &found[name], &stock[name]);
    }
    // Absent: this crate's own default holds.
    for name in ["exposeAccessToken", "omitOwnership"] {
        same(name, &found[name], &or(name, found[name].clone()));
    }
    same("algorithm", &Value::from("ES256"), &or("algorithm", "ES256".into()));
    let is_pg = stock["database"]["client"] == "pg";
    let stored = if is_pg { "database" } else { "memory" };
    let key_store = match stock["keyStore"].as_str() {
        None | Some("database") => stored,
        Some(other) => other,
    };
    same("keyStore", &found["keyStore"], &key_store.into());
    same("guest", &found["guest"]["outside"], &stock["guest"]["outside"]);
    if let Some(user) = stock["guest"]["user"].as_str() {
        same("guest.user", &found["guest"]["user"], &user.to_lowercase().into());
    }
    let base = url("baseUrl");
    let base = base.as_str().unwrap_or_default();
    for name in ["catalog", "auth"] {
        let at = or(name, format!("{base}/api/{name}").into());
        same(name, &found[name], &at.as_str().unwrap_or_default().trim_end_matches('/').into());
    }
    match is_pg {
        true => same("database", &found["database"], &stock["database"]),
        false => same("database", &found["database"], &Value::Null),
    }
    let mut parts = vec![format!("issuer {}, client", stock["issuer"].as_str().unwrap_or_default())];
    parts.extend(stock["signer"].as_str().map(str::to_owned));
    let clients = stock["clientIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    parts.push(clients.join(" or "));
    let domains = stock["resolvers"].as_array().into_iter().flatten();
    let domains = domains.flat_map(|resolver| resolver["allowedDomains"].as_array().into_iter().flatten());
    parts.extend(domains.filter_map(Value::as_str).map(str::to_lowercase));
    for part in parts.iter().filter(|part| !ours.summary.contains(*part)) {
        wrong.push(format!("{part} is not in {}", ours.summary));
    }
    if ours.printed.contains("canary") {
        wrong.push(format!("a secret is shown: {}", ours.printed));
    }
    if wrong.is_empty() { Outcome::Equal } else { Outcome::Difference(wrong.join("\n")) }
}
