//! The listeners and rules of all files, and the listener that is emulated.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    document::{Content, Document},
    properties::{self, Properties},
    reader::{Reader, name_of},
    template::{Template, Unresolved},
};
use crate::{config::ProblemKind, internal::quoted};

const PREFIX: &str = "AWS::ElasticLoadBalancingV2::";
const WEB_ACL: &str = "AWS::WAFv2::WebACLAssociation";

/// A listener that a file defines.
struct Listener {
    name: String,
    key: String,
    protocol: Option<String>,
    /// Its properties, with all values that are known.
    body: Value,
    place: String,
    /// Of the load balancer, for one of the same template.
    load_balancer: Option<String>,
}

/// A rule of a file, with all values that are known.
pub(super) struct FoundRule {
    /// A logical id, or `rule 10`.
    pub(super) name: String,
    /// Name and file, for messages.
    pub(super) place: String,
    listener: String,
    pub(super) is_default: bool,
    pub(super) body: Value,
}

/// The listener that is emulated.
#[derive(Default)]
pub(super) struct Emulated {
    pub(super) rules: Vec<FoundRule>,
    /// The listener's default actions with their place, if a file has them.
    pub(super) default_actions: Option<(String, Value)>,
    pub(super) is_https: bool,
    pub(super) properties: Properties,
    /// What of the files is not a part of it.
    pub(super) notes: Vec<String>,
}

/// All that the files define.
#[derive(Default)]
pub(super) struct Found {
    listeners: Vec<Listener>,
    rules: Vec<FoundRule>,
    /// Names of target groups by the names that rules have for them, and whether they speak HTTP/1.1.
    pub(super) groups: BTreeMap<String, TargetGroup>,
    /// The load balancers of templates by their keys, each with its place and its properties.
    load_balancers: BTreeMap<String, (String, Value)>,
    notes: Vec<String>,
}

/// A target group of a template.
pub(super) struct TargetGroup {
    /// Its property `Name`.
    pub(super) name: Option<String>,
    /// `HTTP2` or `GRPC`, if it is one of them.
    pub(super) version: Option<String>,
}

impl Found {
    pub(super) fn read(documents: Vec<Document>, given: &BTreeMap<String, String>, reader: &mut Reader) -> Self {
        let mut found = Self::default();
        let mut unused: BTreeSet<&String> = given.keys().collect();
        for Document { name, content } in documents {
            match content {
                Content::Rules(rules) => rules.into_iter().for_each(|rule| found.add_rule(&name, rule, reader)),
                Content::Listeners(listeners) => {
                    listeners.into_iter().for_each(|listener| found.add_listener(&name, listener, reader));
                }
                Content::Template(root) => {
                    let template = Template::new(&root, given);
                    unused.retain(|parameter| !template.has_parameter(parameter));
                    found.add_template(&name, &template, reader);
                }
            }
        }
        for name in unused {
            reader.refuse(
                ProblemKind::UnknownKey,
                format!("no template has the parameter {}, which --rules-parameter sets", quoted(name)),
            );
        }
        found
    }

    fn add_rule(&mut self, file: &str, body: Value, reader: &mut Reader) {
        let text = |key: &str| body.get(key).and_then(name_of);
        let is_default =
            body.get("IsDefault") == Some(&Value::Bool(true)) || text("Priority").as_deref() == Some("default");
        let name = if is_default {
            "default rule".to_owned()
        } else {
            format!("rule {}", text("Priority").unwrap_or_default().escape_default())
        };
        let place = format!("{name} in {file}");
        let known = ["RuleArn", "Priority", "Conditions", "Actions", "IsDefault", "Transforms", "Tags"];
        if reader.object(&body, &place, &known).is_none() {
            return;
        }
        // arn:...:listener-rule/app/name/balancer/listener/rule
        let arn = text("RuleArn").unwrap_or_default();
        let listener =
            arn.rsplit_once('/').map_or("", |(before, _)| before).replacen(":listener-rule/", ":listener/", 1);
        self.rules.push(FoundRule { name, place, listener, is_default, body });
    }

    fn add_listener(&mut self, file: &str, body: Value, reader: &mut Reader) {
        let text = |key: &str| body.get(key).and_then(name_of);
        let Some(key) = text("ListenerArn") else {
            reader.invalid(file, "a listener without ListenerArn");
            return;
        };
        self.listeners.push(Listener {
            name: key.clone(),
            place: format!("listener {} in {file}", text("Port").unwrap_or_default().escape_default()),
            key,
            protocol: text("Protocol"),
            load_balancer: None,
            body,
        });
    }

