//! Settings from the environment: one entry of trust, and a policy.
//!
//! The variables and their values are in the documentation of [`AlbAuthSettings::from_vars`].
//!
//! Unknown `ALB_AUTH_*` variables are rejected as probable typos. Several issuers, and all other settings, come from
//! [`AlbAuthSettings`] or from code.

use super::{
    AlbAuthConfig, AlbAuthSettings, SignInSettings, TrustSettings,
    builder::{WHERE_THE_ARN_IS, WHERE_THE_RULE_IS},
};
use crate::settings::{ConfigError, KeyAt, Problem, ProblemKind};

const PREFIX: &str = "ALB_AUTH_";
const SIGNERS: &str = "ALB_AUTH_SIGNERS";
const ISSUER: &str = "ALB_AUTH_ISSUER";
const CLIENT_IDS: &str = "ALB_AUTH_CLIENT_IDS";
const EMAIL_DOMAINS: &str = "ALB_AUTH_EMAIL_DOMAINS";
const SIGN_IN: &str = "ALB_AUTH_SIGN_IN";
const KEY_ENDPOINT: &str = "ALB_AUTH_KEY_ENDPOINT";
const VERIFIED_EMAIL: &str = "ALB_AUTH_REQUIRE_VERIFIED_EMAIL";
const MISSING_ACCEPTED: &str = "ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED";
const ALL: [&str; 8] =
    [SIGNERS, ISSUER, CLIENT_IDS, EMAIL_DOMAINS, SIGN_IN, KEY_ENDPOINT, VERIFIED_EMAIL, MISSING_ACCEPTED];

impl AlbAuthConfig {
    /// The configuration that the environment variables `ALB_AUTH_...` describe: see
    /// [`AlbAuthSettings::from_vars`] for their names.
    ///
    /// # Errors
    /// Every variable that is missing, with where to find its value, and all that
    /// [`build`](super::AlbAuthConfigBuilder::build) finds.
    pub fn from_env() -> Result<Self, ConfigError> {
        // A value that is not Unicode is not printed; the name says which variable it was.
        let vars = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        AlbAuthSettings::from_vars(vars)?.to_builder().build()
    }
}

