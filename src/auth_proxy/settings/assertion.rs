//! The settings of assertions.

#[cfg(feature = "postgres")]
use std::fs;
use std::{path::PathBuf, time::Duration};

use http::HeaderName;
#[cfg(feature = "postgres")]
use zeroize::Zeroizing;

use super::{
    claim_uses::ClaimUses,
    values::{is_reserved, number},
};
#[cfg(feature = "postgres")]
use crate::{ConfigError, backstage::store::postgres::Postgres};
use crate::{
    auth_proxy::template::Template,
    config::{Problem, ProblemKind},
    internal::{HttpUrl, KeyAt, Section, quoted},
};

const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-jwt-assertion");
/// As long as a load balancer's token lives.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(120);
/// The claims that the proxy sets itself.
const OWN_CLAIMS: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];

/// The keys that mean nothing without `assertion_issuer`.
pub(super) const KEYS: [&str; 9] = [
    "assertion_audience",
    "assertion_header",
    "assertion_claims",
    "assertion_lifetime_seconds",
    "assertion_keys",
    "assertion_database",
    "assertion_database_password_file",
    "assertion_database_schema",
    "assertion_listen",
];
/// Not one that Backstage uses: its back ends trust the keys of their own tables.
const DEFAULT_SCHEMA: &str = "alb_auth_proxy";
const SCHEMAS_OF_OTHERS: [&str; 3] = ["public", "auth", "information_schema"];

pub(in crate::auth_proxy) struct AssertionSettings {
    pub(in crate::auth_proxy) issuer: String,
    pub(in crate::auth_proxy) audience: String,
    pub(in crate::auth_proxy) header: HeaderName,
    pub(in crate::auth_proxy) claims: Vec<(String, Template)>,
    pub(in crate::auth_proxy) lifetime: Duration,
    /// A folder with key files. `None`: generated keys.
    pub(in crate::auth_proxy) keys: Option<PathBuf>,
    /// Where replicas share the public halves of generated keys.
    pub(in crate::auth_proxy) database: Option<AssertionDatabase>,
}

#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "there is no store"))]
pub(in crate::auth_proxy) struct AssertionDatabase {
    /// May contain a password.
    url: String,
    password_file: Option<PathBuf>,
    schema: String,
}

/// `None` without `assertion_issuer`, or if it is wrong.
pub(super) fn read(
    top: &Section<'_>,
    uses: &ClaimUses,
    headers: &[(HeaderName, Template)],
) -> Option<AssertionSettings> {
    let issuer = issuer(top);
    let audience = top.text("assertion_audience");
    let header = header(top, headers);
    let claims = claims(top, uses);
    let lifetime = number(top, "assertion_lifetime_seconds", 10..=3_600).map_or(DEFAULT_LIFETIME, Duration::from_secs);
    let keys = top.text("assertion_keys").map(PathBuf::from);
    let database = database(top);
    if keys.is_some() && database.is_some() {
        let both = ["assertion_keys", "assertion_database"].map(|key| top.at(key));
        let problem = Problem::clause(ProblemKind::Conflict, both, "are both set");
        top.problems.add(problem.with_fix("keys are shared by files or by a database: leave one out"));
    }
    let issuer = issuer?;
    let missing = |key: &str, fix: &str| {
        top.problems.add(Problem::of(ProblemKind::Missing, KeyAt::path(key), "is not set").with_fix(fix));
    };
    if audience.is_none() {
        missing(
            "assertion_audience",
            "name the service that reads the assertion, such as grafana: it compares aud with it",
        );
    }
    if top.find("assertion_listen").is_none() && keys.is_none() {
        missing(
            "assertion_listen",
            "name the address where the service fetches the keys, such as 127.0.0.1:8081; or set assertion_keys",
        );
    }
    if uses.must_name_issuer() && !claims.iter().any(|(name, _)| name == "sub") {
        let fix = format!(
            "{} may give two users one sub: set it to '{{entity}}' or '{{iss}}#{{sub}}'{}",
            uses.names(),
            uses.or_waive()
        );
        missing("assertion_claims.sub", &fix);
    }
    let claims = with_defaults(claims);
    claims.iter().for_each(|(_, template)| uses.read(template));
    Some(AssertionSettings { issuer, audience: audience?, header, claims, lifetime, keys, database })
}

