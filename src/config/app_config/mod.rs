//! Settings from Backstage's `app-config.yaml` files (feature `app-config`).
//!
//! Files are read as Backstage reads them:
//!
//! | in a file | what it means |
//! |---|---|
//! | a later file | wins: objects are merged, lists and other values replaced |
//! | `${NAME}` in a text | the environment variable, without white space around it; if it is not set, the whole text counts as absent, so an earlier file's value is used |
//! | `${NAME:-default}` | the environment variable; if it is not set or empty, the default |
//! | `$${NAME}` | the text `${NAME}` |
//! | `$env: NAME` | the variable as the value |
//! | `$file: path` | the text of that file, without trailing white space |
//! | `$include: path.yaml#key.key` | the value at that place of another file; paths count from the file that names them |
//! | `null` | the key counts as absent, whatever an earlier file has for it |
//! | `<<: *anchor` | a key of the name `<<`: Backstage's reader does not merge it |
//!
//! Over all files are the environment variables that begin with `APP_CONFIG_`: `APP_CONFIG_app_baseUrl` sets `app.baseUrl`.
//!
//! A file has 1 MiB at most, and 1,000 files and 8 MiB are read at most in all, counted at each `$include` and `$file`.
//!
//! A value remembers the file and line it came from, so that each problem has a place. A message shows the path and the place
//! of a value, and the value itself only if it cannot be a secret.
//!
//! What is read of it is `auth.providers.awsalb`: see [`AppConfig::alb_auth`].

mod awsalb;
mod claims;
mod found;
mod keys;
pub(crate) mod provider_keys;
mod resolvers;
mod verified_email;

use std::path::Path;

use self::awsalb::{SignInFrom, read_awsalb};
use super::{AlbAuthConfig, AlbAuthConfigBuilder};
#[cfg(feature = "https")]
use crate::sign_in::Catalog;
use crate::{
    settings::{ConfigError, FilesRead, Node, Problem, ProblemKind, Resolver, Variables, merge, read_variables},
    sign_in::SignInResolver,
};

/// The contents of `app-config.yaml` files, merged.
///
/// ```
/// use tower_alb_auth::config::AppConfig;
///
/// let yaml = "
/// auth:
///   providers:
///     awsalb:
///       issuer: https://login.microsoftonline.com/${TENANT}/v2.0
///       signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
///       clientIds: [5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11]
///       signIn:
///         resolvers:
///           - resolver: emailLocalPartMatchingUserEntityName
///             allowedDomains: [example.com]
///             dangerouslyAllowSignInWithoutUserInCatalog: true
/// ";
/// let tenant = |name: &str| (name == "TENANT").then(|| "0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61".to_owned());
/// let config = AppConfig::from_text("app-config.yaml", yaml, tenant)?.alb_auth()?.build();
/// # #[cfg(feature = "https")]
/// assert!(config.is_ok());
/// # let _ = config;
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AppConfig {
    root: Node,
    /// The files that it was read from, `$include` and `$file` targets among them.
    files: FilesRead,
    /// Those variables of the environment that Backstage's database driver and Node.js read by themselves.
    #[cfg_attr(not(feature = "backstage"), allow(dead_code, reason = "read by the settings of the database"))]
    variables: Variables,
}

