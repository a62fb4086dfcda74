//! Compiles the actions of rules: targets by the names of their groups, and the settings of sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use http::uri::Authority;
use serde_json::Value;

use super::{
    actions::{Actions, End, Group, WeightedTarget},
    authenticate::{Authenticate, problem_of_parameter, problem_of_scope},
    jwt_validation::JwtValidation,
    listener::TargetGroup,
    read::{self, Action},
    reader::{KEY, Reader, name_of},
};
use crate::{
    config::{Problem, ProblemKind},
    emulator::{config::OnUnauthenticated, session::SessionCookies},
    internal::{KeyAt, quoted},
};

/// Maximum timeout of a session, in seconds.
const MAX_SESSION_TIMEOUT: u64 = 604_800;

/// The settings about files with rules.
pub(in crate::emulator) struct Files<'c> {
    pub(in crate::emulator) paths: &'c [PathBuf],
    /// Values of parameters of templates.
    pub(in crate::emulator) parameters: &'c BTreeMap<String, String>,
    pub(in crate::emulator) listener: Option<&'c str>,
    /// Whether a rule with `jwt-validation` responds with 501, without a check.
    pub(in crate::emulator) responds_501: bool,
    /// The targets by the name of their group.
    pub(in crate::emulator) groups: &'c BTreeMap<String, Authority>,
    /// Whether the demo provider issues bearer tokens, in place of the issuers of the rules.
    pub(in crate::emulator) is_demo: bool,
    /// Whether a target group without a target is a mistake.
    pub(in crate::emulator) needs_targets: bool,
}

/// What rules are compiled with.
pub(super) struct Compiler<'c, 'r> {
    pub(super) reader: &'r mut Reader,
    files: &'c Files<'c>,
    groups: &'c BTreeMap<String, TargetGroup>,
    target: Option<&'c Authority>,
    secure: bool,
    is_https: bool,
    /// The provider of the first authenticate action, and where that is.
    provider: Option<(Vec<Option<String>>, String)>,
    /// The named targets that a rule forwards to.
    used: BTreeSet<String>,
}

impl<'c, 'r> Compiler<'c, 'r> {
    pub(super) fn new(
        reader: &'r mut Reader,
        files: &'c Files<'c>,
        groups: &'c BTreeMap<String, TargetGroup>,
        target: Option<&'c Authority>,
        secure: bool,
        is_https: bool,
    ) -> Self {
        Self { reader, files, groups, target, secure, is_https, provider: None, used: BTreeSet::new() }
    }

    /// The actions of a rule; their authenticate actions are added to these. `None` if a mistake was reported that leaves no actions.
    pub(super) fn actions(
        &mut self,
        value: Option<&Value>,
        place: &str,
        held: &mut Vec<Authenticate>,
    ) -> Option<Actions> {
        let (mut authenticate, mut validate, mut end) = (None, None, None);
        let mut is_valid = true;
        for action in read::actions(value, place, self.reader) {
            match action.kind.as_str() {
                "forward" => end = end.or(Some(self.forward(&action, place))),
                "fixed-response" => end = end.or(action.fixed_response(place, self.reader)),
                "redirect" => end = end.or(action.redirect(place, self.reader)),
                "jwt-validation" if self.files.responds_501 => end = Some(End::Respond501),
                "jwt-validation" => {
                    let at = format!("{place}, jwt-validation");
                    if !self.is_https {
                        self.reader.invalid(&at, "it needs a listener with the protocol HTTPS");
                    }
                    let read = JwtValidation::read(action.validation(), &at, self.files.is_demo, self.reader);
                    is_valid &= read.is_some();
                    validate = read;
                }
                _ => {
                    if let Some(sign_in) = self.authenticate(&action, place) {
                        held.push(sign_in);
                        authenticate = Some(held.len().saturating_sub(1));
                    }
                }
            }
        }
        Some(Actions { authenticate, validate, end: end.filter(|_| is_valid)? })
    }

    fn forward(&mut self, action: &Action<'_>, place: &str) -> End {
        let mut targets = Vec::new();
        for (id, weight) in action.target_groups(place, self.reader) {
            let of_template = self.groups.get(&id);
            if let Some(version) = of_template.and_then(|group| group.version.as_ref()) {
                let text =
                    format!("the target group {} has protocol version {version}; the emulator has HTTP1", quoted(&id));
                self.reader.not_emulated(place, &text);
            }
            let names = [Some(&id), of_template.and_then(|group| group.name.as_ref())];
            let named = names.into_iter().flatten().find_map(|name| Some((name, self.files.groups.get(name)?)));
            if let Some((name, _)) = named {
                self.used.insert(name.clone());
            }
            let address = named.map(|(_, address)| address).or(self.target).cloned();
            if address.is_none() && self.files.needs_targets {
                let text = format!(
                    "it forwards to the target group {}, which has no target: add --target {}=http://localhost:3000",
                    quoted(&id),
                    id.escape_default()
                );
                self.reader.refuse(ProblemKind::Missing, format!("{place}: {text}"));
            }
            targets.push(WeightedTarget { name: id, weight, address });
        }
        End::Forward(Group::new(targets))
    }

