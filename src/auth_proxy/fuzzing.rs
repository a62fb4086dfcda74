//! The rules and header rules of the proxy, for the oracles of `fuzz/`.

use http::{HeaderMap, Method, Request};

use super::{
    identity_headers::IdentityHeaders,
    other_targets,
    rules::{self, Access, Rule},
};
use crate::{
    RequireLayer,
    internal::{
        HostName,
        proxy::{end_hop_of_client, named_host},
    },
};

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the settings")]
pub enum Needs {
    Required,
    Optional,
    Exempt,
}

/// Rules of the proxy.
#[derive(Debug)]
pub struct Rules(rules::Rules);

impl Rules {
    /// Each of host, path, access and whether the rule has a requirement. Exempt paths are exempt for `GET`.
    pub fn new(rules: &[(Option<&str>, &str, Needs, bool)]) -> Option<Self> {
        let rule = |(host, path, needs, requires): &(Option<&str>, &str, Needs, bool)| {
            Some(Rule {
                host: host.map(str::parse).transpose().ok()?,
                path: path.parse().ok()?,
                access: match needs {
                    Needs::Required => Access::Required,
                    Needs::Optional => Access::Optional,
                    Needs::Exempt => Access::Exempt,
                },
                methods: vec![Method::GET],
                requirements: requires.then(|| RequireLayer::claim_equals("role", "admin")).into_iter().collect(),
            })
        };
        rules.iter().map(rule).collect::<Option<Vec<_>>>().map(|rules| Self(rules::Rules::new(rules)))
    }

    /// The access and the number of requirements; `None` if the path has too many readings.
    ///
    /// # Panics
    ///
    /// For a host that is not one.
    pub fn needs(&self, method: &Method, host: Option<&str>, path: &str) -> Option<(Needs, usize)> {
        let host = host.map(|host| HostName::read(host).expect("a host"));
        let needs = self.0.needs(method, host.as_ref(), path).ok()?;
        let access = match needs.access {
            Access::Required => Needs::Required,
            Access::Optional => Needs::Optional,
            Access::Exempt => Needs::Exempt,
        };
        Some((access, needs.requirements().count()))
    }
}

/// The host of a request, if it names at most one: in lower case, without a port.
pub fn host<B>(request: &Request<B>) -> Option<Option<String>> {
    let host = named_host(request).ok()?;
    Some(host.map(|host| host.name().to_owned()))
}

/// What the reverse proxy removes from the head of a request without a user, in its order. `names` are headers that the
/// operator lets the proxy set.
pub fn edit<'n>(headers: &mut HeaderMap, names: impl IntoIterator<Item = &'n str>) {
    IdentityHeaders::with(names).strip_all(headers);
    end_hop_of_client(headers);
    other_targets::strip_other_targets(headers, false);
}
