//! Paths of the endpoints, relative to the issuer.

pub(super) const AUTHORIZE: &str = "/authorize";
pub(super) const TOKEN: &str = "/token";
pub(super) const USERINFO: &str = "/userinfo";
pub(super) const JWKS: &str = "/jwks";
pub(super) const END_SESSION: &str = "/logout";
pub(super) const REVOKE: &str = "/revoke";
