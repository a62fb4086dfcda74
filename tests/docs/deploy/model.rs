//! What the templates have in common, and what must hold for it.

/// A load balancer, its rules and what stands behind it.
#[derive(Debug, Default)]
pub struct Deployment {
    pub load_balancers: Vec<LoadBalancer>,
    /// Protocols of the listeners.
    pub listeners: Vec<String>,
    pub rules: Vec<Rule>,
    /// Default actions of the listeners.
    pub defaults: Vec<Rule>,
    /// Security groups of the targets, by their names.
    pub target_groups: Vec<String>,
    pub admissions: Vec<Admission>,
    pub containers: Vec<Container>,
    /// Mistakes that only one kind of template can have.
    pub other: Vec<String>,
}

#[derive(Debug)]
pub struct LoadBalancer {
    pub drops_invalid_headers: bool,
    pub desync_mitigation: String,
}

#[derive(Debug, Default)]
pub struct Rule {
    pub name: String,
    pub priority: u64,
    pub paths: Vec<String>,
    pub actions: Vec<Action>,
    /// The reason why no user is signed in.
    pub without_sign_in: Option<String>,
}

/// An action of a rule, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// `authenticate-oidc`, `authenticate-cognito`.
    SignIn {
        on_unauthenticated: String,
        secret: Option<String>,
        client: String,
        cookie: String,
    },
    /// `jwt-validation`, with the names of the claims that it requires.
    Bearer {
        claims: Vec<String>,
    },
    Forward,
    /// `fixed-response`, `redirect`: reaches no target.
    Respond,
}

/// A rule of a security group or a network policy that admits a source.
#[derive(Debug)]
pub struct Admission {
    pub name: String,
    /// The group that it belongs to.
    pub group: String,
    /// The source is the load balancer's group, or, in a network policy, its subnets.
    pub from_load_balancer: bool,
}

#[derive(Debug)]
pub struct Container {
    pub name: String,
    /// The value of the signer's setting, for a container that verifies.
    pub signer: Option<(String, bool)>,
    pub read_only: bool,
    /// Unset means what the image says.
    pub user: Option<String>,
    /// Where it listens, for an application behind a sidecar.
    pub host: Option<String>,
}

impl Deployment {
    /// What differs from SECURITY.md, "What the operator must do".
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = self.other.clone();
        for balancer in &self.load_balancers {
            if !balancer.drops_invalid_headers {
                mistakes.push("no attribute drops invalid header fields".to_owned());
            }
            if !matches!(balancer.desync_mitigation.as_str(), "defensive" | "strictest") {
                mistakes.push(format!("desync mitigation is {}", balancer.desync_mitigation));
            }
        }
        for protocol in self.listeners.iter().filter(|protocol| *protocol != "HTTPS") {
            mistakes.push(format!("a listener is {protocol}, not HTTPS: authenticate actions need it"));
        }
        self.rules.iter().chain(&self.defaults).for_each(|rule| rule.mistakes(&mut mistakes));
        self.scripts(&mut mistakes);
        self.sessions(&mut mistakes);
        for admission in self.admissions.iter().filter(|admission| self.target_groups.contains(&admission.group)) {
            if !admission.from_load_balancer {
                mistakes
                    .push(format!("{} admits others than the load balancer to {}", admission.name, admission.group));
            }
        }
        for group in &self.target_groups {
            if !self.admissions.iter().any(|admission| admission.group == *group) {
                mistakes.push(format!("{group} admits nothing: is its rule in another file?"));
            }
        }
        self.containers.iter().for_each(|container| container.mistakes(&mut mistakes));
        mistakes
    }

    /// A rule for all paths has a rule with deny for `/api/*` before it.
    fn scripts(&self, mistakes: &mut Vec<String>) {
        let of_path = |path: &str| self.rules.iter().find(|rule| rule.paths.iter().any(|found| found == path));
        let Some(pages) = of_path("/*") else { return };
        let denied = of_path("/api/*").is_some_and(|api| {
            let deny = |action: &Action| matches!(action, Action::SignIn { on_unauthenticated, .. } if on_unauthenticated == "deny");
            api.priority < pages.priority && api.actions.iter().any(deny)
        });
        if !denied {
            mistakes.push("/api/* has no rule with deny before the rule for /*".to_owned());
        }
    }

    /// Rules of one host share client and cookie, so that a session of one is a session of the other.
    fn sessions(&self, mistakes: &mut Vec<String>) {
        let mut sessions = self.rules.iter().flat_map(|rule| &rule.actions).filter_map(|action| match action {
            Action::SignIn { client, cookie, .. } => Some((client, cookie)),
            _ => None,
        });
        if let Some(first) = sessions.next()
            && sessions.any(|other| other != first)
        {
            mistakes.push("authenticate actions differ in client or cookie name".to_owned());
        }
    }
}

impl Rule {
    fn mistakes(&self, mistakes: &mut Vec<String>) {
        let name = &self.name;
        if self.actions.is_empty() {
            mistakes.push(format!("{name} has no action"));
        }
        let authenticates = |action: &Action| matches!(action, Action::SignIn { .. } | Action::Bearer { .. });
        if let Some(forward) = self.actions.iter().position(|action| *action == Action::Forward) {
            let authenticated = self.actions.iter().take(forward).any(authenticates);
            match (&self.without_sign_in, authenticated) {
                (None, false) => {
                    mistakes.push(format!("{name} forwards without authentication, and no reason is stated"))
                }
                (Some(_), true) => mistakes.push(format!("{name} authenticates, but is marked as exempt")),
                (Some(reason), false) if reason.len() < 20 => mistakes.push(format!("{name}: {reason:?} is no reason")),
                (Some(_), false) if self.paths.is_empty() => mistakes.push(format!("{name} is exempt for every path")),
                (Some(_), false) => {
                    for path in self.paths.iter().filter(|path| path.contains(['*', '?'])) {
                        mistakes.push(format!("{name} is exempt for {path}: list exact paths"));
                    }
                }
                (None, true) => {}
            }
        } else if self.without_sign_in.is_some() {
            mistakes.push(format!("{name} reaches no target, but is marked as exempt"));
        }
        for action in &self.actions {
            match action {
                Action::SignIn { on_unauthenticated, secret, .. } => {
                    if !matches!(on_unauthenticated.as_str(), "authenticate" | "deny") {
                        mistakes.push(format!("{name}: {on_unauthenticated} for a request without a session"));
                    }
                    if let Some(secret) = secret {
                        mistakes.push(format!("{name}: the client secret is {secret}, not a reference"));
                    }
                }
                Action::Bearer { claims } if !claims.iter().any(|claim| claim == "aud") => {
                    mistakes.push(format!("{name}: aud is not required, so tokens for other services pass"));
                }
                _ => {}
            }
        }
    }
}

impl Container {
    fn mistakes(&self, mistakes: &mut Vec<String>) {
        let name = &self.name;
        if let Some((setting, false)) = &self.signer {
            mistakes.push(format!("{name}: {setting} is not the ARN of the load balancer"));
        }
        if !self.read_only {
            mistakes.push(format!("{name}: the root file system can be written"));
        }
        if self.user.as_deref().is_some_and(|user| user == "0" || user.starts_with("0:") || user.starts_with("root")) {
            mistakes.push(format!("{name} runs as root"));
        }
        if self.host.as_deref().is_some_and(|host| host != "127.0.0.1") {
            mistakes.push(format!("{name} listens at other addresses than loopback, past its sidecar"));
        }
    }
}
