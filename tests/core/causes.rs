//! Errors name the error behind them, and mistakes of a policy are values.

use std::{error::Error, io};

use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, ClaimError, Claims, EntityRefError,
    config::{AppConfig, Problem, ProblemKind},
    keys::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind},
    layer::WarmUpError,
    sign_in::{
        EmailLocalPart, FirstMatch, GroupOwnership, NamedClaim, Resolution, SignIn, SignInError, SignInResolver,
        Subject, from_fn,
    },
    test_util::{MockAlb, User},
};

use crate::support::{Answer, App};

/// A source that is out of reach, as the operating system reports it.
struct Unplugged;

impl KeySource for Unplugged {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        let cause = io::Error::from(io::ErrorKind::NetworkUnreachable);
        let error = KeySourceError::new(KeySourceErrorKind::Other, "the network is down").caused_by(cause);
        Box::pin(async move { Err(error) })
    }
}

fn app(alb: &MockAlb, policy: impl SignInResolver) -> App {
    App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a valid configuration")))
}

async fn sign_in(policy: impl SignInResolver, user: &User) -> Answer {
    let alb = MockAlb::new();
    app(&alb, policy).call(alb.request("/").user(user)).await
}

/// The errors behind an error, the next one first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source()).collect()
}

#[tokio::test]
async fn a_refused_sign_in_names_the_claim_behind_it() {
    let user = || User::empty().claim("sub", "jane");
    let name = |claim: &str| GroupOwnership::of(Subject::new()).claim(claim).map("a", "group:default/a");
    for (case, answer) in [
        ("email", sign_in(EmailLocalPart::in_domains(["example.com"]), &user().claim("email", 7)).await),
        ("nick", sign_in(NamedClaim::new("nick"), &user().claim("nick", [1])).await),
        ("groups", sign_in(name("groups"), &user().claim("groups", 7)).await),
    ] {
        let error = answer.error.expect(case);
        assert_eq!(error.kind(), AuthErrorKind::SignInRefused, "{case}");
        let chain = chain(&error);
        assert!(chain[0].is::<SignInError>() && chain.len() == 2, "{case}: {chain:?}");
        let claim = chain[1].downcast_ref::<ClaimError>().unwrap_or_else(|| panic!("{case}: {chain:?}"));
        assert_eq!(claim.claim(), case);
    }
}

#[tokio::test]
async fn a_refused_name_names_the_rule_behind_it() {
    let too_long = "x".repeat(64);
    for (case, answer) in [
        ("claim", sign_in(NamedClaim::new("nick"), &User::jane().claim("nick", "a b")).await),
        ("local part", {
            let user = User::jane().claim("email", format!("{too_long}@example.com"));
            sign_in(EmailLocalPart::in_domains(["example.com"]), &user).await
        }),
        ("last of several", {
            let next =
                FirstMatch::of(from_fn(|_| Err(SignInError::not_found("no such user")))).or(NamedClaim::new("nick"));
            sign_in(next, &User::jane().claim("nick", "a b")).await
        }),
    ] {
        let error = answer.error.expect(case);
        assert!(chain(&error).iter().any(|error| error.is::<EntityRefError>()), "{case}: {:?}", chain(&error));
    }
}

#[tokio::test]
async fn causes_of_several_policies_are_kept_and_not_compared() {
    let broken = || SignInError::not_found("no row").caused_by(io::Error::from(io::ErrorKind::NotFound));
    assert_eq!(broken(), SignInError::not_found("no row"));
    let policy =
        FirstMatch::of(from_fn(|_| Err(SignInError::not_found("no name")))).or(from_fn(move |_| Err(broken())));
    let error = sign_in(policy, &User::jane()).await.error.expect("no policy finds the user");
    assert!(chain(&error).iter().any(|error| error.is::<io::Error>()), "{:?}", chain(&error));
}

#[tokio::test]
async fn keys_that_are_out_of_reach_name_the_source_and_its_cause() {
    let alb = MockAlb::new();
    let config = alb.config_builder().key_source(Unplugged).sign_in(Subject::new()).build().expect("valid");
    let layer = AlbAuthLayer::new(config);
    let warm_up: WarmUpError = layer.handle().warm_up().await.expect_err("the source is out of reach");
    let refused = App::new(layer).call(alb.request("/").user(&User::jane())).await.error.expect("no key");
    assert_eq!(refused.kind(), AuthErrorKind::KeysUnavailable);
    for chain in [chain(&warm_up), chain(&refused)] {
        let source = chain[0].downcast_ref::<KeySourceError>().expect("the source's error");
        assert_eq!(source.kind(), KeySourceErrorKind::Other);
        let cause = chain[1].downcast_ref::<io::Error>().expect("the error of the system");
        assert_eq!(cause.kind(), io::ErrorKind::NetworkUnreachable);
    }
}

/// A policy of an application.
struct Directory;

impl SignInResolver for Directory {
    fn resolve(&self, _: &Claims) -> Resolution {
        SignIn::claims_only().into()
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        let insecure = Problem::new(ProblemKind::Insecure, format!("the directory of {issuer} is on plain LDAP"));
        let range = Problem::new(ProblemKind::OutOfRange, "LDAP_TIMEOUT is 0").with_found("0").with_expected("1 to 60");
        let cause = io::Error::from(io::ErrorKind::InvalidInput);
        vec![insecure.with_fix("use ldaps://"), range.caused_by(cause)]
    }
}

#[test]
fn mistakes_of_a_policy_are_values_and_come_all_at_once() {
    let alb = MockAlb::new();
    let build = |policy: FirstMatch| alb.config_builder().sign_in(policy).build().expect_err("mistakes");
    let error = build(FirstMatch::of(Directory).or(NamedClaim::new("locale").in_namespace("A B")));
    let kinds: Vec<ProblemKind> = error.problems().iter().map(Problem::kind).collect();
    use ProblemKind::{Insecure, InvalidValue, OutOfRange};
    assert_eq!(kinds, [Insecure, OutOfRange, Insecure, InvalidValue], "{error}");
    let [insecure, range, _, namespace] = error.problems() else { panic!("{error}") };
    assert_eq!(insecure.fix(), Some("use ldaps://"));
    assert_eq!((range.found(), range.expected()), (Some("0"), Some("1 to 60")));
    assert!(range.source().is_some_and(|cause| cause.is::<io::Error>()));
    assert!(namespace.source().is_some_and(|cause| cause.is::<EntityRefError>()));
    assert!(error.source().is_some_and(|cause| cause.is::<io::Error>()), "the first cause");
    for problem in error.problems() {
        assert!(problem.to_string().starts_with("the entry of issuer "), "{problem}");
    }
}

#[test]
fn mistakes_of_a_policy_in_a_file_have_its_line_and_their_kind() {
    let file = "
auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [backstage]
      signIn:
        resolvers:
          - resolver: claimAsUserEntityName
            claim: locale
            dangerouslyAllowSignInWithoutUserInCatalog: true
";
    let config = AppConfig::from_text("app-config.yaml", file, |_| None).expect("YAML");
    let error = config.alb_auth().expect_err("many users share the claim");
    let problem = error.problems().iter().find(|problem| problem.kind() == ProblemKind::Insecure).expect("its kind");
    assert_eq!(problem.location().map(ToString::to_string).as_deref(), Some("app-config.yaml:10"), "{problem}");
    assert_eq!(problem.key(), Some("auth.providers.awsalb.signIn.resolvers[0]"));
}
