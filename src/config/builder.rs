//! From settings to a configuration, with all problems reported at once.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use super::{
    AlbAuthConfig, IdentityHeader, Settings, Trust, TrustedAlb, between_entries, emulator_ca,
    entry::{self, SharedSignIn, WHERE_THE_ARN_IS},
    limit_settings::Limits,
    warnings,
};
#[cfg(feature = "https")]
use crate::{
    alb::KeyEndpoint,
    keys::{HttpsKeys, HttpsSource},
    net::tls::Roots,
};
use crate::{
    deny_list::DenyList,
    keys::{FixedKeys, KeySource, SharedSource},
    settings::FilesRead,
    sign_in::SignInResolver,
    sync::{Clock, SharedClock},
};
use crate::{
    limits::{CacheLimits, KeyLimits, LimitProblem, TokenLimits},
    settings::{ConfigError, KeyAt, Problem, ProblemKind},
};

/// Collects settings; [`build`](Self::build) checks them all. Made by [`AlbAuthConfig::builder`].
#[derive(Debug, Default)]
#[must_use = "nothing is configured before build()"]
pub struct AlbAuthConfigBuilder {
    trusted: Vec<TrustedAlb>,
    sign_in: Option<Arc<dyn SignInResolver>>,
    share_sign_in: bool,
    limits: Limits,
    /// Mistakes in settings that are read before the configuration is built.
    problems: Vec<Problem>,
    keys: Keys,
    clock: SharedClock,
    identity_header: IdentityHeader,
    record_user: bool,
    missing_email_verified_accepted: bool,
    email_is_read: bool,
    warnings: Vec<String>,
    deny_list_file: Option<PathBuf>,
    files: FilesRead,
}

#[derive(Debug, Default)]
enum Keys {
    #[default]
    Unset,
    #[cfg(feature = "https")]
    Https(HttpsKeys),
    Fixed(FixedKeys),
    Source(SharedSource),
}

impl Keys {
    /// Whether this crate fetches them over HTTPS.
    fn are_fetched(&self) -> bool {
        cfg!(feature = "https") && !matches!(self, Self::Fixed(_) | Self::Source(_))
    }

    /// Where keys come from, if that is not where AWS documents them to be; for the start-up line.
    fn describe(&self) -> Option<String> {
        match self {
            Self::Unset => None,
            #[cfg(feature = "https")]
            Self::Https(keys) => keys.describe(),
            Self::Fixed(keys) => Some(format!("keys are fixed ({}), and none is fetched", keys.len())),
            Self::Source(_) => Some("keys come from the application's own key source".to_owned()),
        }
    }
}

impl AlbAuthConfig {
    /// Collects settings.
    pub fn builder() -> AlbAuthConfigBuilder {
        AlbAuthConfigBuilder::new()
    }
}

