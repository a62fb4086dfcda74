//! Listener rules by path.

use percent_encoding::percent_decode_str;
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

    /// Whether the path matches the pattern.
    pub(crate) fn fits(&self, path: &str) -> bool {
        fits(self.path.as_bytes(), path.as_bytes())
    }

    /// Whether a percent-decoded path matches the percent-decoded pattern. A listener compares the
    /// text of a path, an application its meaning.
    pub(crate) fn fits_unescaped(&self, path: &[u8]) -> bool {
        let pattern: Vec<u8> = percent_decode_str(&self.path).collect();
        fits(&pattern, path)
    }
}

/// Not recursive: it only has to remember the position of the last `*`.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read, mut star) = (0_usize, 0_usize, None::<(usize, usize)>);
    while let Some(byte) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at = at.saturating_add(1);
            }
            Some(expected) if *expected == b'?' || expected == byte => {
                at = at.saturating_add(1);
                read = read.saturating_add(1);
            }
            _ => {
                // The last star matches one more character.
                let Some((star_at, star_read)) = star else { return false };
                let next = star_read.saturating_add(1);
                star = Some((star_at, next));
                at = star_at.saturating_add(1);
                read = next;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_listener() {
        for (pattern, path, expected) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api/a/b", true),
            ("/api/*", "/api", false),
            ("/api/*", "/API/a", false),
            ("/img/*.png", "/img/a/b.png", true),
            ("/img/*.png", "/img/b.png.txt", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*", "/", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/*a*b", "/xaxxaxb", true),
            ("/*a*b", "/xbxa", false),
            ("", "/", false),
        ] {
            assert_eq!(Rule::new(pattern, RuleAction::Deny).fits(path), expected, "{pattern} {path}");
        }
    }
}
