//! What a listener, its load balancer and its target groups are set to beside rules and actions.
//!
//! | property | what happens |
//! |---|---|
//! | it changes who gets in or what reaches the target, and it is not emulated | refused by name |
//! | it changes the connection or the response only | listed as not emulated |
//! | it has the value that AWS has by default, or says nothing about requests | nothing |
//! | the emulator does not know it | refused by name |

use serde_json::Value;

use super::reader::{Reader, name_of};
use crate::{emulator::suggestion::not_one_of, internal::quoted};

/// What the emulator takes over from the properties of a listener and its load balancer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    /// Whether headers with other characters than letters, digits and hyphens in their names are
    /// removed.
    pub(super) drops_invalid_headers: bool,
}

/// Properties of a listener that are emulated, or that say nothing about requests.
const OF_RULES: [&str; 6] = ["DefaultActions", "ListenerArn", "LoadBalancerArn", "Port", "Protocol", "Tags"];
/// Properties of its TLS, which is the emulator's own.
const OF_TLS: [&str; 3] = ["AlpnPolicy", "Certificates", "SslPolicy"];

/// What an attribute that is not emulated changes.
enum Effect {
    /// Requests as the target gets them: refused, unless it has the default value.
    Target {
        default: &'static str,
        what: &'static str,
    },
    /// The response or the connection: listed.
    Response,
    /// Nothing of a request.
    Nothing,
    Emulated,
    Unknown,
}

/// Checks the properties of the listener that is emulated.
pub(super) fn check_listener(body: &Value, place: &str, reader: &mut Reader, notes: &mut Vec<String>) {
    let known: Vec<&str> =
        OF_RULES.into_iter().chain(OF_TLS).chain(["MutualAuthentication", "ListenerAttributes"]).collect();
    let Some(members) = reader.object(body, place, &known) else { return };
    let is_set = |key: &str| {
        members.get(key).is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
    };
    let mut listed: Vec<String> = OF_TLS.into_iter().filter(|key| is_set(key)).map(str::to_owned).collect();
    if let Some(value) = members.get("MutualAuthentication").filter(|value| !value.is_null()) {
        check_mutual_authentication(value, place, reader);
    }
    let at = format!("{place}, ListenerAttributes");
    attributes(members.get("ListenerAttributes"), &at, of_listener, reader, &mut listed);
    note(&listed, place, notes);
}

/// Checks the properties of the load balancer that this listener belongs to.
pub(super) fn check_load_balancer(
    body: &Value,
    place: &str,
    reader: &mut Reader,
    notes: &mut Vec<String>,
) -> Properties {
    let kind = body.get("Type").and_then(name_of);
    if let Some(kind) = kind.filter(|kind| kind != "application") {
        reader.not_emulated(place, &format!("a load balancer of the Type {}; it must be application", quoted(&kind)));
    }
    let mut listed = Vec::new();
    let at = format!("{place}, LoadBalancerAttributes");
    let emulated = attributes(body.get("LoadBalancerAttributes"), &at, of_load_balancer, reader, &mut listed);
    note(&listed, place, notes);
    Properties { drops_invalid_headers: emulated.iter().any(|value| value.eq_ignore_ascii_case("true")) }
}

/// What is listed of a target group that a rule forwards to.
pub(super) fn of_target_group(body: &Value, place: &str, notes: &mut Vec<String>) {
    let text = |key: &str| body.get(key).and_then(name_of);
    if text("TargetType").as_deref() == Some("lambda") {
        notes.push(format!("{place}: not emulated: TargetType lambda; its requests are HTTP requests to the target"));
    }
    if text("Protocol").as_deref() == Some("HTTPS") {
        notes.push(format!("{place}: not emulated: Protocol HTTPS; its requests are sent over plain http"));
    }
}

fn note(listed: &[String], place: &str, notes: &mut Vec<String>) {
    if !listed.is_empty() {
        notes.push(format!("{place}: not emulated: {}", listed.join(", ")));
    }
}