impl AlbAuthConfigBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Trusts these load balancers with this issuer. May be called several times; a token must match one entry as a whole.
    pub fn trust(mut self, entry: TrustedAlb) -> Self {
        self.trusted.push(entry);
        self
    }

    /// The sign-in policy of entries that name none. See [`sign_in`](crate::sign_in).
    pub fn sign_in(mut self, policy: impl SignInResolver) -> Self {
        self.sign_in = Some(Arc::new(policy));
        self
    }

    pub(super) fn sign_in_policy(mut self, policy: Option<Arc<dyn SignInResolver>>) -> Self {
        self.sign_in = policy;
        self
    }

    /// The files that the settings were read from.
    #[cfg(feature = "app-config")]
    pub(super) fn read_from(mut self, files: &FilesRead) -> Self {
        self.files.extend(files);
        self
    }

    pub(crate) fn warning(mut self, text: String) -> Self {
        self.warnings.push(text);
        self
    }

    /// Lets several issuers name users in the same namespace: the same subject or email at two of them becomes one user.
    ///
    /// Safe only if the issuers share one directory, so that the same name is the same person.
    pub fn dangerously_share_sign_in_between_issuers(mut self) -> Self {
        self.share_sign_in = true;
        self
    }

    /// Acknowledges that an email is accepted without the claim `email_verified`, and so leaves out the warning at start-up.
    ///
    /// Entra ID and Okta never send that claim. At the operator's own issuer an email without it is accepted, since the
    /// operator knows who can change an address there. At an issuer that anyone can have an account at it is rejected all the
    /// same. If the provider does send the claim, use
    /// [`require_verified_email`](crate::sign_in::EmailSignIn::require_verified_email) instead.
    pub fn accept_missing_email_verified(mut self) -> Self {
        self.missing_email_verified_accepted = true;
        self
    }

    /// Something beside the sign-in policies reads the email of a user, such as a header of `alb-auth-proxy`.
    #[cfg(feature = "proxy")]
    pub(crate) fn email_is_read(mut self) -> Self {
        self.email_is_read = true;
        self
    }

    /// Shuts out the users in this file, which [`build`](Self::build) reads and which is watched from then on: see
    /// [`deny_list`](crate::deny_list). A relative path begins at the process's current folder.
    pub fn deny_list_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.deny_list_file = Some(path.into());
        self
    }

    /// What a token may be.
    pub fn token_limits(mut self, limits: TokenLimits) -> Self {
        self.limits.token = limits;
        self
    }

    /// How public keys are fetched, kept and given up.
    pub fn key_limits(mut self, limits: KeyLimits) -> Self {
        self.limits.key = limits;
        self
    }

    /// How much is remembered.
    pub fn cache_limits(mut self, limits: CacheLimits) -> Self {
        self.limits.cache = limits;
        self
    }

    /// Sets a limit by its name, which is written at this key.
    pub(super) fn limit(mut self, at: KeyAt, name: &str, text: &str) -> Self {
        self.problems.extend(self.limits.set(at, name, text).err());
        self
    }

    /// Fetches keys over HTTPS with these roots or this proxy, instead of the defaults.
    #[cfg(feature = "https")]
    pub fn https(mut self, keys: HttpsKeys) -> Self {
        self.keys = Keys::Https(keys);
        self
    }

    /// Uses these keys and fetches none. Where the entries have several key endpoints, each key needs
    /// [`for_endpoint`](FixedKeys::for_endpoint).
    pub fn fixed_keys(mut self, keys: FixedKeys) -> Self {
        self.keys = Keys::Fixed(keys);
        self
    }

    /// Gets keys from a source of the application. For a source that is the same after a reload, see
    /// [`KeySource::identity`].
    pub fn key_source(mut self, source: impl KeySource) -> Self {
        self.keys = Keys::Source(SharedSource::new(source));
        self
    }

    /// Lets `x-amzn-oidc-identity` differ from the signed subject. The header is never used either way.
    ///
    /// Otherwise a request with a difference is rejected, since a load balancer never makes one. For a proxy behind the load
    /// balancer that rewrites the header.
    pub fn dangerously_ignore_identity_header(mut self) -> Self {
        self.identity_header = IdentityHeader::Ignored;
        self
    }

    /// Names the user's entity ref in the spans of this crate, and as `enduser.id` in an enclosing span that has declared that
    /// field. Off by default, since traces are often kept longer and read by more people than personal data should be.
    pub fn record_user_in_spans(mut self) -> Self {
        self.record_user = true;
        self
    }

    /// Takes the time from this clock. For tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Checks everything. Reads root certificates if a setting names them; opens no connection.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(self) -> Result<AlbAuthConfig, ConfigError> {
        let Limits { token, key, cache } = &self.limits;
        let limits = [token.check(), key.check(), key.check_order(), cache.check()];
        let mut problems = self.problems.clone();
        problems.extend(limits.into_iter().flatten().map(limit_problem));

        if self.trusted.is_empty() {
            let fix = format!("add .trust(TrustedAlb::new(<ARN of the load balancer>, <issuer>)); {WHERE_THE_ARN_IS}");
            problems.push(Problem::sentence(ProblemKind::Missing, "nothing is trusted").with_fix(fix));
        }
        let several_issuers = self.trusted.iter().map(|entry| &entry.issuer).collect::<BTreeSet<_>>().len() > 1;
        let mut warnings = self.warnings.clone();
        if self.identity_header == IdentityHeader::Ignored {
            warnings.push("x-amzn-oidc-identity may differ from the signed subject".to_owned());
        }
        let mut entries = Vec::new();
        #[cfg(feature = "https")]
        let documents = self.document_source(&mut problems);
        let shared = SharedSignIn { policy: self.sign_in.as_ref(), is_unsafe: several_issuers && !self.share_sign_in };
        for entry in &self.trusted {
            let built = entry::checked(entry, &shared, &mut problems);
            #[cfg(feature = "https")]
            let built = entry::with_access_tokens(built, entry, documents.as_ref(), &mut problems);
            #[cfg(not(feature = "https"))]
            let built = entry::without_access_tokens(built, entry, &mut problems);
            entries.extend(built);
            if entry.any_client {
                warnings.push(format!("any client id of {} is accepted", entry.issuer));
            }
        }
        if several_issuers && self.share_sign_in {
            warnings.push("several issuers name users in the same namespace".to_owned());
        } else {
            between_entries::namespaces(&entries, &mut problems);
        }
        between_entries::ambiguity(&entries, &mut problems);
        between_entries::accounts(&entries, &mut problems);
        between_entries::emulator_cas(&entries, &mut problems);
        let policies = entries.iter().flat_map(|entry| entry.policy.warnings.iter().cloned()).collect::<BTreeSet<_>>();
        warnings.extend(policies);
        warnings.extend(warnings::emulator_accounts(&entries));
        warnings.extend(warnings::plain_http(&entries));
        warnings.extend(warnings::policies_that_name_alike(&entries));
        if !self.missing_email_verified_accepted {
            warnings.extend(warnings::missing_email_verified(&entries, self.email_is_read));
        }

        let mut files = self.files;
        let keys_from = self.keys.describe();
        if let Keys::Fixed(keys) = &self.keys {
            files.extend(&keys.files);
            warnings.extend(warnings::no_fixed_key(keys));
        }
        #[cfg(feature = "https")]
        let emulators = emulator_ca::roots(&entries, &mut files, &mut problems);
        if !self.keys.are_fetched() {
            problems.extend(emulator_ca::unused(&entries));
        }
        let trust = Trust { entries: entries.into() };
        let (source, pinned) = match self.keys {
            Keys::Fixed(keys) => {
                // Endpoints of entries that are wrong are not known, and would be missed here.
                let all_known = self.trusted.iter().map(|entry| entry.signers.len()).sum::<usize>()
                    == trust.entries.iter().map(|entry| entry.signers.len()).sum::<usize>();
                let endpoints = if all_known { trust.endpoints() } else { Vec::new() };
                (None, keys.by_endpoint(&endpoints, &mut problems))
            }
            Keys::Source(source) => (Some(source), Vec::new()),
            #[cfg(feature = "https")]
            Keys::Https(keys) => (https(&keys, &self.limits.key, &emulators, &mut problems), Vec::new()),
            #[cfg(feature = "https")]
            Keys::Unset => (https(&HttpsKeys::new(), &self.limits.key, &emulators, &mut problems), Vec::new()),
            #[cfg(not(feature = "https"))]
            Keys::Unset => {
                problems.push(
                    Problem::sentence(ProblemKind::Missing, "there is no way to get keys")
                        .with_fix("turn on the feature https, or give key_source(..) or fixed_keys(..)"),
                );
                (None, Vec::new())
            }
        };
        let denied = self.deny_list_file.and_then(|path| match DenyList::from_file(path) {
            Ok(list) => Some(list),
            Err(error) => {
                problems.extend(error.problems().iter().cloned());
                None
            }
        });
        if !problems.is_empty() {
            return Err(ConfigError::new(problems).read_from(&files));
        }
        let settings = Settings {
            trust,
            token_limits: self.limits.token,
            key_limits: self.limits.key,
            cache_limits: self.limits.cache,
            source,
            pinned,
            clock: self.clock,
            identity_header: self.identity_header,
            record_user: self.record_user,
            keys_from,
            warnings,
            denied,
            files,
        };
        Ok(AlbAuthConfig { inner: Arc::new(settings) })
    }

    /// Fetches documents of issuers, if an entry needs it: by the settings for keys over HTTPS.
    #[cfg(feature = "https")]
    fn document_source(&self, problems: &mut Vec<Problem>) -> Option<Arc<HttpsSource>> {
        if self.trusted.iter().all(|entry| entry.access_tokens.is_none()) {
            return None;
        }
        let keys = match &self.keys {
            Keys::Https(keys) => keys.clone(),
            Keys::Unset | Keys::Fixed(_) | Keys::Source(_) => HttpsKeys::new(),
        };
        report(keys.source(&self.limits.key), problems).map(Arc::new)
    }
}

fn limit_problem(problem: LimitProblem) -> Problem {
    match problem {
        LimitProblem::OutOfRange { name, value, from, to } => {
            Problem::out_of_range(name, value, format!("a value from {from} to {to}"))
        }
        LimitProblem::Order { name, found, why, fix } => {
            Problem::of(ProblemKind::Conflict, KeyAt::path(name), format!("is {found}; it {why}")).with_fix(fix)
        }
    }
}

#[cfg(feature = "https")]
fn https(
    keys: &HttpsKeys,
    limits: &KeyLimits,
    emulators: &[(KeyEndpoint, Roots)],
    problems: &mut Vec<Problem>,
) -> Option<SharedSource> {
    report(keys.source_with(limits, emulators), problems).map(SharedSource::new)
}

#[cfg(feature = "https")]
fn report<T>(result: Result<T, String>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(Problem::invalid(problem))).ok()
}
