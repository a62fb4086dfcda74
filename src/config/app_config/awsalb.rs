//! `auth.providers.awsalb`: the load balancers that Backstage's settings trust, and their sign-in policy.

use std::sync::Arc;

use super::{
    claims,
    provider_keys::{OF_THE_BACKEND, PROVIDER_KEYS},
    resolvers::{Catalog, read_resolvers},
    verified_email::VerifiedEmail,
};
use crate::{
    alb::LoadBalancerArn,
    config::{
        AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb,
        entry::{WHERE_THE_ARN_IS, WHERE_THE_RULE_IS, WHERE_THE_RULES_ARE},
        trusted_alb::EntryLocations,
    },
    settings::{ConfigError, KeyAt, MERGE_KEY, Node, Once, Problem, ProblemKind, Problems, Section, Value},
    sign_in::{ClaimsOnly, SignInResolver},
};

const PATH: &str = "auth.providers.awsalb";
const VERIFIED_EMAIL: &str = "requireVerifiedEmail";
/// Stand for what is missing, so that the rest is checked. Nothing is built with them.
const ANY_ISSUER: &str = "https://issuer.invalid";
const ANY_SIGNER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/unknown/0123456789abcdef";
const MISSING_ACCEPTED: &str = "acceptMissingEmailVerified";
const UNVERIFIED_ACCEPTED: &str = "dangerouslyAcceptUnverifiedEmail";

fn ours() -> impl Iterator<Item = &'static str> {
    PROVIDER_KEYS.iter().map(|(name, _)| *name)
}

/// Where the policy comes from.
pub(super) enum SignInFrom<'a> {
    /// From the files' resolvers, which may query this catalog.
    Files(Option<&'a Catalog>),
    /// From code, instead of the resolvers.
    Code(Arc<dyn SignInResolver>),
}

/// Trust and sign-in of the provider `awsalb`.
pub(super) fn read_awsalb(root: &Node, sign_in: SignInFrom<'_>) -> Result<AlbAuthConfigBuilder, ConfigError> {
    let problems = Problems::default();
    let in_catalog = matches!(sign_in, SignInFrom::Files(Some(_)));
    let found = root.at(PATH).filter(|node| matches!(node.value, Value::Object(_)));
    let Some(node) = found else {
        let problem = match root.at(PATH) {
            Some(node) => Problem::wrong_type(KeyAt::new(PATH, &node.origin), "an object of settings", node.kind()),
            None => Problem::sentence(ProblemKind::Missing, format!("there is no {PATH}")).for_key(KeyAt::path(PATH)),
        };
        return Err(ConfigError::new([problem.with_lines("add", &lines_to_add(&Missing::all(in_catalog)))]));
    };
    for path in ["auth", "auth.providers", PATH] {
        root.at(path).and_then(|node| node.hidden(path)).into_iter().for_each(|problem| problems.add(problem));
    }
    let section = Section { path: PATH.to_owned(), node, problems: &problems };
    let nested = nested_in_an_environment(&section);
    if !nested {
        section.only(&ours().chain(OF_THE_BACKEND).collect::<Vec<_>>());
    }
    let draft = read_section(&section, sign_in, nested);
    let problems = problems.into_inner();
    if draft.is_complete && problems.is_empty() {
        return Ok(draft.into_builder());
    }
    // What build() would find later, so that one mistake hides no other.
    let found = draft.into_problems(in_catalog);
    Err(ConfigError::new(problems.into_iter().chain(found).collect::<Once<Problem>>().into_list()))
}

/// What the section has, with placeholders for what it lacks.
struct Draft {
    /// With the limits.
    builder: AlbAuthConfigBuilder,
    entry: TrustedAlb,
    is_complete: bool,
    policy: Arc<dyn SignInResolver>,
    warnings: Vec<String>,
    missing_accepted: bool,
}

impl Draft {
    fn into_builder(self) -> AlbAuthConfigBuilder {
        let builder = self.builder.trust(self.entry).sign_in_policy(Some(self.policy));
        let builder = if self.missing_accepted { builder.accept_missing_email_verified() } else { builder };
        self.warnings.into_iter().fold(builder, AlbAuthConfigBuilder::warning)
    }

    /// With a catalog, the policies are checked where they are read.
    fn into_problems(self, policy_is_checked: bool) -> Vec<Problem> {
        let draft = if policy_is_checked { Self { policy: Arc::new(ClaimsOnly), ..self } } else { self };
        draft.into_builder().build().err().map(|error| error.problems().to_vec()).unwrap_or_default()
    }
}

