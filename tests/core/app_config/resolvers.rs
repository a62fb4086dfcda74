//! Resolvers that ask the catalog, by their names in the files.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::Catalog,
    test_util::{MockAlb, User},
};

use crate::{
    app_config::{COMPLETE, SIGNER, read},
    catalog::server::{CatalogServer, group, user},
    support::{Answer, App},
};

const JANE: &str = "jane.doe@example.com";

/// The provider with these resolvers, and with these lines beside them.
fn provider(resolvers: &str, beside: &str) -> String {
    let start = COMPLETE.split("      signIn:").next().expect("a beginning");
    let lines = |text: &str, indent: &str| text.lines().map(|line| format!("{indent}{line}\n")).collect::<String>();
    format!("{start}{}      signIn:\n        resolvers:\n{}", lines(beside, "      "), lines(resolvers, "          "))
}

fn nowhere() -> Catalog {
    Catalog::at("https://backstage.example.com/api/catalog").token("a-token").build().expect("sound")
}

/// What is trusted, in one line, with warnings; or what is wrong.
fn outcome(text: &str) -> String {
    let built = read(text).and_then(|config| config.alb_auth_in_catalog(&nowhere()));
    let built = built.and_then(|builder| builder.accept_missing_email_verified().build());
    match built {
        Ok(config) => {
            let summary = config.summary();
            let policy = summary.split("sign-in by ").nth(1).unwrap_or_default();
            [&[policy.to_owned()], config.warnings()].concat().join("\n! ")
        }
        Err(error) => error.to_string().replace("the configuration cannot be used\n", ""),
    }
}

/// What becomes of a user with this email.
async fn sign_in(server: &CatalogServer, text: &str, claims: User) -> Answer {
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let text = text
        .replace(SIGNER, alb.signer())
        .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint));
    let catalog = Catalog::at(server.url()).token("a-token").build().expect("sound");
    let config = read(&text).unwrap().alb_auth_in_catalog(&catalog).unwrap().build().unwrap();
    App::new(AlbAuthLayer::new(config)).call(alb.request("/").user(&claims)).await
}

fn with_email(email: &str) -> User {
    User::empty().claim("sub", "248289761001").claim("email", email)
}

#[tokio::test]
async fn resolvers_are_tried_in_order_and_only_who_is_not_found_goes_on() {
    let server = CatalogServer::start([user("jane", JANE, &["group:default/team-a"])]).await;
    let text = provider(
        "- resolver: emailLocalPartMatchingUserEntityName\n  allowedDomains: [example.com]\n\
         - resolver: emailMatchingUserEntityProfileEmail",
        "",
    );
    sign_in(&server, &text, with_email(JANE)).await.assert_ok("user:default/jane");
    let asked: Vec<String> = server.asked().into_iter().map(|(question, _)| question).collect();
    assert_eq!(asked.first().map(String::as_str), Some("name User:default/jane.doe"));
    assert_eq!(asked.last().map(String::as_str), Some("filter kind=User,spec.profile.email=jane.doe@example.com"));
    // S-54: refused by the first, and not looked for by the next.
    assert_eq!(sign_in(&server, &text, with_email("jane@other.example")).await.status, 403);
    assert_eq!(server.asked().len(), 0);
    server.answer_instead(99, 500, "");
    assert_eq!(sign_in(&server, &text, with_email(JANE)).await.status, 503);
}

#[tokio::test]
async fn an_annotation_is_microsofts_unless_another_is_named() {
    let mut jane = user("jane.doe_example.com", "other@example.com", &[]);
    jane["metadata"]["annotations"] = json!({ "microsoft.com/email": JANE, "corp.example.com/mail": "jd@example.com" });
    let server = CatalogServer::start([jane]).await;
    let usual = provider("- resolver: emailMatchingUserEntityAnnotation", "");
    sign_in(&server, &usual, with_email(JANE)).await.assert_ok("user:default/jane.doe_example.com");
    let own = provider("- resolver: emailMatchingUserEntityAnnotation\n  annotation: corp.example.com/mail", "");
    sign_in(&server, &own, with_email("jd@example.com")).await.assert_ok("user:default/jane.doe_example.com");
    assert_eq!(sign_in(&server, &own, with_email(JANE)).await.status, 403);
}

/// S-54: what a list of domains leaves out is refused before any query.
#[tokio::test]
async fn s_54_domains_that_are_not_listed_are_refused_by_each_resolver() {
    let server = CatalogServer::start([user("jane", "jane@partner.example", &[])]).await;
    for resolver in [
        "emailLocalPartMatchingUserEntityName",
        "emailMatchingUserEntityProfileEmail",
        "emailMatchingUserEntityAnnotation",
    ] {
        let text = provider(&format!("- resolver: {resolver}\n  allowedDomains: [example.com, Partner.example]"), "");
        sign_in(&server, &text, with_email("jane@partner.example")).await.assert_ok("user:default/jane");
        server.asked();
        let text = provider(&format!("- resolver: {resolver}\n  allowedDomains: [example.com]"), "");
        assert_eq!(sign_in(&server, &text, with_email("jane@partner.example")).await.status, 403, "{resolver}");
        assert_eq!(server.asked().len(), 0, "{resolver}");
    }
}

