//! Settings from the environment: one entry of trust, and a policy.
//!
//! The variables and their values are in the documentation of [`AlbAuthSettings::from_vars`].
//!
//! Unknown `ALB_AUTH_*` variables are rejected as probable typos. Several issuers, and all other settings, come from
//! [`AlbAuthSettings`] or from code.

#[cfg(feature = "https")]
mod machines;
mod sign_in;
mod vars;

use self::vars::{
    ACCESS_TOKEN, ACCESS_TOKEN_AUDIENCES, ACCESS_TOKEN_ISSUER, ACCESS_TOKEN_JWKS_URI, ACCESS_TOKEN_SUBJECT_CLAIM,
    ANY_CLIENT, CLIENT_IDS, DENY_LIST_FILE, EMULATOR_CA_FILE, IDENTITY_HEADER_IGNORED, ISSUER, KEY_ENDPOINT,
    MISSING_ACCEPTED, OF_POLICIES, PLAIN_HTTP_FROM, PREFIX, SIGNERS, UNVERIFIED_ACCEPTED, VERIFIED_EMAIL, Vars,
};
use super::{
    AccessTokens, AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthSettings, GroupSettings, SignInSettings, TrustSettings,
    entry::{WHERE_THE_ARN_IS, WHERE_THE_RULE_IS},
};
use crate::settings::{ConfigError, KeyAt, Problem, ProblemKind};

impl AlbAuthConfig {
    /// The configuration that the environment variables `ALB_AUTH_...` describe: see
    /// [`AlbAuthSettings::from_vars`] for their names.
    ///
    /// # Errors
    /// Every variable that is missing, with where to find its value, and all that
    /// [`build`](super::AlbAuthConfigBuilder::build) finds.
    pub fn from_env() -> Result<Self, ConfigError> {
        AlbAuthSettings::from_vars(of_the_process(PREFIX))?.to_builder().build()
    }

    /// A builder with the trust and the limits of the environment variables `ALB_AUTH_...`, for a sign-in policy in code:
    /// see [`trust_from_vars`](Self::trust_from_vars).
    ///
    /// ```no_run
    /// use tower_alb_auth::{AlbAuthConfig, sign_in::Subject};
    ///
    /// let config = AlbAuthConfig::trust_from_env()?.sign_in(Subject::new()).build()?;
    /// # let _ = config;
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As those of [`trust_from_vars`](Self::trust_from_vars).
    pub fn trust_from_env() -> Result<AlbAuthConfigBuilder, ConfigError> {
        Self::trust_from_vars(of_the_process(PREFIX))
    }

    /// A builder with the trust and the limits of these environment variables, and without a sign-in policy, which code adds.
    ///
    /// The variables of sign-in policies and groups (`ALB_AUTH_SIGN_IN`, `ALB_AUTH_EMAIL_DOMAINS`, ...) have no effect then: each
    /// one that is set is a [warning](Self::warnings) at the start. See [`AlbAuthSettings::from_vars`] for all names.
    ///
    /// ```
    /// use tower_alb_auth::{AlbAuthConfig, keys::FixedKeys, sign_in::{FirstMatch, EmailLocalPart, Subject}};
    ///
    /// let alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
    /// let trust = AlbAuthConfig::trust_from_vars([
    ///     ("ALB_AUTH_SIGNERS", alb),
    ///     ("ALB_AUTH_ISSUER", "https://idp.example.com"),
    ///     ("ALB_AUTH_CLIENT_IDS", "my-application"),
    /// ])?;
    /// let staff = EmailLocalPart::in_domains(["example.com"]);
    /// let config = trust.sign_in(FirstMatch::of(staff).or(Subject::new())).fixed_keys(FixedKeys::new()).build()?;
    /// assert!(config.summary().contains("my-application"));
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Every variable of trust that is missing, with where to find its value, or whose name or value is not known.
    pub fn trust_from_vars(
        vars: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<AlbAuthConfigBuilder, ConfigError> {
        let mut vars = Vars::new(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        let settings = AlbAuthSettings::read(&mut vars, |_| (None, None))?;
        let without_effect = OF_POLICIES.iter().filter(|name| vars.one(name).is_some());
        Ok(without_effect.fold(settings.to_builder(), |builder, name| {
            builder.warning(format!("{name} is set and has no effect, since the sign-in policy is in code: unset it"))
        }))
    }
}

/// The variables of the process. A value that is not Unicode is not printed; the name says which variable it was.
fn of_the_process(prefix: &'static str) -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(move |(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(prefix))?;
        Some((name, value.to_string_lossy().into_owned()))
    })
}