    fn authenticate(&mut self, action: &Action<'_>, place: &str) -> Option<Authenticate> {
        const SHARED: [&str; 5] = [
            "OnUnauthenticatedRequest",
            "Scope",
            "SessionCookieName",
            "SessionTimeout",
            "AuthenticationRequestExtraParams",
        ];
        const OIDC: [&str; 7] = [
            "Issuer",
            "ClientId",
            "AuthorizationEndpoint",
            "TokenEndpoint",
            "UserInfoEndpoint",
            "ClientSecret",
            "UseExistingClientSecret",
        ];
        const COGNITO: [&str; 3] = ["UserPoolArn", "UserPoolClientId", "UserPoolDomain"];
        let at = format!("{place}, {}", action.kind);
        if !self.is_https {
            self.reader.invalid(&at, "it needs a listener with the protocol HTTPS");
        }
        let (own, identity): (&[&str], &[&str]) =
            if action.kind == "authenticate-oidc" { (&OIDC, &["Issuer", "ClientId"]) } else { (&COGNITO, &COGNITO) };
        let known: Vec<&str> = SHARED.into_iter().chain(own.iter().copied()).collect();
        let config = self.reader.object(action.authentication().unwrap_or(&Value::Null), &at, &known)?;
        let provider: Vec<Option<String>> = identity.iter().map(|key| config.get(*key).and_then(name_of)).collect();
        match &self.provider {
            None => self.provider = Some((provider, place.to_owned())),
            Some((held, _)) if *held == provider => {}
            Some((_, other)) => {
                let text =
                    format!("its provider or client differs from that of {other}; the emulator has one provider");
                self.reader.not_emulated(&at, &text);
            }
        }
        let on_unauthenticated = match self.reader.member(config, "OnUnauthenticatedRequest", &at).as_deref() {
            None | Some("authenticate") => OnUnauthenticated::Authenticate,
            Some("allow") => OnUnauthenticated::Allow,
            Some("deny") => OnUnauthenticated::Deny,
            Some(other) => {
                let text = crate::emulator::suggestion::not_one_of(other, &["authenticate", "allow", "deny"]);
                self.reader.invalid(&at, &format!("OnUnauthenticatedRequest {text}"));
                OnUnauthenticated::Deny
            }
        };
        let scope = self.reader.member(config, "Scope", &at).unwrap_or_else(|| "openid".to_owned());
        let timeout = self.reader.number(config, "SessionTimeout", &at, MAX_SESSION_TIMEOUT);
        if timeout == Some(0) {
            self.reader.invalid(&at, "the SessionTimeout must be at least 1");
        }
        let name = self.reader.member(config, "SessionCookieName", &at);
        let name = name.unwrap_or_else(|| "AWSELBAuthSessionCookie".to_owned());
        if let Err(error) = crate::SignOut::builder().cookie_name(&name).build() {
            let of_files = |problem: &Problem| problem.clone().within(&at).for_key(KeyAt::path(KEY));
            self.reader.problems.extend(error.problems().iter().map(of_files));
        }
        let mut parameters = Vec::new();
        let none = Value::Null;
        let extra = config.get("AuthenticationRequestExtraParams").unwrap_or(&none);
        for (name, value) in extra.as_object().into_iter().flatten() {
            let value = self.reader.text(value, &format!("{at}, AuthenticationRequestExtraParams"));
            parameters.extend(value.map(|value| (name.clone(), value)));
            if let Some(text) = problem_of_parameter(name) {
                self.reader.invalid(&at, &text);
            }
        }
        if let Some(text) = problem_of_scope(&scope) {
            self.reader.invalid(&at, &text);
        }
        Some(Authenticate {
            on_unauthenticated,
            scope,
            parameters,
            session_timeout: Duration::from_secs(timeout.unwrap_or(MAX_SESSION_TIMEOUT)),
            cookies: SessionCookies { name, secure: self.secure },
        })
    }

    pub(super) fn report_unused_targets(&mut self) {
        let unused: Vec<&String> = self.files.groups.keys().filter(|name| !self.used.contains(*name)).collect();
        for name in unused {
            let text = format!("no rule forwards to the target group {}, which --target names", quoted(name));
            self.reader.refuse(ProblemKind::UnknownKey, text);
        }
    }
}