/// The address is in no message.
fn database(top: &Section<'_>) -> Option<AssertionDatabase> {
    let schema = top.text("assertion_database_schema").unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
    let password_file = top.text("assertion_database_password_file").map(PathBuf::from);
    let Some(url) = top.text("assertion_database") else {
        for key in ["assertion_database_schema", "assertion_database_password_file"] {
            if top.find(key).is_some() {
                let problem = Problem::of(ProblemKind::Missing, top.at(key), "is set, and assertion_database is not");
                top.problems.add(problem.with_fix("name the database, or leave it out"));
            }
        }
        return None;
    };
    if SCHEMAS_OF_OTHERS.contains(&schema.as_str()) || schema.starts_with("pg_") {
        let what = format!("is {}, which may have tables of Backstage or of PostgreSQL", quoted(&schema));
        let problem = Problem::of(ProblemKind::Insecure, top.at("assertion_database_schema"), what);
        top.problems.add(problem.with_fix("name a schema of this issuer alone; it is created if it is missing"));
    }
    if cfg!(not(feature = "postgres")) {
        let problem = Problem::of(
            ProblemKind::Missing,
            top.at("assertion_database"),
            "needs PostgreSQL, which this program is built without",
        );
        top.problems.add(problem.with_fix("build it with --features proxy,postgres, or use assertion_keys"));
    }
    let database = AssertionDatabase { url, password_file, schema };
    #[cfg(feature = "postgres")]
    if let Err(error) = database.postgres() {
        let what = error.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let clause = format!("cannot be used: {what}");
        top.problems.add(Problem::of(ProblemKind::InvalidValue, top.at("assertion_database"), clause));
    }
    Some(database)
}

#[cfg(feature = "postgres")]
impl AssertionDatabase {
    /// The stores on it. Opens no connection.
    ///
    /// # Errors
    /// The address, the file with the password or the schema cannot be used.
    pub(in crate::auth_proxy) fn postgres(&self) -> Result<Postgres, ConfigError> {
        let mut postgres = Postgres::from_url(&self.url)?.schema(&self.schema).create_own_tables();
        if let Some(file) = &self.password_file {
            let read = fs::read_to_string(file).map_err(|error| {
                let shown = file.display();
                let text = format!("assertion_database_password_file {shown} cannot be read: {error}");
                ConfigError::new([Problem::sentence(ProblemKind::Unreadable, text).caused_by(error)])
            })?;
            postgres = postgres.password(Zeroizing::new(read).trim_end_matches(['\r', '\n']));
        }
        postgres.build()
    }
}

fn issuer(top: &Section<'_>) -> Option<String> {
    let text = top.text("assertion_issuer")?;
    let parsed = HttpUrl::parse(&text);
    let problem = |kind, what: String, fix: &str| {
        top.problems.add(Problem::of(kind, top.at("assertion_issuer"), what).with_fix(fix));
        None
    };
    let form = "write it as https://auth.example.com or http://127.0.0.1:8081, without a query";
    match parsed.ok().filter(|url| !url.has_query()) {
        // There may be a password before an at-sign.
        None if text.contains('@') => problem(
            ProblemKind::InvalidValue,
            "is a text with an at-sign, which is not the URL of an issuer".to_owned(),
            form,
        ),
        None => {
            problem(ProblemKind::InvalidValue, format!("is {}, which is not the URL of an issuer", quoted(&text)), form)
        }
        Some(url) if !url.is_protected() => problem(
            ProblemKind::Insecure,
            format!(
                "{} is plain http to another machine: an attacker on the network path can replace the keys that verify \
                 assertions",
                quoted(&text)
            ),
            "use https, or the loopback address for a service beside the proxy",
        ),
        Some(_) => Some(text.trim_end_matches('/').to_owned()),
    }
}

fn header(top: &Section<'_>, headers: &[(HeaderName, Template)]) -> HeaderName {
    let Some(text) = top.text("assertion_header") else { return DEFAULT_HEADER };
    let problem =
        |what: &str| top.problems.add(Problem::of(ProblemKind::InvalidValue, top.at("assertion_header"), what));
    match text.parse::<HeaderName>().ok().filter(|name| !is_reserved(name.as_str())) {
        None => problem("is not the name of a header that may carry a user"),
        Some(name) if headers.iter().any(|(held, _)| *held == name) => problem("is set by headers or profile too"),
        Some(name) => return name,
    }
    DEFAULT_HEADER
}

fn claims(top: &Section<'_>, uses: &ClaimUses) -> Vec<(String, Template)> {
    let mut claims = Vec::new();
    let Some(section) = top.section("assertion_claims") else { return claims };
    for (name, _) in section.members() {
        let Some(text) = section.text(name) else { continue };
        let problem = |what: String| top.problems.add(Problem::of(ProblemKind::InvalidValue, section.at(name), what));
        if OWN_CLAIMS.contains(&name.as_str()) {
            problem("is a claim that the proxy sets itself".to_owned());
            continue;
        }
        match Template::parse(&text) {
            Ok(template) => {
                uses.template(top, section.at(name), "is a claim of the assertion that", &template);
                claims.push((name.clone(), template));
            }
            Err(why) => problem(why),
        }
    }
    claims
}

/// The operator's claims, and `sub` in any case. Without any: `email` too.
fn with_defaults(mut claims: Vec<(String, Template)>) -> Vec<(String, Template)> {
    let defaults: &[(&str, &str)] =
        if claims.is_empty() { &[("sub", "{sub}"), ("email", "{email?}")] } else { &[("sub", "{sub}")] };
    for (name, text) in defaults {
        if !claims.iter().any(|(held, _)| held == name)
            && let Ok(template) = Template::parse(text)
        {
            claims.push(((*name).to_owned(), template));
        }
    }
    claims
}