fn read_section(section: &Section<'_>, sign_in: SignInFrom<'_>, nested: bool) -> Draft {
    let issuer = section.text("issuer");
    let mut signers: Vec<String> = section.text("signer").into_iter().collect();
    signers.extend(section.value_or_values("signers").unwrap_or_default());
    let client_ids = section.value_or_values("clientIds").unwrap_or_default();
    let any_client = section.flag("dangerouslyAcceptAnyClient");
    let key_endpoint = section.text("keyEndpoint");
    let plain_http_from = section.text("dangerouslyFetchKeysOverHttpFrom");
    let emulator_ca_file = section.text("emulatorCaFile");
    check_region(section, &signers);
    // Null would require nothing, or let the claim `email` decide, also if an earlier file says otherwise.
    claims::refuse_null(section, VERIFIED_EMAIL, "write true or false");
    claims::refuse_null(section, "emailClaim", "name a claim");
    let missing_accepted = section.flag(MISSING_ACCEPTED);
    for both in [
        [VERIFIED_EMAIL, MISSING_ACCEPTED],
        [VERIFIED_EMAIL, UNVERIFIED_ACCEPTED],
        [UNVERIFIED_ACCEPTED, MISSING_ACCEPTED],
    ] {
        if both.iter().all(|key| section.flag(key)) {
            let problem = Problem::clause(ProblemKind::Conflict, both.map(|key| section.at(key)), "both are true");
            section.problems.add(problem.with_fix("leave one out"));
        }
    }
    // The policy in code reads its own settings.
    let of_resolvers = ["emailClaim", UNVERIFIED_ACCEPTED].into_iter().filter_map(|key| section.place_of(key));
    for place in of_resolvers.filter(|_| matches!(sign_in, SignInFrom::Code(_))) {
        let problem =
            Problem::of(ProblemKind::Conflict, place, "is for signIn.resolvers, and the policy is given in code");
        section.problems.add(problem.with_fix("set it in code, and leave it out here"));
    }
    let groups = claims::read_groups(section);
    let access_token = claims::read_access_token(section);

    let in_catalog = matches!(sign_in, SignInFrom::Files(Some(_)));
    let resolvers = match sign_in {
        SignInFrom::Code(policy) if section.flag("requireVerifiedEmail") => {
            Some((VerifiedEmail::before(policy), Vec::new()))
        }
        SignInFrom::Code(policy) => Some((policy, Vec::new())),
        SignInFrom::Files(catalog) => read_resolvers(section, catalog),
    };
    // A key whose variable is not set is not missing; the variable is, which is a problem of its own.
    let absent = |key: &str| section.find(key).is_none() && !section.is_unset(key);
    let (no_signer, no_signers) = (absent("signer"), absent("signers") || section.is_empty_list("signers"));
    let missing = Missing {
        issuer: absent("issuer"),
        signer: no_signer && no_signers,
        client_ids: absent("clientIds") && !any_client,
        resolvers: resolvers.is_none() && !has_resolvers(section),
        in_catalog,
    };
    // Settings under an environment's name are a problem already.
    if missing.any() && !nested {
        let nulls = ["issuer", "signer", "signers", "clientIds"].into_iter().filter(|key| section.is_null(key));
        let nulls = nulls.collect::<Vec<_>>().join(", ");
        let because = if nulls.is_empty() { nulls } else { format!(" ({nulls} is null)") };
        let predicate = format!("lacks {}{because}", missing.names());
        let problem = Problem::of(ProblemKind::Missing, section.place(), predicate);
        section.problems.add(problem.with_expected(missing.names()).with_lines("add", &lines_to_add(&missing)));
    }
    // Limits are read also if the rest has problems, so that all are reported.
    let builder = claims::add_to(section, AlbAuthConfig::builder());
    let cognito = claims::verified_email_warning(section, issuer.as_deref().unwrap_or_default());
    // Without one, the entry must not become one of any client.
    let is_client_named = any_client || !client_ids.is_empty() || section.is_empty_list("clientIds");
    let is_complete =
        issuer.is_some() && !signers.is_empty() && resolvers.is_some() && groups.is_some() && access_token.is_some();
    let has_signer = !signers.is_empty();
    let any_client = any_client || (client_ids.is_empty() && !section.is_empty_list("clientIds"));
    let mut signers = signers.into_iter();
    let first = signers.next().unwrap_or_else(|| ANY_SIGNER.to_owned());
    let mut entry = TrustedAlb::new(first, issuer.unwrap_or_else(|| ANY_ISSUER.to_owned()));
    entry = signers.fold(entry, TrustedAlb::or_signer);
    entry = client_ids.into_iter().fold(entry, TrustedAlb::client_id);
    if any_client {
        entry = entry.dangerously_accept_any_client();
    }
    if let Some(endpoint) = key_endpoint.filter(|_| has_signer) {
        entry = entry.key_endpoint(endpoint);
    }
    if let Some(host) = plain_http_from.filter(|_| has_signer) {
        entry = entry.dangerously_fetch_keys_over_http_from(host);
    }
    if let Some(path) = emulator_ca_file.filter(|_| has_signer) {
        entry = entry.emulator_ca_file(path);
    }
    entry.access_tokens = access_token.flatten();
    let written = |keys: &[&str]| keys.iter().filter_map(|key| section.place_of(key)).collect::<Vec<_>>();
    entry.written = EntryLocations {
        signers: written(&["signer", "signers"]),
        issuer: written(&["issuer"]),
        client_ids: written(&["clientIds"]),
    };
    let (policy, mut warnings) = match (resolvers, groups) {
        (Some((policy, warnings)), Some(Some(groups))) => (groups.added_to(policy), warnings),
        (Some(policy), _) => policy,
        (None, _) => (Arc::new(ClaimsOnly) as Arc<dyn SignInResolver>, Vec::new()),
    };
    if let Some(ignored) = section.find("sessionDuration") {
        warnings.insert(0, format!(
            "{PATH}.sessionDuration ({}) is ignored: the session is the load balancer's, see SessionTimeout of the listener rule",
            ignored.origin
        ));
    }
    warnings.extend(cognito);
    Draft { builder, entry, is_complete: is_complete && is_client_named, policy, warnings, missing_accepted }
}

