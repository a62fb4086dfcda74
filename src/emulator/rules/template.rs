//! Values of a CloudFormation template, as far as they are known before a deployment.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Maximum depth of functions in functions.
const MAX_DEPTH: usize = 32;

/// The key of a value that is known only after a deployment.
const UNRESOLVED: &str = "$unresolved";

/// A value that is known only after a deployment.
pub(super) struct Unresolved<'v> {
    /// Its name: the logical id of a resource, a parameter, an export.
    pub(super) name: &'v str,
    /// What it is, and what to do.
    pub(super) what: &'v str,
}

impl<'v> Unresolved<'v> {
    pub(super) fn of(value: &'v Value) -> Option<Self> {
        let parts = value.get(UNRESOLVED)?;
        Some(Self { name: parts.get("name")?.as_str()?, what: parts.get("what")?.as_str()? })
    }
}

fn unresolved(name: &str, what: &str) -> Value {
    json!({ UNRESOLVED: { "name": name, "what": what } })
}

/// A template, and the values of its parameters that the configuration sets.
pub(super) struct Template<'t> {
    root: &'t Value,
    given: &'t BTreeMap<String, String>,
}

impl<'t> Template<'t> {
    pub(super) fn new(root: &'t Value, given: &'t BTreeMap<String, String>) -> Self {
        Self { root, given }
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = (&'t String, &'t Value)> {
        self.root.get("Resources").and_then(Value::as_object).into_iter().flatten()
    }

    pub(super) fn has_parameter(&self, name: &str) -> bool {
        // AWS::Region and the like are parameters of every template.
        self.member("Parameters", name).is_some() || name.starts_with("AWS::")
    }

    /// Whether the resource is created; or what that depends on.
    pub(super) fn is_created(&self, resource: &Value) -> Result<bool, String> {
        match resource.get("Condition").and_then(Value::as_str) {
            Some(name) => self.condition(name, 0),
            None => Ok(true),
        }
    }

    fn member(&self, section: &str, name: &str) -> Option<&'t Value> {
        self.root.get(section)?.get(name)
    }

    /// The value with its functions called. What is known only after a deployment is
    /// [`Unresolved`]; members and items of `AWS::NoValue` are left out.
    pub(super) fn resolve(&self, value: &Value) -> Value {
        self.value(value, 0).unwrap_or(Value::Null)
    }

