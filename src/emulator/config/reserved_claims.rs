//! `iss` and `exp` of a userinfo response.

use serde::Deserialize;

/// What happens to `iss` and `exp` that the provider's userinfo response has itself, as that of Dex. AWS does not document what a load
/// balancer does; a token that had them twice would be rejected by the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ReservedClaims {
    /// The load balancer's values replace them.
    #[default]
    Replace,
    /// They stay, and the load balancer adds only those that are missing.
    Keep,
}