/// Whether settings stand under the name of an environment, as Backstage's other providers take them
/// (`github.development.clientId`). This provider does not.
fn nested_in_an_environment(section: &Section<'_>) -> bool {
    let mut nested = false;
    for (name, member) in section.members() {
        let settings: Vec<&str> = ours().filter(|key| member.member(key).is_some()).collect();
        if ours().any(|key| key == name) || name == MERGE_KEY || settings.is_empty() {
            continue;
        }
        nested = true;
        let predicate =
            "holds settings under the name of an environment, which works for other providers and not for awsalb";
        let fix = format!(
            "move {} up, into {PATH} itself; put what differs between environments into a file of its own, such as \
             app-config.{name}.yaml",
            settings.join(", ")
        );
        section.problems.add(Problem::of(ProblemKind::InvalidValue, section.at(name), predicate).with_fix(fix));
    }
    nested
}

fn check_region(section: &Section<'_>, signers: &[String]) {
    let Some(region) = section.text("region") else { return };
    for signer in signers {
        // The builder reports what is not an ARN.
        let Ok(arn) = signer.parse::<LoadBalancerArn>() else { continue };
        if arn.region() != region {
            let found = crate::error::quoted(&region);
            let predicate = format!("is {found}, but the signer is of {}", arn.region());
            let problem = Problem::of(ProblemKind::Conflict, section.at("region"), predicate);
            let problem = problem.with_found(found).with_expected(arn.region());
            section.problems.add(problem.with_fix("leave region out, it is taken from the signer"));
        }
    }
}

fn has_resolvers(section: &Section<'_>) -> bool {
    let resolvers = section.find("signIn").and_then(|sign_in| sign_in.member("resolvers"));
    resolvers.is_some_and(|resolvers| !matches!(resolvers.value, Value::Null))
}

/// The required settings that are missing.
struct Missing {
    issuer: bool,
    signer: bool,
    client_ids: bool,
    resolvers: bool,
    /// Whether resolvers have a catalog to query.
    in_catalog: bool,
}

impl Missing {
    fn all(in_catalog: bool) -> Self {
        Self { issuer: true, signer: true, client_ids: true, resolvers: true, in_catalog }
    }

    fn any(&self) -> bool {
        self.issuer || self.signer || self.client_ids || self.resolvers
    }

    fn names(&self) -> String {
        let names = [
            (self.issuer, "issuer"),
            (self.signer, "signer"),
            (self.client_ids, "clientIds"),
            (self.resolvers, "signIn.resolvers"),
        ];
        let names: Vec<&str> = names.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect();
        names.join(", ")
    }
}

/// The lines to add, ready to paste, and where their values are.
fn lines_to_add(missing: &Missing) -> String {
    let mut lines = "auth:\n  providers:\n    awsalb:\n".to_owned();
    let mut add = |missing: bool, text: &str| {
        if missing {
            lines.push_str(text);
        }
    };
    add(missing.issuer, "      issuer: https://login.microsoftonline.com/<tenant>/v2.0\n");
    add(missing.signer, "      signer: arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>\n");
    add(missing.client_ids, "      clientIds: [<client id>]\n");
    add(
        missing.resolvers,
        "      signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            \
         allowedDomains: [<domain>]\n",
    );
    let waiver = "dangerouslyAllowSignInWithoutUserInCatalog: true";
    add(missing.resolvers && !missing.in_catalog, &format!("            {waiver}\n"));
    if missing.signer {
        lines.push_str(&format!("signer: {WHERE_THE_ARN_IS}\n"));
    }
    match (missing.issuer, missing.client_ids) {
        (true, true) => lines.push_str(&format!("issuer and clientIds: {WHERE_THE_RULES_ARE}\n")),
        (true, false) => lines.push_str(&format!("issuer: {WHERE_THE_RULE_IS}\n")),
        (false, true) => lines.push_str(&format!("clientIds: {WHERE_THE_RULES_ARE}\n")),
        (false, false) => {}
    }
    if missing.resolvers && missing.in_catalog {
        lines.push_str(&format!("where users need not be in the catalog, below allowedDomains: {waiver}\n"));
    }
    lines.trim_end().to_owned()
}
