//! The compiled rules of the emulated listener.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use http::uri::Authority;

use super::{
    actions::{Actions, End, Group},
    authenticate::Authenticate,
    compile::{Compiler, Files},
    condition::{Condition, Facts, Reading},
    document::Document,
    listener::{Emulated, Found},
    properties::Properties,
    read,
    reader::Reader,
};
use crate::{
    config::{Problem, ProblemKind},
    emulator::config::{OnUnauthenticated, Rule},
};

/// The rules in their order, and the default rule.
pub(in crate::emulator) struct Table {
    rules: Vec<TableRule>,
    default: TableRule,
    authenticate: Vec<Authenticate>,
    properties: Properties,
    notes: Vec<String>,
}

/// One rule. The default rule has no conditions.
pub(in crate::emulator) struct TableRule {
    /// For the table.
    priority: String,
    name: String,
    conditions: Vec<Condition>,
    pub(in crate::emulator) actions: Actions,
}

impl TableRule {
    fn fits(&self, facts: &Facts<'_>, reading: Reading) -> bool {
        self.conditions.iter().all(|condition| condition.fits(facts, reading))
    }
}

impl Table {
    /// The table of the rules by path, those of the files, and a default rule that authenticates like
    /// this and forwards to this target.
    pub(in crate::emulator) fn new(
        by_path: &[Rule],
        sign_in: &Authenticate,
        target: Option<&Authority>,
        files: &Files<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let forward = || End::Forward(Group::default_target(target.cloned()));
        let default = TableRule {
            priority: "default".to_owned(),
            name: "default rule".to_owned(),
            conditions: Vec::new(),
            actions: Actions { authenticate: Some(0), validate: None, end: forward() },
        };
        let mut table = Self {
            rules: Vec::new(),
            default,
            authenticate: vec![sign_in.clone()],
            properties: Properties::default(),
            notes: Vec::new(),
        };
        for rule in by_path {
            let authenticate = rule.action.on_unauthenticated().map(|on_unauthenticated| {
                table.authenticate.push(Authenticate { on_unauthenticated, ..sign_in.clone() });
                table.authenticate.len().saturating_sub(1)
            });
            table.rules.push(TableRule {
                priority: "-".to_owned(),
                name: "--rule".to_owned(),
                conditions: vec![Condition::path(std::slice::from_ref(&rule.path))],
                actions: Actions { authenticate, validate: None, end: forward() },
            });
        }
        if !files.paths.is_empty() {
            table.read(files, sign_in.cookies.secure, target, problems);
        }
        table
    }

    fn read(&mut self, files: &Files<'_>, secure: bool, target: Option<&Authority>, problems: &mut Vec<Problem>) {
        let mut reader = Reader::default();
        let mut documents = Vec::new();
        for path in files.paths {
            match Document::read(path) {
                Ok(document) => documents.push(document),
                Err(text) => reader.refuse(ProblemKind::Unreadable, text),
            }
        }
        if reader.problems.is_empty() {
            let mut found = Found::read(documents, files.parameters, &mut reader);
            let groups = std::mem::take(&mut found.groups);
            let emulated = found.choose(files.listener, &mut reader);
            let compiler = Compiler::new(&mut reader, files, &groups, target, secure, emulated.is_https);
            self.add(emulated, compiler);
        }
        problems.append(&mut reader.problems);
    }