/// S-70: who is not in the catalog is refused, unless the files waive that by name.
#[tokio::test]
async fn s_70_without_a_catalog_user_no_client_is_signed_in_unless_the_files_waive_it() {
    let server = CatalogServer::start([]).await;
    let resolver = "- resolver: emailLocalPartMatchingUserEntityName\n  allowedDomains: [example.com]\n  ";
    let option = "dangerouslyAllowSignInWithoutUserInCatalog";
    for refused in [resolver.trim_end().to_owned(), format!("{resolver}{option}: false")] {
        assert_eq!(sign_in(&server, &provider(&refused, ""), with_email(JANE)).await.status, 403);
    }
    let waived = provider(&format!("{resolver}{option}: true"), "");
    sign_in(&server, &waived, with_email(JANE)).await.assert_ok("user:default/jane.doe");
    assert_eq!(sign_in(&server, &waived, with_email("jane@other.example")).await.status, 403);
    assert!(outcome(&waived).contains("! users who are not in the catalog are signed in"));
}

#[tokio::test]
async fn require_verified_email_holds_for_every_resolver() {
    let server = CatalogServer::start([user("jane.doe", JANE, &[])]).await;
    for resolver in [
        "emailLocalPartMatchingUserEntityName\n  allowedDomains: [example.com]",
        "emailMatchingUserEntityProfileEmail",
        "emailMatchingUserEntityAnnotation",
    ] {
        let text = provider(&format!("- resolver: {resolver}"), "requireVerifiedEmail: true");
        assert_eq!(sign_in(&server, &text, with_email(JANE)).await.status, 403, "{resolver}");
        assert_eq!(server.asked().len(), 0, "{resolver}");
        let verified = with_email(JANE).claim("email_verified", true);
        sign_in(&server, &text, verified).await.assert_ok("user:default/jane.doe");
        server.asked();
    }
}

#[tokio::test]
async fn groups_above_count_where_the_files_say_so() {
    let server =
        CatalogServer::start([user("jane", JANE, &["group:default/a"]), group("a", Some("group:default/top"))]).await;
    let resolver = "- resolver: emailMatchingUserEntityProfileEmail";
    let text = provider(resolver, "");
    sign_in(&server, &text, with_email(JANE)).await.assert_ok("user:default/jane");
    assert_eq!(server.asked().len(), 1);
    let above = text.replace("        resolvers:", "        transitiveGroups: true\n        resolvers:");
    sign_in(&server, &above, with_email(JANE)).await.assert_ok("user:default/jane");
    let asked: Vec<String> = server.asked().into_iter().map(|(question, _)| question).collect();
    assert_eq!(asked[1..], ["refs group:default/a", "refs group:default/top"]);
}

#[test]
fn what_is_read_is_reported() {
    let all = [
        "- resolver: emailMatchingUserEntityProfileEmail\n- resolver: emailMatchingUserEntityAnnotation",
        "- resolver: emailLocalPartMatchingUserEntityName\n  dangerouslyAllowAnyDomain: true\n- resolver: emailMatchingUserEntityAnnotation",
        "- resolver: emailLocalPartMatchingUserEntityName\n  allowedDomains: [example.com]\n  \
         dangerouslyAllowSignInWithoutUserInCatalog: true\n- resolver: emailMatchingUserEntityProfileEmail",
    ]
    .map(|resolvers| outcome(&provider(resolvers, "")));
    insta::assert_snapshot!(all.join("\n\n"), @r"
    a user with the email in spec.profile.email of the catalog at https://backstage.example.com/api/catalog, else a user with the email in the annotation microsoft.com/email of the catalog at https://backstage.example.com/api/catalog

    a user named like the email's local part of the catalog at https://backstage.example.com/api/catalog, else a user with the email in the annotation microsoft.com/email of the catalog at https://backstage.example.com/api/catalog
    ! users of any email domain are signed in: list your domains

    a user named like the email's local part of the catalog at https://backstage.example.com/api/catalog, for emails in example.com, else a user with the email in spec.profile.email of the catalog at https://backstage.example.com/api/catalog
    ! auth.providers.awsalb.signIn.resolvers[1] (app-config.yaml:13) is never used: auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) signs in every user that it gets
    ! one name is one user, whichever of these policies returned it: a user named like the email's local part of the catalog at https://backstage.example.com/api/catalog, for emails in example.com, else a user with the email in spec.profile.email of the catalog at https://backstage.example.com/api/catalog; in_namespace(..) keeps users apart
    ! users who are not in the catalog are signed in
    ");
}

