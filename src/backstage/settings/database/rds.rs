//! `connection.type: rds`: Amazon RDS and Aurora with tokens of IAM in place of a password.
//!
//! | key | meaning |
//! |---|---|
//! | `type: rds` | each connection authenticates with a new token |
//! | `region` | the region of the database; `AWS_REGION` or `AWS_DEFAULT_REGION` if absent |
//! | `host`, `port`, `user` | required, because the token is valid for these three only |
//! | `dangerouslyAllowRdsWithoutVerifiedTls` | accepts a connection on which others could read the token |

use super::tls::DatabaseTls;
use crate::{
    backstage::settings::reader::{Reader, Warning},
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section, quoted},
};

/// Its keys beside those of any connection.
pub(super) const KEYS: [&str; 3] = [TYPE, "region", WAIVER];
const TYPE: &str = "type";
/// Of the SDKs of AWS.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const WAIVER: &str = "dangerouslyAllowRdsWithoutVerifiedTls";

/// How to authenticate to Amazon RDS or Aurora with IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RdsSettings {
    /// The region of the database. `None`: that of the environment.
    pub region: Option<String>,
    /// Whether a token may be sent without verified TLS.
    pub allow_without_verified_tls: bool,
}

/// The keys of one connection; what it leaves out, another one sets.
#[derive(Default)]
pub(super) struct RdsKeys {
    /// The type and where it is written.
    kind: Option<(String, KeyAt)>,
    region: Option<String>,
    allow_without_verified_tls: Option<bool>,
}

impl RdsKeys {
    pub(super) fn read(reader: &Reader<'_>, object: &Section<'_>) -> Self {
        let kind = reader.text(object, TYPE).map(|kind| (kind, object.at(TYPE)));
        let waived = object.find(WAIVER).map(|_| reader.flag_or(object, WAIVER, false));
        Self { kind, region: reader.text(object, "region"), allow_without_verified_tls: waived }
    }

    /// The problem of a type that is not supported.
    pub(super) fn unsupported(&self) -> Option<Problem> {
        let (kind, at) = self.kind.as_ref().filter(|(kind, _)| !matches!(kind.as_str(), "default" | "rds"))?;
        let found = quoted(kind);
        let predicate =
            format!("is {found}, whose passwords come from a cloud's identity service that is not supported");
        let problem = Problem::of(ProblemKind::NotServed, at.clone(), predicate).with_found(found);
        let fix = "set type: default with user and password in backend.database.plugin.auth.connection";
        Some(problem.with_expected("default, rds").with_fix(fix))
    }

    /// These, overridden by the others.
    pub(super) fn with(self, over: Self) -> Self {
        Self {
            kind: over.kind.or(self.kind),
            region: over.region.or(self.region),
            allow_without_verified_tls: over.allow_without_verified_tls.or(self.allow_without_verified_tls),
        }
    }
}

/// What the token depends on, of a merged connection.
pub(super) struct Target<'a> {
    pub(super) has_host: bool,
    pub(super) has_port: bool,
    pub(super) has_password: bool,
    pub(super) tls: &'a DatabaseTls,
}

/// The settings of a merged connection, if its type is `rds`. Reports all that is missing for it.
pub(super) fn settings(reader: &Reader<'_>, keys: &RdsKeys, target: &Target<'_>, place: &KeyAt) -> Option<RdsSettings> {
    keys.kind.as_ref().filter(|(kind, _)| kind == "rds")?;
    let required = [("host", target.has_host), ("port", target.has_port)];
    for (key, _) in required.iter().filter(|(_, is_set)| !is_set) {
        let problem = Problem::of(ProblemKind::Missing, place.clone(), format!("has type: rds and no {key}"));
        reader.problem(
            problem.with_expected(*key).with_fix("set the endpoint of the database: its tokens name host and port"),
        );
    }
    if keys.region.is_none() && REGION_VARIABLES.iter().all(|name| reader.variable(name).is_none()) {
        let text = format!("has type: rds and no region, so the service starts only if {} is set", REGION_VARIABLES[0]);
        reader.warn(Warning::of(place.clone(), text));
    }
    if target.has_password {
        reader.warn(Warning::of(place.clone(), "has type: rds, so its password is ignored: tokens of IAM are used"));
    }
    let allow_without_verified_tls = keys.allow_without_verified_tls.unwrap_or(false);
    if !target.tls.is_verified() && !allow_without_verified_tls {
        let predicate =
            "has type: rds and no TLS with a verified certificate, so an attacker on the network could use its tokens";
        reader.problem(Problem::of(ProblemKind::Insecure, place.clone(), predicate).with_fix(format!(
            "set ssl: {{ ca: {{ $file: <path of the RDS certificate bundle of AWS> }} }}, or accept this with {WAIVER}: true"
        )));
    }
    Some(RdsSettings { region: keys.region.clone(), allow_without_verified_tls })
}