impl AlbAuthSettings {
    /// The settings that these environment variables describe; those that do not begin with `ALB_AUTH_` are ignored.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `ALB_AUTH_SIGNERS` | ARNs of load balancers, with commas or spaces between them |
    /// | `ALB_AUTH_ISSUER` | the issuer |
    /// | `ALB_AUTH_CLIENT_IDS` | client ids, with commas or spaces between them |
    /// | `ALB_AUTH_SIGN_IN` | `email_local_part` (as if unset), `whole_email`, `subject`, `claim` or `claims_only` |
    /// | `ALB_AUTH_EMAIL_DOMAINS` | domains whose users are signed in, with commas or spaces between them |
    /// | `ALB_AUTH_ALLOWED_ADDRESSES` | further addresses, with commas or spaces between them |
    /// | `ALB_AUTH_EMAIL_CLAIM` | the claim with the address, `email` unless set: `upn`, `emails[0]` |
    /// | `ALB_AUTH_STRIP_PLUS_SUFFIX` | `true` removes `+...` from the local part |
    /// | `ALB_AUTH_SIGN_IN_CLAIM`, `ALB_AUTH_IGNORE_CASE` | the claim of the policy `claim`; `true` converts it to lower case |
    /// | `ALB_AUTH_NAMESPACE` | the namespace of users, `default` unless set |
    /// | `ALB_AUTH_GROUPS_CLAIM`, `ALB_AUTH_GROUPS_PATH` | claims with groups; the path to a value inside of a claim, `realm_access.roles` |
    /// | `ALB_AUTH_GROUPS_FORMAT` | `texts` (as if unset), `brackets`, `json`, `commas`, `blanks` or `keys` |
    /// | `ALB_AUTH_GROUPS_MAP` | `admins=group:default/admins`, with commas or line feeds between pairs |
    /// | `ALB_AUTH_KEY_ENDPOINT` | where the public keys are, where AWS documents nothing; may be unset |
    /// | `ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM` | a host of a private network; the keys of an emulator there may be plain http |
    /// | `ALB_AUTH_EMULATOR_CA_FILE` | the CA of an emulator's key endpoint on https: see [`TrustedAlb::emulator_ca_file`](crate::TrustedAlb::emulator_ca_file) |
    /// | `ALB_AUTH_REQUIRE_VERIFIED_EMAIL` | `true` rejects an email without the claim `email_verified`; `false` as if unset |
    /// | `ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED` | `true` acknowledges that such an email is accepted; `false` as if unset |
    /// | `ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL` | `true` accepts an email that the provider reports as not verified |
    /// | `ALB_AUTH_DANGEROUSLY_ALLOW_ANY_DOMAIN` | `true` signs in users of any email domain |
    /// | `ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT` | `true` accepts any client id of the issuer |
    /// | `ALB_AUTH_DANGEROUSLY_IGNORE_IDENTITY_HEADER` | `true` lets `x-amzn-oidc-identity` differ from the signed subject |
    /// | `ALB_AUTH_VERIFY_ACCESS_TOKEN` | `true` verifies access tokens too: see [`AccessTokens`] |
    /// | `ALB_AUTH_ACCESS_TOKEN_ISSUER` | the issuer of access tokens, if it is not `ALB_AUTH_ISSUER` |
    /// | `ALB_AUTH_ACCESS_TOKEN_AUDIENCES` | accepted `aud` of access tokens, with commas or spaces between them |
    /// | `ALB_AUTH_ACCESS_TOKEN_JWKS_URI` | where the issuer's keys are, instead of where its discovery document says |
    /// | `ALB_AUTH_ACCESS_TOKEN_SUBJECT_CLAIM` | the claim that is the subject of the signed claims, `sub` unless set |
    /// | `ALB_AUTH_DENY_LIST_FILE` | a file with users that are shut out: see [`deny_list`](crate::deny_list) |
    /// | `ALB_AUTH_LIMIT_...` | a limit by its name in upper case, such as `ALB_AUTH_LIMIT_MAX_LIFETIME=30m` |
    ///
    /// A variable that is set to nothing counts as unset, but those without which more users are admitted or a user is another one:
    /// `ALB_AUTH_DENY_LIST_FILE`, `ALB_AUTH_REQUIRE_VERIFIED_EMAIL`, `ALB_AUTH_VERIFY_ACCESS_TOKEN`, `ALB_AUTH_ACCESS_TOKEN_AUDIENCES`,
    /// `ALB_AUTH_SIGN_IN`, `ALB_AUTH_EMAIL_CLAIM`, `ALB_AUTH_NAMESPACE` and `ALB_AUTH_GROUPS_FROM`. That is an error.
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
        let mut vars = Vars::new(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        Self::read(&mut vars, |vars| (sign_in::policy(vars), sign_in::groups(vars)))
    }