    fn value(&self, value: &Value, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return Some(unresolved("nesting", "functions that are nested too deep"));
        }
        let depth = depth.saturating_add(1);
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item, depth)).collect()),
            Value::Object(members) => match members.iter().next().filter(|_| members.len() == 1) {
                Some((name, argument)) if name == "Ref" => self.reference(argument.as_str().unwrap_or_default(), depth),
                Some((name, argument)) if name.starts_with("Fn::") => self.call(name, argument, depth),
                _ => {
                    let members =
                        members.iter().filter_map(|(name, member)| Some((name.clone(), self.value(member, depth)?)));
                    Some(Value::Object(members.collect()))
                }
            },
            other => Some(other.clone()),
        }
    }

    fn reference(&self, name: &str, depth: usize) -> Option<Value> {
        if name == "AWS::NoValue" {
            return None;
        }
        let parameter = self.member("Parameters", name);
        let is_list = parameter.and_then(|parameter| parameter.get("Type")).and_then(Value::as_str);
        let is_list = is_list.is_some_and(|of| of == "CommaDelimitedList" || of.starts_with("List<"));
        let value = |value: &Value| match value.as_str() {
            Some(text) if is_list => text.split(',').map(|item| Value::from(item.trim())).collect(),
            _ => value.clone(),
        };
        if let Some(given) = self.given.get(name).filter(|_| self.has_parameter(name)) {
            return Some(value(&Value::from(given.as_str())));
        }
        if let Some(default) = parameter.and_then(|parameter| parameter.get("Default")) {
            return self.value(&value(default), depth);
        }
        Some(if self.member("Resources", name).is_some() {
            unresolved(name, &format!("the resource {name}, which exists after a deployment only"))
        } else if self.has_parameter(name) {
            let what = format!("the parameter {name}, which has no default: set it by --rules-parameter {name}=VALUE");
            unresolved(name, &what)
        } else {
            unresolved(name, &format!("{}, which the template does not define", crate::internal::quoted(name)))
        })
    }

    fn call(&self, name: &str, argument: &Value, depth: usize) -> Option<Value> {
        let list = || argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let wrong = || unresolved(name, &format!("{name} with arguments that it does not take"));
        Some(match (name, list()) {
            ("Fn::If", [condition, yes, no]) => {
                return match self.condition(condition.as_str().unwrap_or_default(), depth) {
                    Ok(is_true) => self.value(if is_true { yes } else { no }, depth),
                    Err(what) => Some(unresolved(name, &what)),
                };
            }
            ("Fn::GetAtt", _) => attribute(argument).unwrap_or_else(wrong),
            ("Fn::Sub", [Value::String(text), Value::Object(named)]) => self.substituted(text, named, depth),
            ("Fn::Sub", []) => match argument.as_str() {
                Some(text) => self.substituted(text, &Map::new(), depth),
                None => wrong(),
            },
            ("Fn::Join", [Value::String(joint), items]) => self.joined(joint, items, depth)?,
            ("Fn::Select", [index, items]) => {
                let index = text_of(index).and_then(|index| index.parse::<usize>().ok());
                let items = self.value(items, depth)?;
                match (Unresolved::of(&items).is_some(), index) {
                    (true, _) => items,
                    (false, Some(index)) => items.get(index).cloned().unwrap_or_else(wrong),
                    (false, None) => wrong(),
                }
            }
            ("Fn::Split", [Value::String(joint), text]) => {
                let text = self.value(text, depth)?;
                match text.as_str() {
                    Some(text) if !joint.is_empty() => text.split(joint.as_str()).map(Value::from).collect(),
                    Some(_) => wrong(),
                    None => text,
                }
            }
            ("Fn::FindInMap", [map, first, second]) => {
                let keys = [map, first, second].map(|key| self.value(key, depth));
                if let Some(key) = keys.iter().flatten().find(|key| Unresolved::of(key).is_some()) {
                    return Some(key.clone());
                }
                let mut found = self.root.get("Mappings");
                for key in &keys {
                    found = found.and_then(|found| found.get(key.as_ref().and_then(text_of)?));
                }
                found.cloned().unwrap_or_else(wrong)
            }
            ("Fn::ImportValue", _) => {
                let export = self.value(argument, depth)?;
                let export = Unresolved::of(&export).map(|part| part.name.to_owned()).or_else(|| text_of(&export))?;
                unresolved(&export, &format!("the export {} of another stack", crate::internal::quoted(&export)))
            }
            _ => unresolved(name, &format!("{name}, which the emulator does not call")),
        })
    }

    /// A text with `${Name}`. The name of an unresolved one is the text itself.
    fn substituted(&self, text: &str, named: &Map<String, Value>, depth: usize) -> Value {
        let (mut filled, mut rest, mut missing) = (String::new(), text, Vec::new());
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                filled.push_str("${");
                rest = after;
                continue;
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                filled.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match named.get(name) {
                Some(value) => self.value(value, depth),
                None if name.contains('.') => attribute(&Value::from(name)),
                None => self.reference(name, depth),
            };
            match value.as_ref().and_then(text_of) {
                Some(value) => filled.push_str(&value),
                None => {
                    filled.push_str(&format!("${{{name}}}"));
                    let what = value.as_ref().and_then(Unresolved::of).map(|part| part.what.to_owned());
                    missing.push(what.unwrap_or_else(|| format!("{name}, which is no text")));
                }
            }
        }
        filled.push_str(rest);
        if missing.is_empty() { Value::String(filled) } else { unresolved(&filled, &missing.join(", and ")) }
    }

    fn joined(&self, joint: &str, items: &Value, depth: usize) -> Option<Value> {
        let items = self.value(items, depth)?;
        if Unresolved::of(&items).is_some() {
            return Some(items);
        }
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        let missing: Vec<&str> = items.iter().filter_map(|item| Some(Unresolved::of(item)?.what)).collect();
        let text = |item: &Value| {
            text_of(item).unwrap_or_else(|| Unresolved::of(item).map_or_else(String::new, |part| part.name.to_owned()))
        };
        let text = items.iter().map(text).collect::<Vec<_>>().join(joint);
        Some(if missing.is_empty() { Value::String(text) } else { unresolved(&text, &missing.join(", and ")) })
    }

    fn condition(&self, name: &str, depth: usize) -> Result<bool, String> {
        match self.member("Conditions", name) {
            Some(condition) => self.is_true(condition, depth.saturating_add(1)),
            None => Err(format!("the condition {}, which the template does not define", crate::internal::quoted(name))),
        }
    }

    fn is_true(&self, condition: &Value, depth: usize) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err("conditions that are nested too deep".to_owned());
        }
        let depth = depth.saturating_add(1);
        let single = condition.as_object().filter(|members| members.len() == 1);
        let (name, argument) = single.and_then(|members| members.iter().next()).ok_or("an invalid condition")?;
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name.as_str(), list) {
            ("Condition", _) => self.condition(argument.as_str().unwrap_or_default(), depth),
            ("Fn::Equals", [one, other]) => {
                let [one, other] = [one, other].map(|side| self.value(side, depth).unwrap_or(Value::Null));
                if let Some(part) = [&one, &other].into_iter().find_map(Unresolved::of) {
                    return Err(part.what.to_owned());
                }
                Ok(text_of(&one) == text_of(&other))
            }
            ("Fn::Not", [one]) => Ok(!self.is_true(one, depth)?),
            // What decides is known, whatever the other operands are.
            ("Fn::And", operands) => self.all(operands, true, depth),
            ("Fn::Or", operands) => self.all(operands, false, depth).map(|all_false| !all_false),
            _ => Err(format!("{name}, which the emulator does not call")),
        }
    }

    /// Whether all are so; one that is not decides alone.
    fn all(&self, operands: &[Value], so: bool, depth: usize) -> Result<bool, String> {
        let results: Vec<_> = operands.iter().map(|operand| self.is_true(operand, depth)).collect();
        if results.contains(&Ok(!so)) {
            return Ok(false);
        }
        results.into_iter().collect::<Result<Vec<bool>, String>>().map(|_| true)
    }
}