    fn add(&mut self, emulated: Emulated, mut compiler: Compiler<'_, '_>) {
        let Emulated { rules, default_actions, properties, notes, .. } = emulated;
        self.properties = properties;
        self.notes = notes;
        // Also of rules without actions, so that every mistake is reported.
        let mut names = BTreeMap::new();
        let mut numbered: Vec<(u64, TableRule)> = Vec::new();
        let mut has_default = false;
        for rule in rules {
            let place = &rule.place;
            read::transforms(rule.body.get("Transforms"), place, compiler.reader);
            let actions = compiler.actions(rule.body.get("Actions"), place, &mut self.authenticate);
            if rule.is_default {
                self.set_default(actions);
                has_default = true;
                continue;
            }
            let conditions = read::conditions(rule.body.get("Conditions"), place, compiler.reader);
            let priority = rule.body.as_object().and_then(|members| {
                compiler.reader.number(members, "Priority", place, 50_000).filter(|priority| *priority > 0)
            });
            let Some(priority) = priority else {
                compiler.reader.invalid(place, "it must have a Priority from 1 to 50000");
                continue;
            };
            let name = rule.name.escape_default().to_string();
            match names.entry(priority) {
                Entry::Occupied(other) => {
                    let text = format!("its priority {priority} is that of {} too", other.get());
                    compiler.reader.invalid(place, &text);
                }
                Entry::Vacant(free) => {
                    free.insert(name.clone());
                }
            }
            let Some(actions) = actions else { continue };
            numbered.push((priority, TableRule { priority: priority.to_string(), name, conditions, actions }));
        }
        if let Some((place, actions)) = default_actions.filter(|_| !has_default) {
            let actions = compiler.actions(Some(&actions), &place, &mut self.authenticate);
            self.set_default(actions);
            has_default = true;
        }
        if !has_default {
            self.notes.push("the files have no default action: it is that of --on-unauthenticated".to_owned());
        }
        compiler.report_unused_targets();
        numbered.sort_by_key(|(priority, _)| *priority);
        self.rules.extend(numbered.into_iter().map(|(_, rule)| rule));
    }

    /// Without actions, a mistake was reported, and the emulator does not start.
    fn set_default(&mut self, actions: Option<Actions>) {
        if let Some(actions) = actions {
            self.default.actions = actions;
        }
    }

    /// Whether there is only the default rule: then all paths are treated alike.
    pub(in crate::emulator) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule for a request. `None` if it is unclear which one applies: an application decodes the
    /// path, and the decoded path belongs to another rule.
    pub(in crate::emulator) fn rule(&self, facts: &Facts<'_>) -> Option<&TableRule> {
        let position = |reading| self.rules.iter().position(|rule| rule.fits(facts, reading));
        let sent = position(Reading::Sent);
        if sent != position(Reading::Unescaped) {
            return None;
        }
        Some(sent.and_then(|at| self.rules.get(at)).unwrap_or(&self.default))
    }

    /// The hosts that conditions name without a wildcard.
    pub(in crate::emulator) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flat_map(|rule| &rule.conditions).flat_map(Condition::hosts)
    }

    /// Whether a rule validates bearer tokens.
    pub(in crate::emulator) fn validates_bearer_tokens(&self) -> bool {
        self.rules.iter().chain([&self.default]).any(|rule| rule.actions.validate.is_some())
    }

    /// Whether headers with other characters than letters, digits and hyphens in their names are
    /// removed.
    pub(in crate::emulator) fn drops_invalid_headers(&self) -> bool {
        self.properties.drops_invalid_headers
    }

    /// What of the files is not emulated, or left out.
    pub(in crate::emulator) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(in crate::emulator) fn authenticate(&self, index: usize) -> Option<&Authenticate> {
        self.authenticate.get(index)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in self.rules.iter().chain([&self.default]) {
            let conditions: Vec<String> = rule.conditions.iter().map(ToString::to_string).collect();
            let when = if conditions.is_empty() { "all other requests".to_owned() } else { conditions.join("; ") };
            writeln!(f, "{:>8}  {}: {when}", rule.priority, rule.name)?;
            let sign_in = rule.actions.authenticate.and_then(|index| self.authenticate.get(index));
            if let Some(sign_in) = sign_in {
                let on_unauthenticated = match sign_in.on_unauthenticated {
                    OnUnauthenticated::Authenticate => "authenticate",
                    OnUnauthenticated::Allow => "allow",
                    OnUnauthenticated::Deny => "deny",
                };
                let (scope, cookies) = (sign_in.scope.escape_default(), &sign_in.cookies.name);
                let seconds = sign_in.session_timeout.as_secs();
                writeln!(f, "          {on_unauthenticated}, scope {scope}, session {cookies} of {seconds} s; then")?;
            }
            if let Some(validation) = &rule.actions.validate {
                writeln!(f, "          {validation}; then")?;
            }
            writeln!(f, "          {}", rule.actions.end)?;
        }
        if self.properties.drops_invalid_headers {
            writeln!(
                f,
                "    note  headers with other characters than letters, digits and - in their names are removed"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "    note  {note}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}
