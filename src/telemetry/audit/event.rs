//! Audit events: what they are, their fields, and their JSON in the shape of OCSF.

use std::{
    hash::Hash,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

use super::items::Items;
use crate::identity::{Claims, EntityRef};

/// The version of OCSF that the file follows.
const OCSF_VERSION: &str = "1.2.0";
/// The version of this crate's own fields. A field that is added does not change it.
pub(super) const AUDIT_VERSION: u32 = 1;
/// OCSF's number for OpenID.
const OPENID: u32 = 4;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "backstage"), expect(dead_code, reason = "sessions and tokens are of the auth backend"))]
pub(crate) enum What {
    SessionIssued,
    SessionRefused,
    SignedIn,
    Refused,
    SignedOut,
    TokenIssued,
    KeyPublished,
    KeyRetired,
    DenyListChanged,
    Reloaded,
    ReloadFailed,
}

/// A class of OCSF's category Identity & Access Management.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Authentication,
    EntityManagement,
}

impl Class {
    fn uid(self) -> u32 {
        match self {
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
        }
    }
}

/// A row of the table of events in docs/OPERATING.md.
pub(super) struct Row {
    pub(super) name: &'static str,
    class: Class,
    activity_id: u32,
    activity: &'static str,
    succeeded: bool,
    /// The type of the managed entity.
    entity: &'static str,
    /// Maximum number in 10 s, of each kind of refusal and of each provider. One user has fewer: `limit.rs`.
    pub(super) max: u32,
    message: &'static str,
}

const fn logon(name: &'static str, succeeded: bool, max: u32, message: &'static str) -> Row {
    Row { name, class: Class::Authentication, activity_id: 1, activity: "Logon", succeeded, entity: "", max, message }
}

const fn management(
    name: &'static str,
    activity: (u32, &'static str),
    entity: &'static str,
    message: &'static str,
) -> Row {
    let (activity_id, activity) = activity;
    Row { name, class: Class::EntityManagement, activity_id, activity, succeeded: true, entity, max: 100, message }
}

impl What {
    pub(super) fn row(self) -> Row {
        match self {
            Self::SessionIssued => logon("session_issued", true, 1_000, "a session was issued"),
            Self::SessionRefused => logon("session_refused", false, 10, "a session was refused"),
            Self::SignedIn => logon("signed_in", true, 1_000, "a user was seen for the first time in an hour"),
            Self::Refused => logon("refused", false, 10, "a request was refused"),
            Self::SignedOut => {
                Row { activity_id: 2, activity: "Logoff", ..logon("signed_out", true, 1_000, "a user signed out") }
            }
            Self::TokenIssued => Row {
                activity_id: 99,
                activity: "Token Issue",
                ..logon("token_issued", true, 1_000, "a token was issued")
            },
            Self::KeyPublished => {
                management("key_published", (1, "Create"), "Signing Key", "a signing key was published")
            }
            Self::KeyRetired => management("key_retired", (4, "Delete"), "Signing Key", "a key no longer signs"),
            Self::DenyListChanged => {
                management("deny_list_changed", (3, "Update"), "Deny List", "a deny list was changed")
            }
            Self::ReloadFailed => Row {
                succeeded: false,
                ..management(
                    "reload_failed",
                    (3, "Update"),
                    "Configuration",
                    "a change cannot be used; what was in force stays",
                )
            },
            Self::Reloaded => management("reloaded", (3, "Update"), "Configuration", "the configuration was replaced"),
        }
    }
}

/// The user of an event.
#[derive(Debug, Default)]
pub(crate) struct AuditUser {
    /// The entity ref.
    pub(super) name: Option<String>,
    /// Subject and issuer, for a user without an entity ref.
    pub(super) uid: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) email: Option<String>,
    pub(super) full_name: Option<String>,
}

/// What a user is known by: the entity ref, and the claims of the token.
#[cfg(feature = "backstage")]
pub(crate) type NamedBy<'u> = (Option<&'u EntityRef>, Option<&'u Claims>);

/// The subject of a success.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'u> {
    /// A user, by the entity ref or the claims of the token. Without both, a client that is not authenticated.
    User(Option<&'u EntityRef>, Option<&'u Claims>),
    /// A machine, by its client id at the issuer.
    #[cfg(feature = "https")]
    Client(&'u str, &'u str),
    /// A program that acts for itself.
    #[cfg(feature = "backstage")]
    Service(&'static str),
}

impl Subject<'_> {
    /// What two events of the same subject have in common.
    pub(super) fn id(&self) -> impl Hash {
        match self {
            Self::User(Some(name), _) => (Some(name.as_str()), None),
            Self::User(None, claims) => (None, claims.map(|claims| (claims.issuer(), claims.subject()))),
            #[cfg(feature = "https")]
            Self::Client(client, issuer) => (None, Some((*issuer, *client))),
            #[cfg(feature = "backstage")]
            Self::Service(name) => (Some(*name), None),
        }
    }
}

/// The fields that depend on what happened. What is not set is left out.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) provider: Option<&'static str>,
    pub(crate) user: Option<AuditUser>,
    /// The status of the response.
    pub(crate) status: Option<u16>,
    /// Whether the operator can act on a refusal.
    pub(crate) operator_can_act: bool,
    pub(crate) kid: Option<String>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) trace_id: Option<String>,
    /// The name of what was changed.
    pub(crate) entity: Option<String>,
    pub(crate) added: Items,
    pub(crate) removed: Items,
}

