//! Reads the conditions and actions of a rule.

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{
    actions::{End, FixedResponse},
    condition::Condition,
    reader::{Reader, name_of},
    redirect::Redirect,
};
use crate::internal::quoted;

/// Maximum number of characters of the body of a fixed response.
const MAX_BODY: usize = 1024;

type Members = Map<String, Value>;

/// The conditions of a rule.
pub(super) fn conditions(value: Option<&Value>, place: &str, reader: &mut Reader) -> Vec<Condition> {
    let list = reader.list(value, &format!("{place}, Conditions"));
    if list.is_empty() {
        reader.invalid(place, "it has no condition");
    }
    list.iter().filter_map(|condition| condition_of(condition, place, reader)).collect()
}

/// The transforms of a rule, which change what reaches the target. None is emulated.
pub(super) fn transforms(value: Option<&Value>, place: &str, reader: &mut Reader) {
    let list = reader.list(value, &format!("{place}, Transforms"));
    let kinds: Vec<String> = list.iter().filter_map(|transform| transform.get("Type").and_then(name_of)).collect();
    if !list.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|kind| quoted(kind)).collect();
        reader.not_emulated(place, &format!("transforms of requests are not emulated: {}", kinds.join(", ")));
    }
}

fn condition_of(value: &Value, place: &str, reader: &mut Reader) -> Option<Condition> {
    const KNOWN: [&str; 8] = [
        "Field",
        "Values",
        "HostHeaderConfig",
        "PathPatternConfig",
        "HttpHeaderConfig",
        "HttpRequestMethodConfig",
        "QueryStringConfig",
        "SourceIpConfig",
    ];
    let members = reader.object(value, &format!("{place}, a condition"), &KNOWN)?;
    let field = reader.member(members, "Field", place).unwrap_or_default();
    let at = format!("{place}, condition {}", field.escape_default());
    let (config, keys): (_, &[&str]) = match field.as_str() {
        "host-header" => ("HostHeaderConfig", &["Values"]),
        "path-pattern" => ("PathPatternConfig", &["Values"]),
        "http-request-method" => ("HttpRequestMethodConfig", &["Values"]),
        "source-ip" => ("SourceIpConfig", &["Values"]),
        "http-header" => ("HttpHeaderConfig", &["HttpHeaderName", "Values"]),
        "query-string" => ("QueryStringConfig", &["Values"]),
        other => {
            let known =
                ["host-header", "path-pattern", "http-request-method", "http-header", "query-string", "source-ip"];
            let text = crate::emulator::suggestion::not_one_of(other, &known);
            reader.not_emulated(place, &format!("a condition whose Field {text}"));
            return None;
        }
    };
    let config = match members.get(config).filter(|config| !config.is_null()) {
        Some(config) => Some(reader.object(config, &at, keys)?),
        None => None,
    };
    let values = config.and_then(|config| config.get("Values")).filter(|values| !is_empty_list(values));
    let values =
        values.or_else(|| members.get("Values").filter(|_| matches!(field.as_str(), "host-header" | "path-pattern")));
    let before = reader.problems.len();
    let condition = match field.as_str() {
        "query-string" => Condition::query(&pairs(values, &at, reader)),
        "source-ip" => Condition::source_ip(networks(values, &at, reader)),
        "http-header" => {
            let values = texts(values, &at, reader);
            let name = config.and_then(|config| reader.member(config, "HttpHeaderName", &at)).unwrap_or_default();
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => Condition::header(name, &values),
                Err(_) => {
                    reader.invalid(&at, &format!("the HttpHeaderName {} is not the name of a header", quoted(&name)));
                    return None;
                }
            }
        }
        "http-request-method" => Condition::method(&texts(values, &at, reader)),
        "host-header" => Condition::host(&texts(values, &at, reader)),
        _ => {
            let values = texts(values, &at, reader);
            for value in values.iter().filter(|value| !value.starts_with(['/', '*'])) {
                reader.invalid(&at, &format!("{} matches no path: a path begins with /", quoted(value)));
            }
            Condition::path(&values)
        }
    };
    (reader.problems.len() == before).then_some(condition)
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty) && !value.is_object()
}

/// The values of a condition; without one it would match nothing.
fn texts(values: Option<&Value>, at: &str, reader: &mut Reader) -> Vec<String> {
    let before = reader.problems.len();
    let values = reader.texts(values, at);
    if values.iter().all(String::is_empty) && reader.problems.len() == before {
        reader.invalid(at, "it has no value");
    }
    values
}