fn check_mutual_authentication(value: &Value, place: &str, reader: &mut Reader) {
    const KNOWN: [&str; 5] = [
        "Mode",
        "TrustStoreArn",
        "IgnoreClientCertificateExpiry",
        "TrustStoreAssociationStatus",
        "AdvertiseTrustStoreCaNames",
    ];
    const MODES: [&str; 3] = ["off", "passthrough", "verify"];
    let at = format!("{place}, MutualAuthentication");
    let Some(members) = reader.object(value, &at, &KNOWN) else { return };
    match reader.member(members, "Mode", &at).as_deref() {
        None | Some("off") => {}
        Some("passthrough") => reader.not_emulated(
            &at,
            "Mode passthrough is not emulated: targets get the client's certificate as headers; set it to off in a copy of \
             the file",
        ),
        Some("verify") => reader.not_emulated(
            &at,
            "Mode verify is not emulated: clients without a trusted certificate are rejected, and targets get headers of the \
             certificate; set it to off in a copy of the file",
        ),
        Some(other) => reader.invalid(&at, &format!("Mode {}", not_one_of(other, &MODES))),
    }
}

/// The values of the attributes that are emulated.
fn attributes(
    value: Option<&Value>,
    at: &str,
    effect_of: fn(&str) -> Effect,
    reader: &mut Reader,
    listed: &mut Vec<String>,
) -> Vec<String> {
    let mut emulated = Vec::new();
    for attribute in reader.list(value, at) {
        let Some(members) = reader.object(attribute, at, &["Key", "Value"]) else { continue };
        let Some(key) = reader.member(members, "Key", at) else {
            reader.invalid(at, "an attribute without Key");
            continue;
        };
        match effect_of(&key) {
            Effect::Nothing => {}
            Effect::Response => listed.push(key),
            Effect::Emulated => emulated.extend(reader.member(members, "Value", at)),
            Effect::Target { default, what } => {
                let value = reader.member(members, "Value", &format!("{at}, {key}"));
                if value.is_some_and(|value| !value.eq_ignore_ascii_case(default_of(&key, default).as_str())) {
                    reader.not_emulated(at, &format!("{key} is not emulated: {what}"));
                }
            }
            Effect::Unknown => reader.not_emulated(
                at,
                &format!("the attribute {}; the emulator does not know what it changes", quoted(&key)),
            ),
        }
    }
    emulated
}

/// An attribute that names a header has that header's usual name as its default.
fn default_of(key: &str, default: &str) -> String {
    let header = key.strip_prefix("routing.http.request.").and_then(|rest| rest.strip_suffix(".header_name"));
    header.map_or_else(|| default.to_owned(), |header| header.replace('_', "-"))
}

fn of_listener(key: &str) -> Effect {
    match key {
        _ if key.starts_with("routing.http.request.") => {
            Effect::Target { default: "", what: "it changes the name of a header that reaches the target" }
        }
        _ if key.starts_with("routing.http.response.") => Effect::Response,
        "tcp.idle_timeout.seconds" => Effect::Response,
        _ => Effect::Unknown,
    }
}

fn of_load_balancer(key: &str) -> Effect {
    const NOTHING: [&str; 8] = [
        "access_logs.",
        "connection_logs.",
        "health_check_logs.",
        "deletion_protection.",
        "zonal_shift.",
        "load_balancing.cross_zone.",
        "ipv6.deny_all_igw_traffic",
        // The emulator passes Host on unchanged.
        "routing.http.preserve_host_header.",
    ];
    const RESPONSE: [&str; 5] = [
        "client_keep_alive.seconds",
        "idle_timeout.timeout_seconds",
        "routing.http.desync_mitigation_mode",
        "routing.http2.enabled",
        "waf.fail_open.enabled",
    ];
    match key {
        "routing.http.drop_invalid_header_fields.enabled" => Effect::Emulated,
        "routing.http.xff_header_processing.mode" => {
            Effect::Target { default: "append", what: "the emulator adds the client's address to X-Forwarded-For" }
        }
        "routing.http.xff_client_port.enabled" => {
            Effect::Target { default: "false", what: "the emulator adds no port to X-Forwarded-For" }
        }
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled" => {
            Effect::Target { default: "false", what: "the emulator adds no headers about TLS" }
        }
        _ if RESPONSE.contains(&key) => Effect::Response,
        _ if NOTHING.iter().any(|prefix| key.starts_with(prefix)) => Effect::Nothing,
        _ => Effect::Unknown,
    }
}