/// One event, as it is written.
pub(super) struct Event {
    pub(super) what: What,
    pub(super) kind: Option<&'static str>,
    pub(super) details: Details,
    pub(super) left_out: u64,
    time: u64,
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Event {
    pub(super) fn new(what: What, kind: Option<&'static str>, left_out: u64, details: Details) -> Self {
        Self { what, kind, details, left_out, time: millis(SystemTime::now()) }
    }

    /// Informational; low for a client's fault, medium if the operator can act.
    fn severity_id(&self) -> u32 {
        match (self.what.row().succeeded, self.details.operator_can_act) {
            (true, _) => 1,
            (false, false) => 2,
            (false, true) => 3,
        }
    }

    fn status_id(&self) -> u32 {
        if self.what.row().succeeded { 1 } else { 2 }
    }

    fn expires_at(&self) -> Option<u64> {
        self.details.expires_at.map(|time| millis(time).checked_div(1_000).unwrap_or_default())
    }

    /// Logs it, with flat fields.
    pub(super) fn log(&self, service: &str) {
        let (row, details) = (self.what.row(), &self.details);
        let user = details.user.as_ref();
        let list = |items: &Items| items.texts().map(|texts| texts.join("; "));
        tracing::info!(
            target: "tower_alb_auth::audit",
            event = row.name,
            audit_version = AUDIT_VERSION,
            service,
            provider = details.provider,
            user = user.and_then(|user| user.name.as_deref()),
            subject = user.and_then(|user| user.uid.as_deref()),
            issuer = user.and_then(|user| user.domain.as_deref()),
            email = user.and_then(|user| user.email.as_deref()),
            full_name = user.and_then(|user| user.full_name.as_deref()),
            kind = self.kind,
            status = details.status,
            kid = details.kid.as_deref(),
            expires_at = self.expires_at(),
            entity = details.entity.as_deref(),
            added = list(&details.added),
            removed = list(&details.removed),
            left_out = self.left_out,
            trace_id = details.trace_id.as_deref(),
            class_uid = row.class.uid(),
            activity_id = row.activity_id,
            severity_id = self.severity_id(),
            status_id = self.status_id(),
            time = self.time,
            "{}",
            row.message
        );
    }

    /// The event as an object of OCSF. `lost` events could not be written before.
    pub(super) fn ocsf(&self, service: &str, lost: u64) -> Value {
        let (row, details) = (self.what.row(), &self.details);
        let uid = row.class.uid();
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                event.insert(name.to_owned(), value);
            }
        };
        set("metadata", self.metadata());
        set("time", self.time.into());
        set("category_uid", 3.into());
        set("class_uid", uid.into());
        set("activity_id", row.activity_id.into());
        set("activity_name", row.activity.into());
        set("type_uid", uid.saturating_mul(100).saturating_add(row.activity_id).into());
        set("severity_id", self.severity_id().into());
        set("status_id", self.status_id().into());
        set("status_code", details.status.map(|status| status.to_string()).into());
        set("status_detail", self.kind.into());
        set("message", row.message.into());
        match row.class {
            Class::Authentication => {
                set("user", user(details.user.as_ref()));
                set("service", json!({ "name": service }));
                set("auth_protocol_id", (details.provider == Some("awsalb")).then_some(OPENID).into());
            }
            Class::EntityManagement => {
                set("actor", json!({ "app_name": service }));
                set(
                    "entity",
                    present([
                        ("type", row.entity.into()),
                        ("name", json!(details.entity)),
                        ("uid", json!(details.kid)),
                    ]),
                );
            }
        }
        set("unmapped", self.unmapped(lost));
        Value::Object(event)
    }

    fn metadata(&self) -> Value {
        let product = json!({
            "name": env!("CARGO_PKG_NAME"),
            "vendor_name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
        });
        present([
            ("version", OCSF_VERSION.into()),
            ("product", product),
            ("correlation_uid", json!(self.details.trace_id)),
        ])
    }

    /// What OCSF has no attribute for.
    fn unmapped(&self, lost: u64) -> Value {
        let details = &self.details;
        present([
            ("audit_version", AUDIT_VERSION.into()),
            ("event", self.what.row().name.into()),
            ("provider", json!(details.provider)),
            ("kid", json!(details.kid)),
            ("expires_at", json!(self.expires_at())),
            ("added", json!(details.added.texts())),
            ("removed", json!(details.removed.texts())),
            ("left_out", self.left_out.into()),
            ("lost", if lost == 0 { Value::Null } else { lost.into() }),
        ])
    }
}

/// OCSF requires a user, with a name or an id. An entity ref has a colon, so it is never this name.
fn user(user: Option<&AuditUser>) -> Value {
    let Some(user) = user else { return json!({ "type_id": 0, "name": "unknown" }) };
    present([
        ("type_id", 1.into()),
        ("name", json!(user.name)),
        ("uid", json!(user.uid)),
        ("domain", json!(user.domain)),
        ("email_addr", json!(user.email)),
        ("full_name", json!(user.full_name)),
    ])
}

/// An object of the members that have a value.
fn present<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