/// Read by the PostgreSQL driver for Node.js, by Node.js, and by the SDKs of AWS.
const OF_THE_DRIVER: [&str; 10] = [
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "USER",
    "PGPASSWORD",
    "PGDATABASE",
    "PGSSLMODE",
    "NODE_EXTRA_CA_CERTS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

impl AppConfig {
    /// Reads these files, later ones over earlier ones, and the environment of this process.
    ///
    /// [`default_files`](Self::default_files) lists the files that Backstage reads if none is named.
    ///
    /// # Errors
    /// A file that cannot be read or is not YAML, an include that leads nowhere, and a variable `APP_CONFIG_...` that names no
    /// key; with file and line.
    pub fn load(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self, ConfigError> {
        Self::load_in(files, Variables::of_process())
    }

    /// As [`load`](Self::load), with these variables instead of the environment of this process.
    ///
    /// ```no_run
    /// use tower_alb_auth::config::AppConfig;
    ///
    /// let config = AppConfig::load_from(["app-config.yaml"], [("APP_CONFIG_auth_providers_awsalb_issuer", "https://idp.example.com")])?;
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As those of [`load`](Self::load).
    pub fn load_from(
        files: impl IntoIterator<Item = impl AsRef<Path>>,
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<Self, ConfigError> {
        Self::load_in(files, variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// As [`load`](Self::load), with this instead of the environment. It is queried by name, so variables `APP_CONFIG_...` are
    /// not found: see [`load_from`](Self::load_from).
    ///
    /// # Errors
    /// As those of [`load`](Self::load).
    pub fn load_with(
        files: impl IntoIterator<Item = impl AsRef<Path>>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let resolver = Resolver::new(&environment);
        let mut nodes: Vec<_> = files.into_iter().map(|file| resolver.file(file.as_ref())).collect();
        if nodes.is_empty() {
            let problem = Problem::sentence(ProblemKind::Missing, "no app-config file is named");
            nodes.push(Err(problem.with_fix("app-config.yaml is the usual one")));
        }
        Self::merged(nodes, resolver, of_the_driver(&environment))
    }

    fn load_in(files: impl IntoIterator<Item = impl AsRef<Path>>, variables: Variables) -> Result<Self, ConfigError> {
        let loaded = Self::load_with(files, |name| variables.value(name).map(str::to_owned));
        match (loaded, read_variables(&variables)) {
            (Ok(config), Ok(over)) => Ok(Self { root: merge(config.root, over), ..config }),
            (Ok(config), Err(problems)) => Err(ConfigError::new(problems).read_from(&config.files)),
            (Err(error), Ok(_)) => Err(error),
            (Err(error), Err(problems)) => {
                Err(ConfigError::new(error.problems().iter().cloned().chain(problems)).read_from(error.files()))
            }
        }
    }

    /// Reads one text as if it stood in a file of that name. Includes are looked for beside that file.
    ///
    /// # Errors
    /// As those of [`load`](Self::load).
    pub fn from_text(
        name: &str,
        text: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let resolver = Resolver::new(&environment);
        Self::merged(vec![resolver.text(Path::new(name), text)], resolver, of_the_driver(&environment))
    }

    /// This over that: as if the files of `earlier` stood before those of this one.
    #[must_use]
    pub fn over(self, earlier: Self) -> Self {
        let mut files = earlier.files;
        files.extend(&self.files);
        let variables = OF_THE_DRIVER.into_iter().filter_map(|name| {
            let value = self.variables.value(name).or_else(|| earlier.variables.value(name))?;
            Some((name.to_owned(), value.to_owned()))
        });
        Self { variables: variables.collect(), root: merge(earlier.root, self.root), files }
    }

    /// The merged values, for readers of other settings.
    #[cfg(feature = "backstage")]
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// A variable that Backstage's database driver or Node.js reads by itself; an empty one counts as absent.
    #[cfg(feature = "backstage")]
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.value(name).filter(|value| !value.is_empty())
    }

    fn merged(
        nodes: Vec<Result<Node, Problem>>,
        resolver: Resolver<'_>,
        variables: Variables,
    ) -> Result<Self, ConfigError> {
        let files = resolver.into_files();
        let (mut root, mut problems) = (Node::empty(), Vec::new());
        for file in nodes {
            match file {
                Ok(node) => root = merge(root, node),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self { root, files, variables })
        } else {
            Err(ConfigError::new(problems).read_from(&files))
        }
    }

    /// The builder of the provider's settings, which knows the files that they were read from.
    fn awsalb(&self, sign_in: SignInFrom<'_>) -> Result<AlbAuthConfigBuilder, ConfigError> {
        match read_awsalb(&self.root, sign_in) {
            Ok(builder) => Ok(builder.read_from(&self.files)),
            Err(error) => Err(error.read_from(&self.files)),
        }
    }

    /// A builder with the settings of `auth.providers.awsalb`, to be added to in code and built.
    ///
    /// | key | meaning |
    /// |---|---|
    /// | `issuer` | required: `iss` of the tokens, byte for byte |
    /// | `signer`, `signers` | required: ARNs of the load balancers that are trusted |
    /// | `region` | may be left out; where it is given it must be the signer's |
    /// | `clientIds` | required, or `dangerouslyAcceptAnyClient: true` |
    /// | `dangerouslyFetchKeysOverHttpFrom` | a host of a private network; the keys of an emulator there may be plain http |
    /// | `emulatorCaFile` | the file with the CA of an emulator's key endpoint on https |
    /// | `keyEndpoint` | where the public keys are, where AWS documents nothing, and for the emulator |
    /// | `requireVerifiedEmail` | refuses an email of which the provider does not say that it is verified |
    /// | `acceptMissingEmailVerified` | acknowledges that an email of which the provider says nothing is accepted |
    /// | `dangerouslyAcceptUnverifiedEmail` | accepts an email that the provider reports as not verified |
    /// | `emailClaim` | the claim with the address, `email` unless set: `upn`, `emails[0]` |
    /// | `groups` | `claims` or `path`, `format`, `map`: groups from claims that users own for |
    /// | `accessToken` | `true`, or `issuer`, `audiences`, `jwksUri`, `subjectClaim`: verifies access tokens too |
    /// | `limits` | limits by name: `{ maxLifetime: 30m }` |
    /// | `dangerouslyIgnoreIdentityHeader` | lets `x-amzn-oidc-identity` differ from the signed subject |
    /// | `denyListFile` | a file with users that are shut out: see [`deny_list`](crate::deny_list) |
    /// | `signIn.resolvers` | required: the sign-in policies, tried in order |
    ///
    /// Of the resolvers, `emailLocalPartMatchingUserEntityName` is served here with
    /// `dangerouslyAllowSignInWithoutUserInCatalog: true`, and wants `allowedDomains` (or `dangerouslyAllowAnyDomain: true`).
    /// Those that ask the catalog want one: see `alb_auth_in_catalog` (feature `https`). A policy of your own comes in by
    /// [`alb_auth_with`](Self::alb_auth_with).
    ///
    /// # Errors
    /// Everything that is missing or wrong, each with its file and line, and for what is missing the lines to add.
    pub fn alb_auth(&self) -> Result<AlbAuthConfigBuilder, ConfigError> {
        self.awsalb(SignInFrom::Files(None))
    }

    /// The same, with a catalog for the resolvers to ask. They are tried in order, and only who is not found goes on to the next:
    ///
    /// | resolver | options |
    /// |---|---|
    /// | `emailLocalPartMatchingUserEntityName` | `allowedDomains`, required, or `dangerouslyAllowAnyDomain: true`; `allowedAddresses`, `stripPlusSuffix`, `dangerouslyAllowSignInWithoutUserInCatalog` |
    /// | `emailMatchingUserEntityProfileEmail` | `allowedDomains`, `allowedAddresses` |
    /// | `emailMatchingUserEntityAnnotation` | `annotation` (`microsoft.com/email` unless named), `allowedDomains`, `allowedAddresses` |
    /// | `claimAsUserEntityName` | `claim`, `ignoreCase`; `dangerouslyAllowSignInWithoutUserInCatalog: true` is required |
    ///
    /// `signIn.transitiveGroups: true` lets users own for the groups above theirs too. `requireVerifiedEmail` holds for each of
    /// them.
    ///
    /// ```
    /// use tower_alb_auth::{config::AppConfig, sign_in::Catalog};
    ///
    /// let yaml = "
    /// auth:
    ///   providers:
    ///     awsalb:
    ///       issuer: https://idp.example.com
    ///       signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
    ///       clientIds: [backstage]
    ///       signIn:
    ///         resolvers:
    ///           - resolver: emailMatchingUserEntityProfileEmail
    ///           - resolver: emailMatchingUserEntityAnnotation
    /// ";
    /// let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("a-token").build()?;
    /// let config = AppConfig::from_text("app-config.yaml", yaml, |_| None)?.alb_auth_in_catalog(&catalog)?.build()?;
    /// assert!(config.summary().contains("the annotation microsoft.com/email of the catalog"));
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As those of [`alb_auth`](Self::alb_auth).
    #[cfg(feature = "https")]
    pub fn alb_auth_in_catalog(&self, catalog: &Catalog) -> Result<AlbAuthConfigBuilder, ConfigError> {
        self.awsalb(SignInFrom::Files(Some(catalog)))
    }

    /// The same with this policy in place of `signIn.resolvers`, which are then passed over. `requireVerifiedEmail` is not:
    /// it holds for a policy that names users and may read the claim `email`.
    ///
    /// # Errors
    /// As those of [`alb_auth`](Self::alb_auth).
    pub fn alb_auth_with(&self, policy: impl SignInResolver) -> Result<AlbAuthConfigBuilder, ConfigError> {
        self.awsalb(SignInFrom::Code(std::sync::Arc::new(policy)))
    }
}

fn of_the_driver(environment: &dyn Fn(&str) -> Option<String>) -> Variables {
    OF_THE_DRIVER.into_iter().filter_map(|name| Some((name.to_owned(), environment(name)?))).collect()
}

impl AlbAuthConfig {
    /// The configuration that `auth.providers.awsalb` of these `app-config.yaml` files describes, later files over earlier
    /// ones: see [`AppConfig::alb_auth`].
    ///
    /// # Errors
    /// Everything that is missing or wrong, each with its file and line, and all that
    /// [`build`](AlbAuthConfigBuilder::build) finds.
    pub fn from_app_config(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self, ConfigError> {
        AppConfig::load(files)?.alb_auth()?.build()
    }
}