fn attribute(argument: &Value) -> Option<Value> {
    let (resource, name) = match argument {
        Value::String(text) => text.split_once('.')?,
        Value::Array(parts) => (parts.first()?.as_str()?, parts.get(1)?.as_str()?),
        _ => return None,
    };
    // The ARN of these is what Ref returns.
    let is_arn = ["TargetGroupArn", "ListenerArn"].contains(&name);
    let shown = if is_arn { resource.to_owned() } else { format!("{resource}.{name}") };
    Some(unresolved(&shown, &format!("the attribute {resource}.{name}, which exists after a deployment only")))
}

/// A text, number or boolean, as a text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: Value) -> Value {
        let root = json!({
            "Parameters": {
                "Host": {"Type": "String", "Default": "app.example.com"}, "Open": {"Type": "String"},
                "Hosts": {"Type": "CommaDelimitedList", "Default": "a.example.com, b.example.com"}, "Set": {"Type": "String"},
            },
            "Mappings": {"M": {"eu": {"host": "eu.example.com"}}},
            "Conditions": {
                "IsSet": {"Fn::Equals": [{"Ref": "Set"}, "yes"]}, "IsOpen": {"Fn::Equals": [{"Ref": "Open"}, "yes"]},
                "Both": {"Fn::And": [{"Condition": "IsOpen"}, {"Fn::Not": [{"Condition": "IsSet"}]}]},
                "Loop": {"Condition": "Loop"},
            },
            "Resources": {"Group": {}},
        });
        let given = [("Set".to_owned(), "yes".to_owned())].into_iter().collect();
        Template::new(&root, &given).resolve(&value)
    }

    #[test]
    fn what_is_known_is_resolved() {
        for (value, expected) in [
            (json!({"Ref": "Host"}), json!("app.example.com")),
            (json!({"Ref": "Set"}), json!("yes")),
            (json!({"Ref": "Hosts"}), json!(["a.example.com", "b.example.com"])),
            (json!({"Fn::Sub": "${Host}/${!Host}"}), json!("app.example.com/${Host}")),
            (json!({"Fn::Sub": ["${a}-${Host}", {"a": {"Ref": "Set"}}]}), json!("yes-app.example.com")),
            (json!({"Fn::Join": [".", ["a", {"Ref": "Set"}, 1]]}), json!("a.yes.1")),
            (json!({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}), json!("b")),
            (json!({"Fn::FindInMap": ["M", "eu", "host"]}), json!("eu.example.com")),
            (json!({"Fn::If": ["IsSet", 1, 2]}), json!(1)),
            // One operand decides.
            (json!({"Fn::If": ["Both", 1, 2]}), json!(2)),
            (json!([{"Ref": "AWS::NoValue"}, {"a": {"Ref": "AWS::NoValue"}, "b": 1}]), json!([{"b": 1}])),
        ] {
            assert_eq!(resolved(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_not_known_has_a_name_and_a_reason() {
        for (value, name, what) in [
            (json!({"Ref": "Open"}), "Open", "--rules-parameter Open=VALUE"),
            (json!({"Ref": "Group"}), "Group", "the resource Group"),
            (json!({"Fn::GetAtt": "Group.TargetGroupArn"}), "Group", "the attribute"),
            (json!({"Fn::GetAtt": ["Group", "Name"]}), "Group.Name", "the attribute"),
            (json!({"Ref": "Nothing"}), "Nothing", "does not define"),
            (json!({"Fn::ImportValue": {"Fn::Sub": "${Open}-x"}}), "${Open}-x", "export"),
            (json!({"Fn::Sub": "${Host}-${Open}"}), "app.example.com-${Open}", "--rules-parameter Open=VALUE"),
            (json!({"Fn::If": ["IsOpen", 1, 2]}), "Fn::If", "--rules-parameter Open=VALUE"),
            (json!({"Fn::If": ["Loop", 1, 2]}), "Fn::If", "nested too deep"),
            (json!({"Fn::Cidr": []}), "Fn::Cidr", "does not call"),
            (json!({"Fn::Select": [7, ["a"]]}), "Fn::Select", "does not take"),
        ] {
            let found = resolved(value.clone());
            let found = Unresolved::of(&found).unwrap_or_else(|| panic!("{value}: {found}"));
            assert_eq!(found.name, name, "{value}");
            assert!(found.what.contains(what), "{value}: {}", found.what);
        }
    }
}
