//! The actions of a rule: authenticate, perhaps, and then one that ends the rule.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

use http::{HeaderValue, uri::Authority};

use super::{jwt_validation::JwtValidation, redirect::Redirect};

/// The actions of a rule, or of the listener's default rule.
pub(in crate::emulator) struct Actions {
    /// Which [`Authenticate`](super::Authenticate) of the table; `None` if there is no such action.
    pub(in crate::emulator) authenticate: Option<usize>,
    /// The action `jwt-validation`.
    pub(in crate::emulator) validate: Option<JwtValidation>,
    pub(in crate::emulator) end: End,
}

/// The last action.
pub(in crate::emulator) enum End {
    Forward(Group),
    FixedResponse(FixedResponse),
    Redirect(Redirect),
    /// 501 in place of `jwt-validation`, if the configuration wants that.
    Respond501,
}

pub(in crate::emulator) struct FixedResponse {
    pub(in crate::emulator) status: u16,
    pub(in crate::emulator) content_type: Option<HeaderValue>,
    pub(in crate::emulator) body: String,
}

/// Target groups with weights.
pub(in crate::emulator) struct Group {
    targets: Vec<WeightedTarget>,
    requests: AtomicU32,
}

#[derive(Debug, Clone)]
pub(super) struct WeightedTarget {
    /// The name of the target group; empty for the target without a name.
    pub(super) name: String,
    pub(super) weight: u32,
    /// Where its requests go. `None` if there is no target.
    pub(super) address: Option<Authority>,
}

impl Group {
    pub(super) fn new(targets: Vec<WeightedTarget>) -> Self {
        Self { targets, requests: AtomicU32::new(0) }
    }

    /// The target without a name.
    pub(super) fn default_target(address: Option<Authority>) -> Self {
        Self::new(vec![WeightedTarget { name: String::new(), weight: 1, address }])
    }

    /// The target of the next request: of as many requests as the weights sum up to, each group gets
    /// as many as its weight. `None` if there is no target, or all weights are 0.
    pub(in crate::emulator) fn next(&self) -> Option<&Authority> {
        let sum = self.targets.iter().fold(0_u32, |sum, target| sum.saturating_add(target.weight));
        let mut number = self.requests.fetch_add(1, Ordering::Relaxed).checked_rem(sum)?;
        for target in &self.targets {
            match number.checked_sub(target.weight) {
                Some(rest) => number = rest,
                None => return target.address.as_ref(),
            }
        }
        None
    }
}

impl End {
    /// The name of the action, as a load balancer logs it.
    pub(in crate::emulator) fn name(&self) -> &'static str {
        match self {
            Self::Forward(_) => "forward",
            Self::FixedResponse(_) => "fixed-response",
            Self::Redirect(_) => "redirect",
            Self::Respond501 => "respond-501",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(group) => {
                f.write_str("forward to ")?;
                let has_weights = group.targets.len() > 1;
                for (index, target) in group.targets.iter().enumerate() {
                    let joint = if index == 0 { "" } else { ", " };
                    let name = match target.name.as_str() {
                        "" => String::new(),
                        name => format!("{} at ", name.escape_default()),
                    };
                    let address = target.address.as_ref().map_or("no target", Authority::as_str);
                    write!(f, "{joint}{name}{address}")?;
                    if has_weights {
                        write!(f, " (weight {})", target.weight)?;
                    }
                }
                Ok(())
            }
            Self::FixedResponse(response) => write!(f, "respond {}", response.status),
            Self::Redirect(to) => {
                let Redirect { status, protocol, host, port, path, query } = to;
                let query = if query.is_empty() { String::new() } else { format!("?{query}") };
                let address = format!("{protocol}://{host}:{port}{path}{query}");
                write!(f, "redirect {status} to {}", address.escape_default())
            }
            Self::Respond501 => f.write_str("respond 501 in place of jwt-validation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_gets_its_share() {
        let target = |name: &str, weight| WeightedTarget { name: name.to_owned(), weight, address: name.parse().ok() };
        let group = Group::new(vec![target("a:1", 3), target("b:1", 0), target("c:1", 1)]);
        let got: Vec<&str> = (0..8).filter_map(|_| group.next().map(Authority::as_str)).collect();
        assert_eq!(got, ["a:1", "a:1", "a:1", "c:1", "a:1", "a:1", "a:1", "c:1"]);
        assert_eq!(Group::new(vec![target("a:1", 0)]).next(), None);
        assert_eq!(Group::default_target(None).next(), None);
    }
}
