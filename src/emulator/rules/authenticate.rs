//! The authenticate action of a rule.

use std::time::Duration;

use crate::{
    emulator::{config::OnUnauthenticated, session::SessionCookies},
    internal::quoted,
};

/// Parameters that a load balancer itself sends to the authorization endpoint.
const OWN_PARAMETERS: [&str; 5] = ["client_id", "redirect_uri", "response_type", "scope", "state"];

/// What an authenticate action sets, except for the provider, which is the emulator's own.
#[derive(Clone)]
pub(in crate::emulator) struct Authenticate {
    pub(in crate::emulator) on_unauthenticated: OnUnauthenticated,
    pub(in crate::emulator) scope: String,
    pub(in crate::emulator) parameters: Vec<(String, String)>,
    pub(in crate::emulator) session_timeout: Duration,
    pub(in crate::emulator) cookies: SessionCookies,
}

/// What is wrong with a scope, if anything.
pub(in crate::emulator) fn problem_of_scope(scope: &str) -> Option<String> {
    let has_openid = scope.split(' ').any(|scope| scope == "openid");
    (!has_openid).then(|| format!("the scope {} has no openid, so the provider would issue no ID token", quoted(scope)))
}

/// What is wrong with a parameter of this name, if anything.
pub(in crate::emulator) fn problem_of_parameter(name: &str) -> Option<String> {
    OWN_PARAMETERS.contains(&name).then(|| {
        format!("the parameter {} is set by the load balancer itself, so it would be sent twice", quoted(name))
    })
}