fn pairs(values: Option<&Value>, at: &str, reader: &mut Reader) -> Vec<(Option<String>, String)> {
    let list = reader.list(values, at);
    if list.is_empty() {
        reader.invalid(at, "it has no value");
    }
    let mut pairs = Vec::new();
    for item in list {
        let Some(members) = reader.object(item, at, &["Key", "Value"]) else { continue };
        let key = reader.member(members, "Key", at).filter(|key| !key.is_empty());
        match reader.member(members, "Value", at) {
            Some(value) => pairs.push((key, value)),
            None => reader.invalid(at, "a value without Value"),
        }
    }
    pairs
}

fn networks(values: Option<&Value>, at: &str, reader: &mut Reader) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for value in texts(values, at, reader) {
        match value.parse::<IpNet>() {
            Ok(network) => networks.push(network),
            Err(_) => reader.invalid(at, &format!("{} is not a network such as 192.0.2.0/24", quoted(&value))),
        }
    }
    networks
}

/// An action with its type and the object of its settings.
pub(super) struct Action<'v> {
    pub(super) kind: String,
    members: &'v Members,
}

const KINDS: [&str; 6] =
    ["authenticate-oidc", "authenticate-cognito", "forward", "fixed-response", "redirect", "jwt-validation"];

/// The actions of a rule in their order.
pub(super) fn actions<'v>(value: Option<&'v Value>, place: &str, reader: &mut Reader) -> Vec<Action<'v>> {
    const KNOWN: [&str; 9] = [
        "Type",
        "Order",
        "TargetGroupArn",
        "ForwardConfig",
        "FixedResponseConfig",
        "RedirectConfig",
        "AuthenticateOidcConfig",
        "AuthenticateCognitoConfig",
        "JwtValidationConfig",
    ];
    let list = reader.list(value, &format!("{place}, actions"));
    let mut found = Vec::new();
    for (index, action) in list.iter().enumerate() {
        let Some(members) = reader.object(action, &format!("{place}, an action"), &KNOWN) else { continue };
        let Some(kind) = reader.member(members, "Type", place) else {
            reader.invalid(place, "an action without Type");
            continue;
        };
        if !KINDS.contains(&kind.as_str()) {
            let text = crate::emulator::suggestion::not_one_of(&kind, &KINDS);
            reader.not_emulated(place, &format!("an action whose Type {text}"));
            continue;
        }
        // Without an order they stand in it.
        let order = reader.number(members, "Order", place, 50_000);
        let order = order.or_else(|| u64::try_from(index).ok()?.checked_add(1)).unwrap_or(u64::MAX);
        found.push((order, Action { kind, members }));
    }
    found.sort_by_key(|(order, _)| *order);
    let found: Vec<Action<'v>> = found.into_iter().map(|(_, action)| action).collect();
    let ends = found.iter().filter(|action| !action.goes_before()).count();
    let is_last = found.last().is_some_and(|action| !action.goes_before());
    if ends != 1 || !is_last || found.len() > 2 {
        let kinds: Vec<&str> = found.iter().map(|action| action.kind.as_str()).collect();
        reader.invalid(
            place,
            &format!(
                "its actions are {}; they must be one of forward, fixed-response and redirect, after at most one of \
                 authenticate-oidc, authenticate-cognito and jwt-validation",
                if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
            ),
        );
        return Vec::new();
    }
    found
}

impl<'v> Action<'v> {
    /// Whether another action must follow it.
    pub(super) fn goes_before(&self) -> bool {
        self.kind.starts_with("authenticate-") || self.kind == "jwt-validation"
    }

