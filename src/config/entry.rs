//! Checks one entry: a load balancer, its issuer, its clients and its sign-in policy.

use std::sync::Arc;

use super::{TrustedAlb, emulator_ca, trust::Entry};
#[cfg(feature = "https")]
use crate::keys::HttpsSource;
use crate::{
    alb::{KeyEndpoint, KeyEndpointError, LoadBalancerArn},
    net::HttpUrl,
    settings::{KeyAt, Problem, ProblemKind},
    sign_in::{EmailClaim, OfThisCrate, SignInResolver},
};

pub(super) const WHERE_THE_ARN_IS: &str =
    "find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'";
pub(super) const WHERE_THE_RULE_IS: &str =
    "it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>";
#[cfg(feature = "app-config")]
pub(super) const WHERE_THE_RULES_ARE: &str =
    "they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>";

const PLAIN_HTTP_OF_EMULATORS: &str = "for an emulator in another container, name its host by \
     dangerously_fetch_keys_over_http_from (environment: ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM, app-config.yaml: \
     dangerouslyFetchKeysOverHttpFrom)";

/// The sign-in policy of entries that have none of their own.
pub(super) struct SharedSignIn<'a> {
    pub(super) policy: Option<&'a Arc<dyn SignInResolver>>,
    /// There are several issuers, and sharing between them is not waived.
    pub(super) is_unsafe: bool,
}

/// The entry, if it can be used; its problems are added either way.
pub(super) fn checked(entry: &TrustedAlb, shared: &SharedSignIn<'_>, problems: &mut Vec<Problem>) -> Option<Entry> {
    let issuer = &entry.issuer;
    let of = format!("the entry of issuer {}", crate::error::quoted(issuer));
    if !is_issuer(issuer) {
        let clause = format!("an issuer is an absolute URL without spaces; {WHERE_THE_RULE_IS}");
        let problem = at(&entry.written.issuer, &of, ProblemKind::InvalidValue, clause);
        problems.push(problem.with_found(crate::error::quoted(issuer)));
    }
    let client_ids = match (entry.any_client, entry.client_ids.is_empty()) {
        (true, true) => None,
        (false, false) => Some(entry.client_ids.clone()),
        (false, true) => {
            problems.push(
                Problem::sentence(ProblemKind::Missing, format!("{of} has no client id"))
                    .with_fix(format!("add .client_id(<id>); {WHERE_THE_RULE_IS}")),
            );
            None
        }
        (true, false) => {
            problems.push(
                Problem::sentence(ProblemKind::Conflict, format!("{of} lists client ids and accepts any"))
                    .with_fix("leave one of the two out"),
            );
            None
        }
    };
    if entry.client_ids.iter().any(|id| id.is_empty() || id.chars().any(char::is_control)) {
        let clause = format!("a client id is empty; {WHERE_THE_RULE_IS}");
        problems.push(at(&entry.written.client_ids, &of, ProblemKind::InvalidValue, clause));
    }
    if entry.signers.is_empty() {
        problems.push(
            Problem::sentence(ProblemKind::Missing, format!("{of} has no signer"))
                .with_fix(format!("name the ARN of the load balancer; {WHERE_THE_ARN_IS}")),
        );
    }
    let endpoint = entry.key_endpoint.as_ref().and_then(|url| {
        let invalid = |error: KeyEndpointError| {
            let problem = Problem::invalid(error.to_string());
            // Of a real load balancer, https is the only way.
            let is_emulated = |text: &String| text.parse().is_ok_and(|arn: LoadBalancerArn| arn.is_emulator());
            let of_emulator = !entry.signers.is_empty() && entry.signers.iter().all(is_emulated);
            let problem = match error.is_plain_http() && of_emulator {
                true => problem.with_fix(PLAIN_HTTP_OF_EMULATORS),
                false => problem,
            };
            problems.push(problem.caused_by(error));
        };
        KeyEndpoint::parse_with(url, entry.plain_http_from.as_deref()).map_err(invalid).ok()
    });
    if entry.key_endpoint.is_none() && entry.plain_http_from.is_some() {
        let text = format!("{of} names a host for keys over plain http, and has no key endpoint");
        problems
            .push(Problem::sentence(ProblemKind::Conflict, text).with_fix("remove the host, or set the key endpoint"));
    }
    if let (Some(path), true) = (&entry.emulator_ca_file, endpoint.is_some() || entry.key_endpoint.is_none()) {
        problems.extend(emulator_ca::without_effect(path, endpoint.as_ref(), &of));
    }
    let mut signers = Vec::new();
    for text in &entry.signers {
        let arn: LoadBalancerArn = match text.parse() {
            Ok(arn) => arn,
            Err(error) => {
                let clause = format!("{error}; {WHERE_THE_ARN_IS}");
                let problem = at(&entry.written.signers, &of, ProblemKind::InvalidValue, clause);
                problems.push(problem.with_found(crate::error::quoted(text)).caused_by(error));
                continue;
            }
        };
        match endpoint.clone().or_else(|| arn.documented_endpoint()) {
            Some(endpoint) => signers.push((arn, endpoint)),
            None if entry.key_endpoint.is_some() => {}
            None => {
                let clause = format!("AWS documents no public keys for the partition {}", arn.partition());
                let problem = at(&entry.written.signers, &of, ProblemKind::Missing, clause);
                problems.push(problem.with_fix(
                    "name their address by key_endpoint(<URL>) (app-config.yaml: keyEndpoint, environment: ALB_AUTH_KEY_ENDPOINT)",
                ));
            }
        }
    }
    let own = entry.sign_in.clone();
    if own.is_none() && shared.is_unsafe && shared.policy.is_some() {
        let what = format!("{of} has no sign-in policy of its own, and there are several issuers");
        problems.push(
            Problem::sentence(ProblemKind::Insecure, what)
                .with_fix("give each .sign_in(..), or waive it by dangerously_share_sign_in_between_issuers()"),
        );
    }
    let Some(sign_in) = own.or_else(|| shared.policy.cloned()) else {
        problems.push(Problem::sentence(ProblemKind::Missing, format!("{of} has no sign-in policy")).with_fix(
            "add .sign_in(EmailLocalPart::in_domains([..])), or .sign_in(ClaimsOnly) where there is no Backstage",
        ));
        return None;
    };
    let policy = sign_in.policy();
    let found = sign_in.check(issuer).into_iter().chain(policy.email_claims().filter_map(EmailClaim::check));
    problems.extend(found.map(|problem| problem.within(format_args!("{of}: sign-in"))));
    let only_namespace = policy.namespace.clone();
    let names_by_claims_alone = sign_in.names_by_claims_alone(OfThisCrate::new());
    let written = entry.written.clone();
    Some(Entry {
        signers,
        issuer: issuer.clone(),
        client_ids,
        sign_in,
        policy,
        names_by_claims_alone,
        only_namespace,
        emulator_ca: entry.emulator_ca_file.clone(),
        #[cfg(feature = "https")]
        access_token: None,
        written,
    })
}

