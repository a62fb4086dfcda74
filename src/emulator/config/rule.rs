//! Listener rules by path.

use serde::Deserialize;

/// What happens to a request without a session: `OnUnauthenticatedRequest` of a listener rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OnUnauthenticated {
    /// Redirects it to the provider.
    #[default]
    Authenticate,
    /// Forwards it without the headers.
    Allow,
    /// Responds 401. A browser with an expired session is redirected to the provider.
    Deny,
}

/// The action of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Authenticate action with [`OnUnauthenticated::Authenticate`].
    Authenticate,
    /// Authenticate action with [`OnUnauthenticated::Allow`].
    Allow,
    /// Authenticate action with [`OnUnauthenticated::Deny`].
    Deny,
    /// No authenticate action: the request is forwarded without the load balancer's headers.
    Forward,
}

impl RuleAction {
    /// What happens without a session; `None` if no session is required.
    pub(crate) fn on_unauthenticated(self) -> Option<OnUnauthenticated> {
        match self {
            Self::Authenticate => Some(OnUnauthenticated::Authenticate),
            Self::Allow => Some(OnUnauthenticated::Allow),
            Self::Deny => Some(OnUnauthenticated::Deny),
            Self::Forward => None,
        }
    }
}

/// A rule by path, like the path condition of a listener rule: `*` matches any number of
/// characters, `?` matches one; letter case matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub(crate) path: String,
    pub(crate) action: RuleAction,
}

impl Rule {
    /// Applies the action to requests whose path matches.
    ///
    /// ```
    /// use tower_alb_auth::emulator::{Rule, RuleAction};
    ///
    /// let rule = Rule::new("/api/*", RuleAction::Deny);
    /// # let _ = rule;
    /// ```
    pub fn new(path: impl Into<String>, action: RuleAction) -> Self {
        Self { path: path.into(), action }
    }
}

/// What happens with the action `jwt-validation` of a rule of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OnJwtValidation {
    /// The bearer token is verified. The emulator does not start if the settings of the action cannot be used.
    #[default]
    Verify,
    /// Requests of such a rule get 501, without a check.
    #[serde(rename = "respond_501")]
    #[value(name = "respond-501")]
    Respond501,
}
