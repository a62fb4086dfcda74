//! Problems of a file: where, what, and what to change.

use tower_alb_auth::{
    ArnError,
    config::{AppConfig, Location, ProblemKind},
};

use crate::app_config::{COMPLETE, outcome, read};

#[test]
fn without_the_provider_the_lines_to_add_are_shown() {
    insta::assert_snapshot!(outcome("app:\n  title: x\n"), @r"
    the configuration cannot be used
    - there is no auth.providers.awsalb: add
    auth:
      providers:
        awsalb:
          issuer: https://login.microsoftonline.com/<tenant>/v2.0
          signer: arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
          clientIds: [<client id>]
          signIn:
            resolvers:
              - resolver: emailLocalPartMatchingUserEntityName
                allowedDomains: [<domain>]
                dangerouslyAllowSignInWithoutUserInCatalog: true
    signer: find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    issuer and clientIds: they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    ");
}

#[test]
fn the_tutorials_settings_lack_what_tells_tenants_apart() {
    insta::assert_snapshot!(outcome("
auth:
  providers:
    awsalb:
      issuer: https://login.microsoftonline.com/tenant/v2.0
      region: eu-central-1
"), @r"
    the configuration cannot be used
    - auth.providers.awsalb (app-config.yaml:5) lacks signer, clientIds, signIn.resolvers: add
    auth:
      providers:
        awsalb:
          signer: arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
          clientIds: [<client id>]
          signIn:
            resolvers:
              - resolver: emailLocalPartMatchingUserEntityName
                allowedDomains: [<domain>]
                dangerouslyAllowSignInWithoutUserInCatalog: true
    signer: find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    clientIds: they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    ");
}

#[test]
fn settings_under_the_name_of_an_environment_are_recognised() {
    insta::assert_snapshot!(outcome("
auth:
  environment: production
  providers:
    awsalb:
      production:
        issuer: https://idp.example.com
        region: eu-central-1
      signIn:
        resolvers: []
"), @r"
    the configuration cannot be used
    - auth.providers.awsalb.production (app-config.yaml:7) holds settings under the name of an environment, which works for other providers and not for awsalb: move issuer, region up, into auth.providers.awsalb itself; put what differs between environments into a file of its own, such as app-config.production.yaml
    - auth.providers.awsalb.signIn.resolvers (app-config.yaml:10) is empty: no user could sign in, so list a resolver
    ");
}

#[test]
fn keys_and_values_that_are_wrong_are_named_with_their_place() {
    let wrong = COMPLETE
        .replace("issuer: https://idp.example.com", "issuer: [1]\n      audience: x\n      keyEndpoint: { a: b }")
        .replace("clientIds: [backstage]", "clientIds: { a: b }\n      requireVerifiedEmail: often");
    insta::assert_snapshot!(outcome(&wrong), @r"
    the configuration cannot be used
    - auth.providers.awsalb.audience (app-config.yaml:6) is not a known setting. Known settings are issuer, signer, signers, region, clientIds, dangerouslyAcceptAnyClient, keyEndpoint, dangerouslyFetchKeysOverHttpFrom, emulatorCaFile, requireVerifiedEmail, acceptMissingEmailVerified, dangerouslyAcceptUnverifiedEmail, emailClaim, groups, accessToken, limits, dangerouslyIgnoreIdentityHeader, denyListFile, signIn, sessionCookieName, signOutUrl, exposeAccessToken, sessionDuration, dangerouslyAllowInsecureOrigins
    - auth.providers.awsalb.issuer (app-config.yaml:5) must be a text, and is a list
    - auth.providers.awsalb.clientIds (app-config.yaml:9) must be a list of texts, and is an object
    - auth.providers.awsalb.keyEndpoint (app-config.yaml:7) must be a text, and is an object
    - auth.providers.awsalb.requireVerifiedEmail (app-config.yaml:10) must be true or false, and is a text
    ");
}

#[test]
fn a_variable_that_is_not_set_is_named_instead_of_the_key_that_is_there() {
    let unset = COMPLETE.replace("https://idp.example.com", "https://${HOST}/v2.0").replace(
        "clientIds: [backstage]",
        "clientIds: [backstage, \"${OTHER_CLIENT}\"]\n      requireVerifiedEmail: ${STRICT}",
    );
    insta::assert_snapshot!(outcome(&unset), @r"
    the configuration cannot be used
    - auth.providers.awsalb.clientIds (app-config.yaml:7) takes its value from the environment variable OTHER_CLIENT, which is not set: set it where this process is started
    - auth.providers.awsalb.requireVerifiedEmail (app-config.yaml:8) takes its value from the environment variable STRICT, which is not set: set it where this process is started
    - auth.providers.awsalb.issuer (app-config.yaml:5) takes its value from the environment variable HOST, which is not set: set it where this process is started
    ");
}

#[test]
fn a_key_without_a_value_is_like_none() {
    insta::assert_snapshot!(outcome(&COMPLETE.replace("https://idp.example.com", "")), @r"
    the configuration cannot be used
    - auth.providers.awsalb (app-config.yaml:5) lacks issuer (issuer is null): add
    auth:
      providers:
        awsalb:
          issuer: https://login.microsoftonline.com/<tenant>/v2.0
    issuer: it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    ");
}

#[test]
fn resolvers_that_cannot_be_served_say_why() {
    let cases = [
        "resolver: emailMatchingUserEntityProfileEmail",
        "resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: [example.com]",
        "resolver: emailLocalPartMatchingUserEntityName\n            dangerouslyAllowSignInWithoutUserInCatalog: true",
        "resolver: usernameMatchingUserEntityName",
        "allowedDomains: [example.com]",
        "resolver: emailLocalPartMatchingUserEntityName\n            allowedDomain: example.com\n            dangerouslyAllowAnyDomain: true\n            dangerouslyAllowSignInWithoutUserInCatalog: true",
    ];
    let start = COMPLETE.split("          - resolver").next().expect("a beginning");
    let said: Vec<String> = cases
        .iter()
        .map(|case| outcome(&format!("{start}          - {case}\n")))
        .map(|said| said.replace("the configuration cannot be used\n", ""))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): emailMatchingUserEntityProfileEmail asks the catalog, and no catalog is given: name it in code by AppConfig::alb_auth_in_catalog(..)
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): emailLocalPartMatchingUserEntityName asks the catalog whether the user exists, and no catalog is given: add dangerouslyAllowSignInWithoutUserInCatalog: true, if everyone with an address of the listed domains may sign in, or name the catalog in code by AppConfig::alb_auth_in_catalog(..)
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) has no allowedDomains, so admin@anything would be user:default/admin: add
                allowedDomains: [<domain>]
    or waive it by dangerouslyAllowAnyDomain: true, where the provider has addresses of one domain and no guests
    - auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:10) is "usernameMatchingUserEntityName", which is not one of emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation, claimAsUserEntityName
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) has no key resolver: there are emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation, claimAsUserEntityName
    - auth.providers.awsalb.signIn.resolvers[0].allowedDomain (app-config.yaml:11) is not a known setting. Did you mean allowedDomains? Known settings are resolver, allowedDomains, allowedAddresses, stripPlusSuffix, dangerouslyAllowSignInWithoutUserInCatalog, dangerouslyAllowAnyDomain
    "#);
}

/// A program reads kind, key and place; the text is for people.
#[test]
fn problems_are_values_with_kind_key_place_and_suggestion() {
    let text = COMPLETE
        .replace("clientIds: [backstage]", "clientId: [backstage]\n      keyEndpoint: [1]")
        .replace("https://idp.example.com", "${HOST}");
    let error = read(&text).unwrap().alb_auth().map(drop).unwrap_err();
    let path = |key: &str| format!("auth.providers.awsalb{key}");
    let found: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| {
            let line = problem.location().and_then(Location::line);
            (problem.kind(), problem.key().unwrap_or_default().to_owned(), line, problem.suggestion())
        })
        .collect();
    assert_eq!(
        found,
        [
            (ProblemKind::UnknownKey, path(".clientId"), Some(7), Some("clientIds")),
            (ProblemKind::WrongType, path(".keyEndpoint"), Some(8), None),
            (ProblemKind::UnsetVariable, path(".issuer"), Some(5), None),
            (ProblemKind::Missing, path(""), Some(5), None),
        ]
    );
    let [_, wrong_type, unset, missing] = error.problems() else { panic!("{error}") };
    assert_eq!((wrong_type.found(), wrong_type.expected()), (Some("a list"), Some("a text")));
    assert_eq!(unset.found(), Some("HOST"));
    assert!(missing.fix().is_some_and(|fix| fix.contains("clientIds: [<client id>]")), "{missing}");
    assert!(error.problems().iter().all(|problem| problem.location().unwrap().file() == "app-config.yaml"));
}

#[test]
fn the_error_behind_a_problem_is_its_source() {
    use std::{error::Error as _, io};

    let error = AppConfig::load(["does-not-exist.yaml"]).unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).expect("an error of the system");
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.problems()[0].kind(), ProblemKind::Unreadable);
    let text = COMPLETE.replace("arn:aws:", "arm:aws:");
    let error = read(&text).unwrap().alb_auth().unwrap().build().unwrap_err();
    assert!(error.source().is_some_and(|source| source.is::<ArnError>()), "{error}");
}