/// Whether a token may have it: a URL, without a scheme too, as Google once wrote it. What is left of a template or of a variable is
/// none.
fn is_issuer(text: &str) -> bool {
    // Of a tutorial: https://login.microsoftonline.com/{TENANT_ID}/v2.0. Entra ID itself writes {tenantid}, for all tenants.
    let is_placeholder =
        |part: &str| part.starts_with('{') && part.ends_with('}') && !part.eq_ignore_ascii_case("{tenantid}");
    if text.split('/').any(is_placeholder) {
        return false;
    }
    let is_url = |text: &str| HttpUrl::parse(text).is_ok();
    is_url(text) || (text.contains('.') && is_url(&format!("https://{text}")))
}

/// A problem of an entry: at these keys of a file, or of the entry in code.
fn at(keys: &[KeyAt], entry: &str, kind: ProblemKind, clause: String) -> Problem {
    if keys.is_empty() {
        Problem::sentence(kind, format!("{entry}: {clause}"))
    } else {
        Problem::clause(kind, keys.iter().cloned(), clause)
    }
}

/// The entry with its rule for access tokens. A policy that reads their claims needs one.
#[cfg(feature = "https")]
pub(super) fn with_access_tokens(
    built: Option<Entry>,
    entry: &TrustedAlb,
    source: Option<&Arc<HttpsSource>>,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let of = format!("the entry of issuer {}", crate::error::quoted(&entry.issuer));
    let client_ids = (!entry.any_client).then_some(&entry.client_ids[..]);
    let rule = entry.access_tokens.as_ref().map(|tokens| tokens.rule(&entry.issuer, client_ids, &of, source, problems));
    let mut built = built?;
    if rule.is_none() && built.policy.reads_access_token {
        let text = format!("{of} has a sign-in policy that reads groups from the access token, which is not verified");
        let fix = "add .access_tokens(AccessTokens::new()) (app-config.yaml: accessToken, environment: \
                   ALB_AUTH_VERIFY_ACCESS_TOKEN=true)";
        problems.push(Problem::sentence(ProblemKind::Missing, text).with_fix(fix));
    }
    built.access_token = rule.flatten();
    Some(built)
}

#[cfg(not(feature = "https"))]
pub(super) fn without_access_tokens(
    built: Option<Entry>,
    entry: &TrustedAlb,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let reads = built.as_ref().is_some_and(|built| built.policy.reads_access_token);
    if entry.access_tokens.is_some() || reads {
        let text = "access tokens are verified with keys over HTTPS";
        problems.push(Problem::sentence(ProblemKind::Missing, text).with_fix("turn on the feature https"));
    }
    built
}