    /// The object of the settings of an authenticate action.
    pub(super) fn authentication(&self) -> Option<&'v Value> {
        let key = if self.kind == "authenticate-oidc" { "AuthenticateOidcConfig" } else { "AuthenticateCognitoConfig" };
        self.members.get(key)
    }

    /// The object of the settings of the action `jwt-validation`.
    pub(super) fn validation(&self) -> &'v Value {
        self.config("JwtValidationConfig")
    }

    /// The target groups, each with its name and its weight.
    pub(super) fn target_groups(&self, place: &str, reader: &mut Reader) -> Vec<(String, u32)> {
        let single = self.members.get("TargetGroupArn").and_then(name_of).map(|name| (group_name(&name), 1));
        let Some(config) = self.members.get("ForwardConfig").filter(|config| !config.is_null()) else {
            if single.is_none() {
                reader.invalid(place, "the action forward has no target group");
            }
            return single.into_iter().collect();
        };
        let at = format!("{place}, ForwardConfig");
        let Some(config) = reader.object(config, &at, &["TargetGroups", "TargetGroupStickinessConfig"]) else {
            return Vec::new();
        };
        let mut groups = Vec::new();
        for group in reader.list(config.get("TargetGroups"), &at) {
            let Some(group) = reader.object(group, &at, &["TargetGroupArn", "Weight"]) else { continue };
            let weight = reader.number(group, "Weight", &at, 999).and_then(|weight| u32::try_from(weight).ok());
            match group.get("TargetGroupArn").and_then(name_of) {
                Some(name) => groups.push((group_name(&name), weight.unwrap_or(1))),
                None => reader.invalid(&at, "a target group without TargetGroupArn"),
            }
        }
        let sticky = config.get("TargetGroupStickinessConfig").and_then(|sticky| sticky.get("Enabled"));
        let is_sticky = sticky.and_then(name_of).is_some_and(|enabled| enabled.eq_ignore_ascii_case("true"));
        if is_sticky && groups.len() > 1 {
            reader.not_emulated(
                &at,
                "stickiness of target groups is not emulated: set Enabled to false, or keep one group",
            );
        }
        if groups.is_empty() {
            groups.extend(single);
        }
        if groups.is_empty() {
            reader.invalid(&at, "it has no target group");
        }
        groups
    }

    pub(super) fn fixed_response(&self, place: &str, reader: &mut Reader) -> Option<End> {
        let at = format!("{place}, FixedResponseConfig");
        let config =
            reader.object(self.config("FixedResponseConfig"), &at, &["StatusCode", "ContentType", "MessageBody"])?;
        let status = reader.member(config, "StatusCode", &at).unwrap_or_default();
        let status = status.parse::<u16>().ok().filter(|status| matches!(status, 200..=299 | 400..=599));
        let content_type = reader.member(config, "ContentType", &at);
        let content_type = content_type.map(|text| HeaderValue::from_str(&text));
        let body = reader.member(config, "MessageBody", &at).unwrap_or_default();
        if status.is_none() {
            reader.invalid(&at, "the StatusCode must be 2XX, 4XX or 5XX");
        }
        if matches!(content_type, Some(Err(_))) {
            reader.invalid(&at, "the ContentType cannot be a header value");
        }
        if body.chars().count() > MAX_BODY {
            reader.invalid(&at, &format!("the MessageBody is longer than {MAX_BODY} characters"));
        }
        let content_type = content_type.and_then(Result::ok);
        Some(End::FixedResponse(FixedResponse { status: status?, content_type, body }))
    }

    pub(super) fn redirect(&self, place: &str, reader: &mut Reader) -> Option<End> {
        let at = format!("{place}, RedirectConfig");
        let known = ["Protocol", "Host", "Port", "Path", "Query", "StatusCode"];
        let config = reader.object(self.config("RedirectConfig"), &at, &known)?;
        let mut part = |key: &str, default: &str| reader.member(config, key, &at).unwrap_or_else(|| default.to_owned());
        let [protocol, host, port, path, query] = [
            part("Protocol", "#{protocol}"),
            part("Host", "#{host}"),
            part("Port", "#{port}"),
            part("Path", "/#{path}"),
            part("Query", "#{query}"),
        ];
        let status = match part("StatusCode", "").as_str() {
            "HTTP_301" => 301,
            "HTTP_302" => 302,
            _ => {
                reader.invalid(&at, "the StatusCode must be HTTP_301 or HTTP_302");
                return None;
            }
        };
        if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str()) {
            reader.invalid(&at, "the Protocol must be HTTP, HTTPS or #{protocol}");
        }
        if port != "#{port}" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
            reader.invalid(&at, "the Port must be a number from 1 to 65535, or #{port}");
        }
        if !path.starts_with('/') {
            reader.invalid(&at, "the Path must begin with /");
        }
        if [&protocol, &host, &port, &path] == ["#{protocol}", "#{host}", "#{port}", "/#{path}"] {
            reader.invalid(&at, "it redirects each request to itself: change protocol, host, port or path");
        }
        Some(End::Redirect(Redirect { status, protocol, host, port, path, query }))
    }

    fn config(&self, key: &str) -> &'v Value {
        // A missing object is reported as one that is no object.
        const NOTHING: &Value = &Value::Null;
        self.members.get(key).unwrap_or(NOTHING)
    }
}

/// The name of a target group: of an ARN, its name.
fn group_name(arn: &str) -> String {
    let of_arn = arn.split_once(":targetgroup/").and_then(|(_, rest)| rest.split('/').next());
    of_arn.unwrap_or(arn).to_owned()
}