impl AlbAuthSettings {
    /// The settings that these environment variables describe; those that do not begin with `ALB_AUTH_` are ignored.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `ALB_AUTH_SIGNERS` | ARNs of load balancers, with commas or spaces between them |
    /// | `ALB_AUTH_ISSUER` | the issuer |
    /// | `ALB_AUTH_CLIENT_IDS` | client ids, with commas or spaces between them |
    /// | `ALB_AUTH_EMAIL_DOMAINS` | domains whose users are signed in, with commas or spaces between them |
    /// | `ALB_AUTH_SIGN_IN` | `email_local_part` (as if unset), `whole_email`, `subject` or `claims_only` |
    /// | `ALB_AUTH_KEY_ENDPOINT` | where the public keys are, where AWS documents nothing; may be unset |
    /// | `ALB_AUTH_REQUIRE_VERIFIED_EMAIL` | `true` rejects an email without the claim `email_verified`; `false` as if unset |
    /// | `ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED` | `true` acknowledges that such an email is accepted; `false` as if unset |
    ///
    /// A variable that is set to nothing counts as unset.
    ///
    /// ```
    /// use tower_alb_auth::AlbAuthSettings;
    ///
    /// let alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
    /// let settings = AlbAuthSettings::from_vars([
    ///     ("ALB_AUTH_SIGNERS", alb),
    ///     ("ALB_AUTH_ISSUER", "https://idp.example.com"),
    ///     ("ALB_AUTH_CLIENT_IDS", "one, other"),
    ///     ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
    /// ])?;
    /// assert_eq!(settings.trust[0].client_ids, ["one", "other"]);
    ///
    /// let missing = AlbAuthSettings::from_vars([("ALB_AUTH_ISSUER", "https://idp.example.com")]).unwrap_err();
    /// assert!(missing.to_string().contains("aws elbv2 describe-load-balancers"));
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Every variable that is missing, with where to find its value, or whose name or value is not known.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<Self, ConfigError> {
        let vars: Vec<(String, String)> = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut problems = Vec::new();
        for (name, _) in vars.iter().filter(|(name, _)| name.starts_with(PREFIX) && !ALL.contains(&name.as_str())) {
            problems.push(Problem::unknown_key(KeyAt::path(name), ALL));
        }
        let one = |name: &str| {
            let value = vars.iter().find(|(held, _)| held == name).map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let list = |name: &str| -> Vec<String> {
            let value = one(name).unwrap_or_default();
            value.split([',', ' ', '\n', '\t']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let (signers, issuer, client_ids) = (list(SIGNERS), one(ISSUER), list(CLIENT_IDS));
        let mut required = |name: &str, is_missing: bool, what: &str, source: &str| {
            if is_missing {
                problems.push(missing(name, format!("{what}; {source}")));
            }
        };
        required(SIGNERS, signers.is_empty(), "the ARN of the load balancer", WHERE_THE_ARN_IS);
        required(ISSUER, issuer.is_none(), "the issuer of the users' tokens", WHERE_THE_RULE_IS);
        required(CLIENT_IDS, client_ids.is_empty(), "the client id at the issuer", WHERE_THE_RULE_IS);
        let require_verified = flag(VERIFIED_EMAIL, one(VERIFIED_EMAIL).as_deref(), &mut problems);
        let missing_accepted = flag(MISSING_ACCEPTED, one(MISSING_ACCEPTED).as_deref(), &mut problems);
        if require_verified && missing_accepted {
            problems.push(both(VERIFIED_EMAIL, MISSING_ACCEPTED, "are both true"));
        }
        let sign_in = policy(one(SIGN_IN).as_deref(), list(EMAIL_DOMAINS), require_verified, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let entry = TrustSettings {
            signers,
            issuer: issuer.unwrap_or_default(),
            client_ids,
            key_endpoint: one(KEY_ENDPOINT),
            ..TrustSettings::default()
        };
        Ok(Self { trust: vec![entry], sign_in, accept_missing_email_verified: missing_accepted })
    }
}

fn missing(name: &str, fix: String) -> Problem {
    Problem::of(ProblemKind::Missing, KeyAt::path(name), "is not set").with_fix(fix)
}

/// Two variables that contradict each other.
fn both(one: &str, other: &str, why: &str) -> Problem {
    let text = format!("{one} and {other} {why}");
    let problem = Problem::sentence(ProblemKind::Conflict, text).with_fix("unset one of the two");
    problem.for_key(KeyAt::path(one)).for_key(KeyAt::path(other))
}

fn flag(name: &str, value: Option<&str>, problems: &mut Vec<Problem>) -> bool {
    match value {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => {
            problems.push(Problem::unknown_value(KeyAt::path(name), other, ["true", "false"]));
            false
        }
    }
}

/// The values of `ALB_AUTH_SIGN_IN`.
const POLICIES: [&str; 4] = ["email_local_part", "whole_email", "subject", "claims_only"];

fn policy(
    name: Option<&str>,
    domains: Vec<String>,
    require_verified_email: bool,
    problems: &mut Vec<Problem>,
) -> Option<SignInSettings> {
    let by_email = matches!(name, None | Some("email_local_part" | "whole_email"));
    if by_email && domains.is_empty() {
        let fix = format!(
            "the domains whose users are signed in, such as example.com; or set {SIGN_IN} to subject or claims_only"
        );
        problems.push(missing(EMAIL_DOMAINS, fix));
    }
    for (is_set, variable, is) in
        [(!domains.is_empty(), EMAIL_DOMAINS, "set"), (require_verified_email, VERIFIED_EMAIL, "true")]
    {
        if is_set && !by_email {
            let why = format!("is {is}, but {SIGN_IN} is not a policy that reads emails");
            let problem = Problem::of(ProblemKind::Conflict, KeyAt::path(variable), why);
            problems.push(problem.with_fix("unset one of the two"));
        }
    }
    match name {
        None | Some("email_local_part") => {
            Some(SignInSettings::EmailLocalPart { domains, namespace: None, require_verified_email })
        }
        Some("whole_email") => Some(SignInSettings::WholeEmail { domains, namespace: None, require_verified_email }),
        Some("subject") => Some(SignInSettings::Subject { namespace: None }),
        Some("claims_only") => Some(SignInSettings::ClaimsOnly),
        Some(other) => {
            problems.push(Problem::unknown_value(KeyAt::path(SIGN_IN), other, POLICIES));
            None
        }
    }
}