#[test]
fn what_is_wrong_with_a_resolver_is_named_with_its_place() {
    let all = [
        "- resolver: emailMatchingUserEntityProfileEmail\n  allowedDomain: [example.com]",
        "- resolver: emailMatchingUserEntityProfileEmail\n  dangerouslyAllowSignInWithoutUserInCatalog: true",
        "- resolver: emailMatchingUserEntityAnnotation\n  annotation: [a]",
        "- resolver: emailMatchingUserEntityAnnotation\n  annotation: 'a,b'",
        "- resolver: emailMatchingUserEntityAnnotation\n- resolver: emailMatchingUserEntityAnnotation",
        "- resolver: emailLocalPartMatchingUserEntityName",
        "- resolver: emailMatchingUserEntityProfileEmail\n  allowedDomains: ['${NO_DOMAINS}']",
        "- resolver: emailMatchingUserEntityProfileEmail\n  allowedDomains: ${NO_DOMAINS}",
        "- resolver: emailMatchingUserEntityProfileEmail\n  allowedDomains: []",
        "- resolver: emailMatchingUserEntityProfileEmail\n  allowedDomains:",
        "- resolver: usernameMatchingUserEntityName",
        "- emailMatchingUserEntityProfileEmail",
    ]
    .map(|resolvers| outcome(&provider(resolvers, "")));
    insta::assert_snapshot!(all.join("\n"), @r#"
    - auth.providers.awsalb.signIn.resolvers[0].allowedDomain (app-config.yaml:11) is not a known setting. Did you mean allowedDomains? Known settings are resolver, allowedDomains, allowedAddresses, dangerouslyAllowSignInWithoutUserInCatalog
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): dangerouslyAllowSignInWithoutUserInCatalog would name users by their whole email, which is not a valid entity name: list emailLocalPartMatchingUserEntityName after it, with that option
    - auth.providers.awsalb.signIn.resolvers[0].annotation (app-config.yaml:11) must be a text, and is a list
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): "a,b" is not the name of an annotation: write it as microsoft.com/email
    - auth.providers.awsalb.signIn.resolvers[1] (app-config.yaml:11) names "emailMatchingUserEntityAnnotation" again: name all domains in the allowedDomains of the first
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) has no allowedDomains, so admin@anything would be user:default/admin: add
                allowedDomains: [<domain>]
    or waive it by dangerouslyAllowAnyDomain: true, where the provider has addresses of one domain and no guests
    - auth.providers.awsalb.signIn.resolvers[0].allowedDomains (app-config.yaml:11) takes its value from the environment variable NO_DOMAINS, which is not set: set it where this process is started
    - auth.providers.awsalb.signIn.resolvers[0].allowedDomains (app-config.yaml:11) takes its value from the environment variable NO_DOMAINS, which is not set: set it where this process is started
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): its allowedDomains lists no domain: write it as allowedDomains: [<domain>]
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10): its allowedDomains lists no domain: write it as allowedDomains: [<domain>]
    - auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:10) is "usernameMatchingUserEntityName", which is not one of emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation, claimAsUserEntityName
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:10) must be an object, and is a text
    "#);
}

/// The tutorial's settings: issuer and region, and a resolver by the local part without a list.
#[test]
fn the_tutorials_settings_work_once_the_lines_that_are_shown_are_there() {
    let tutorial = "
auth:
  providers:
    awsalb:
      issuer: https://login.microsoftonline.com/tenant/v2.0
      region: eu-central-1
";
    insta::assert_snapshot!(outcome(tutorial), @r"
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
    signer: find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    clientIds: they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    where users need not be in the catalog, below allowedDomains: dangerouslyAllowSignInWithoutUserInCatalog: true
    ");
    let with_resolver = format!(
        "{tutorial}      signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n"
    );
    insta::assert_snapshot!(outcome(&with_resolver), @r"
    - auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:9) has no allowedDomains, so admin@anything would be user:default/admin: add
                allowedDomains: [<domain>]
    or waive it by dangerouslyAllowAnyDomain: true, where the provider has addresses of one domain and no guests
    - auth.providers.awsalb (app-config.yaml:5) lacks signer, clientIds: add
    auth:
      providers:
        awsalb:
          signer: arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>
          clientIds: [<client id>]
    signer: find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    clientIds: they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    ");
    let pasted = format!(
        "{with_resolver}            allowedDomains: [example.com]\n            \
         dangerouslyAllowSignInWithoutUserInCatalog: true\n      signer: {SIGNER}\n      clientIds: [backstage]\n"
    );
    assert!(outcome(&pasted).starts_with("a user named like the email's local part"), "{}", outcome(&pasted));
}
