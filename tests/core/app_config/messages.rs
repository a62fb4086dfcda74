//! What is said of mistakes: where, what, and what to change.

use crate::app_config::{COMPLETE, outcome};

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
    - auth.providers.awsalb.audience (app-config.yaml:6) is not a known setting. Known settings are issuer, signer, signers, region, clientIds, dangerouslyAcceptAnyClient, keyEndpoint, requireVerifiedEmail, acceptMissingEmailVerified, signIn, sessionCookieName, signOutUrl, exposeAccessToken, sessionDuration, dangerouslyAllowInsecureOrigins
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
    - auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:10) is "usernameMatchingUserEntityName", which is not one of emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) has no key resolver: there are emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation
    - auth.providers.awsalb.signIn.resolvers[0].allowedDomain (app-config.yaml:11) is not a known setting. Did you mean allowedDomains? Known settings are resolver, allowedDomains, dangerouslyAllowSignInWithoutUserInCatalog, dangerouslyAllowAnyDomain
    "#);
}
