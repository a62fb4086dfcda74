//! Bearer tokens of machines, from the environment.

use super::{of_the_process, vars::Vars};
use crate::{config::MachineTokens, settings::ConfigError};

/// Another prefix than `ALB_AUTH_`, whose variables a program without a layer for machines reads too and would refuse or drop.
const PREFIX: &str = "ALB_MACHINE_";
const ISSUER: &str = "ALB_MACHINE_ISSUER";
const AUDIENCES: &str = "ALB_MACHINE_AUDIENCES";
const CLIENTS: &str = "ALB_MACHINE_CLIENTS";
const JWKS_URI: &str = "ALB_MACHINE_JWKS_URI";

impl MachineTokens {
    /// The tokens that the environment variables `ALB_MACHINE_...` describe: see [`from_vars`](Self::from_vars).
    ///
    /// # Errors
    /// As those of `from_vars`.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(of_the_process(PREFIX))
    }

    /// The tokens that these variables describe; those that do not begin with `ALB_MACHINE_` are ignored.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `ALB_MACHINE_ISSUER` | the issuer of the tokens |
    /// | `ALB_MACHINE_AUDIENCES` | accepted `aud`, with commas or spaces between them |
    /// | `ALB_MACHINE_CLIENTS` | accepted clients, with commas or spaces between them |
    /// | `ALB_MACHINE_JWKS_URI` | where the issuer's keys are, instead of the address in its discovery document; may be unset |
    ///
    /// A variable that is set to nothing counts as unset.
    ///
    /// ```
    /// use tower_alb_auth::{MachineLayer, config::MachineTokens};
    ///
    /// let tokens = MachineTokens::from_vars([
    ///     ("ALB_MACHINE_ISSUER", "https://login.example.com"),
    ///     ("ALB_MACHINE_AUDIENCES", "api://orders"),
    ///     ("ALB_MACHINE_CLIENTS", "nightly-report, importer"),
    /// ])?;
    /// let machines = MachineLayer::new(tokens)?;
    /// # let _ = machines;
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Every variable that is missing or not known. [`MachineLayer::new`](crate::MachineLayer::new) checks the values.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<Self, ConfigError> {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        let mut vars = Vars::of(vars, PREFIX, &[ISSUER, AUDIENCES, CLIENTS, JWKS_URI], |_| false);
        let (issuer, audiences, clients) = (vars.one(ISSUER), vars.list(AUDIENCES), vars.list(CLIENTS));
        let jwks_uri = vars.one(JWKS_URI);
        for (name, is_missing, fix) in [
            (ISSUER, issuer.is_none(), "set it to the issuer of the tokens"),
            (AUDIENCES, audiences.is_empty(), "set it to the name of this service at the issuer: their claim aud"),
            (CLIENTS, clients.is_empty(), "set it to the client id of each machine"),
        ] {
            if is_missing {
                vars.missing(name, fix.to_owned());
            }
        }
        if !vars.problems.is_empty() {
            return Err(ConfigError::new(vars.problems));
        }
        let tokens = Self::new(issuer.unwrap_or_default());
        let tokens = audiences.into_iter().fold(tokens, Self::audience);
        let tokens = clients.into_iter().fold(tokens, Self::client);
        Ok(jwks_uri.into_iter().fold(tokens, Self::jwks_uri))
    }
}