    /// The settings of these variables, with the policy and the groups that this function reads.
    fn read(
        vars: &mut Vars,
        sign_in: impl FnOnce(&mut Vars) -> (Option<SignInSettings>, Option<GroupSettings>),
    ) -> Result<Self, ConfigError> {
        let (signers, issuer, client_ids) = (vars.list(SIGNERS), vars.one(ISSUER), vars.list(CLIENT_IDS));
        let any_client = vars.flag(ANY_CLIENT);
        for (name, is_missing, what, source) in [
            (SIGNERS, signers.is_empty(), "the ARN of the load balancer", WHERE_THE_ARN_IS),
            (ISSUER, issuer.is_none(), "the issuer of the users' tokens", WHERE_THE_RULE_IS),
            (CLIENT_IDS, client_ids.is_empty() && !any_client, "the client id at the issuer", WHERE_THE_RULE_IS),
        ] {
            if is_missing {
                vars.missing(name, format!("{what}; {source}"));
            }
        }
        if any_client && !client_ids.is_empty() {
            vars.contradict(CLIENT_IDS, ANY_CLIENT, "are both set");
        }
        let missing_accepted = vars.flag(MISSING_ACCEPTED);
        let identity_header_ignored = vars.flag(IDENTITY_HEADER_IGNORED);
        let (sign_in, groups) = sign_in(vars);
        for other in [VERIFIED_EMAIL, UNVERIFIED_ACCEPTED] {
            if missing_accepted && vars.one(other).as_deref() == Some("true") {
                vars.contradict(other, MISSING_ACCEPTED, "are both true");
            }
        }
        let access_token = access_token(vars);
        let limits = vars.limits().into_iter().map(|(name, text)| (name, text.into())).collect();
        let key_endpoint = vars.one(KEY_ENDPOINT);
        let entry = TrustSettings {
            signers,
            issuer: issuer.unwrap_or_default(),
            client_ids,
            dangerously_accept_any_client: any_client,
            key_endpoint,
            dangerously_fetch_keys_over_http_from: vars.one(PLAIN_HTTP_FROM),
            emulator_ca_file: vars.one(EMULATOR_CA_FILE).map(Into::into),
            access_token,
            ..TrustSettings::default()
        };
        let settings = Self {
            trust: vec![entry],
            sign_in,
            groups,
            accept_missing_email_verified: missing_accepted,
            dangerously_ignore_identity_header: identity_header_ignored,
            deny_list_file: vars.one(DENY_LIST_FILE).map(Into::into),
            limits,
        };
        if vars.problems.is_empty() {
            return Ok(settings);
        }
        let mut problems = std::mem::take(&mut vars.problems);
        problems.extend(settings.invalid_values());
        Err(ConfigError::new(problems))
    }

    /// What is wrong with the values that are there, if others are missing: reported with those, so that a variable that is
    /// missing hides no other mistake.
    fn invalid_values(mut self) -> Vec<Problem> {
        // Files are for the build.
        self.deny_list_file = None;
        self.trust.iter_mut().for_each(|entry| entry.emulator_ca_file = None);
        let has_issuer = self.trust.iter().all(|entry| !entry.issuer.is_empty());
        let Err(error) = self.to_builder().build() else { return Vec::new() };
        let concerns_a_value = |problem: &&Problem| match problem.kind() {
            ProblemKind::InvalidValue => has_issuer || problem.found() != Some("\"\""),
            kind => kind == ProblemKind::OutOfRange,
        };
        error.problems().iter().filter(concerns_a_value).cloned().collect()
    }
}

fn access_token(vars: &mut Vars) -> Option<AccessTokens> {
    let tokens = AccessTokens {
        issuer: vars.one(ACCESS_TOKEN_ISSUER),
        audiences: vars.list(ACCESS_TOKEN_AUDIENCES),
        jwks_uri: vars.one(ACCESS_TOKEN_JWKS_URI),
        subject_claim: vars.one(ACCESS_TOKEN_SUBJECT_CLAIM),
    };
    if vars.flag(ACCESS_TOKEN) {
        return Some(tokens);
    }
    let details = [ACCESS_TOKEN_ISSUER, ACCESS_TOKEN_AUDIENCES, ACCESS_TOKEN_JWKS_URI, ACCESS_TOKEN_SUBJECT_CLAIM];
    for name in details.into_iter().filter(|name| vars.one(name).is_some()).collect::<Vec<_>>() {
        let problem =
            Problem::of(ProblemKind::Conflict, KeyAt::path(name), "is set, but access tokens are not verified");
        vars.problems.push(problem.with_fix(format!("set {ACCESS_TOKEN}=true, or unset it")));
    }
    None
}