    fn add_template(&mut self, file: &str, template: &Template<'_>, reader: &mut Reader) {
        let local: BTreeSet<&String> = template.resources().map(|(name, _)| name).collect();
        for (name, resource) in template.resources() {
            if name.starts_with("Fn::") {
                reader.not_emulated(file, &format!("{name} in Resources: give the processed template"));
                continue;
            }
            let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
            if kind == WEB_ACL {
                self.notes.push(format!("{} in {file}: not emulated: {WEB_ACL}", name.escape_default()));
            }
            let Some(kind) = kind.strip_prefix(PREFIX) else { continue };
            let place = format!("{} in {file}", name.escape_default());
            match template.is_created(resource) {
                Ok(true) => {}
                Ok(false) => {
                    self.notes.push(format!("{place} is left out: its condition is false"));
                    continue;
                }
                Err(what) => {
                    reader.invalid(&place, &format!("its condition depends on {what}"));
                    continue;
                }
            }
            let body = template.resolve(resource.get("Properties").unwrap_or(&Value::Null));
            let text = |key: &str| body.get(key).and_then(name_of);
            // A reference to a listener of this file, or to one of another.
            let key =
                |name: &str| if local.contains(&name.to_owned()) { format!("{file}#{name}") } else { name.to_owned() };
            match kind {
                "Listener" => self.listeners.push(Listener {
                    name: name.clone(),
                    key: key(name),
                    protocol: text("Protocol"),
                    load_balancer: text("LoadBalancerArn").map(|name| key(&name)),
                    place,
                    body,
                }),
                "LoadBalancer" => {
                    self.load_balancers.insert(key(name), (place, body));
                }
                "ListenerRule" => {
                    let known = ["ListenerArn", "Priority", "Conditions", "Actions", "Transforms", "Tags"];
                    if reader.object(&body, &place, &known).is_some() {
                        let listener = key(&text("ListenerArn").unwrap_or_default());
                        self.rules.push(FoundRule { name: name.clone(), place, listener, is_default: false, body });
                    }
                }
                "TargetGroup" => {
                    let version = text("ProtocolVersion").filter(|version| version != "HTTP1");
                    properties::of_target_group(&body, &place, &mut self.notes);
                    let known = body.get("Name").filter(|name| Unresolved::of(name).is_none());
                    self.groups.insert(name.clone(), TargetGroup { name: known.and_then(name_of), version });
                }
                _ => {}
            }
        }
    }

    /// The listener that is emulated: the one that is wanted, or the only one with HTTPS. Rules of a
    /// listener that no file defines belong to it, if they are all of one.
    pub(super) fn choose(self, wanted: Option<&str>, reader: &mut Reader) -> Emulated {
        let Self { listeners, rules, load_balancers, mut notes, .. } = self;
        let elsewhere: BTreeSet<String> = rules
            .iter()
            .map(|rule| rule.listener.clone())
            .filter(|key| !listeners.iter().any(|listener| listener.key == *key))
            .collect();
        let names = || {
            let names = listeners.iter().map(|listener| &listener.name).chain(&elsewhere);
            names.map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
        };
        let (chosen, others): (Vec<&Listener>, Vec<&String>) = match wanted {
            Some(wanted) => (
                listeners.iter().filter(|listener| listener.name == wanted).collect(),
                elsewhere.iter().filter(|name| *name == wanted).collect(),
            ),
            None => {
                let https: Vec<&Listener> = listeners.iter().filter(|listener| listener.is_https()).collect();
                let chosen = if https.is_empty() { listeners.iter().collect() } else { https };
                (chosen, elsewhere.iter().collect())
            }
        };
        if chosen.len() > 1 || others.len() > 1 {
            let text = format!("the files have several listeners: choose one by --rules-listener, of {}", names());
            reader.refuse(ProblemKind::Conflict, text);
            return Emulated::default();
        }
        if chosen.is_empty() && others.is_empty() {
            let text = match wanted {
                Some(wanted) => format!("the files have no listener {}: they have {}", quoted(wanted), names()),
                None => "the files have no listener and no rule".to_owned(),
            };
            reader.refuse(ProblemKind::Missing, text);
            return Emulated::default();
        }
        let chosen = chosen.first();
        let keys: BTreeSet<&String> = chosen.iter().map(|listener| &listener.key).chain(others).collect();
        let left_out = listeners.iter().filter(|listener| !keys.contains(&listener.key));
        notes.extend(left_out.map(|listener| format!("the listener {} is left out", listener.name.escape_default())));
        let default_actions = chosen
            .and_then(|listener| {
                Some((listener, listener.body.get("DefaultActions").filter(|actions| !actions.is_null())?))
            })
            .map(|(listener, actions)| (format!("default actions of {}", listener.place), actions.clone()));
        let mut properties = Properties::default();
        if let Some(listener) = chosen {
            properties::check_listener(&listener.body, &listener.place, reader, &mut notes);
            let load_balancer = listener.load_balancer.as_ref().and_then(|key| load_balancers.get(key));
            if let Some((place, body)) = load_balancer {
                properties = properties::check_load_balancer(body, place, reader, &mut notes);
            }
        }
        let is_https = chosen.is_none_or(|listener| listener.is_https() || listener.protocol.is_none());
        let rules = rules.into_iter().filter(|rule| keys.contains(&rule.listener)).collect();
        Emulated { rules, default_actions, is_https, properties, notes }
    }
}

impl Listener {
    fn is_https(&self) -> bool {
        self.protocol.as_deref() == Some("HTTPS")
    }
}
