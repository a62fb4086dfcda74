//! What the operator reads when a user is refused: expected, found, and the line of the file.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::Catalog,
    test_util::{MockAlb, User},
};

use crate::{
    app_config::{COMPLETE, SIGNER, read},
    catalog::server::{CatalogServer, user},
    support::App,
    support::traced::Traced,
};

/// The operator's sentence on this user of this load balancer, by the complete file with this in it.
async fn message(alb: &MockAlb, jane: User, change: impl Fn(String) -> String) -> String {
    let trusted = MockAlb::with_keys_of(alb).serve().await;
    let endpoint = trusted.config().key_endpoints()[0].to_string();
    let text = change(
        COMPLETE
            .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint))
            .replace("https://idp.example.com", alb.issuer()),
    );
    let config = read(&text).unwrap().alb_auth().unwrap().build().unwrap();
    let answer = App::new(AlbAuthLayer::new(config)).call(alb.request("/").user(&jane)).await;
    answer.error.expect("an error").operator_message().replace(alb.signer(), "<ARN>").replace(&endpoint, "<endpoint>")
}

#[tokio::test]
async fn what_is_not_trusted_is_named_with_the_line_that_trusts_another() {
    let alb = MockAlb::new();
    let own = |text: String| text.replace(SIGNER, alb.signer());
    let other = alb.signer().replace("/app/", "/app/green-");
    let third = alb.signer().replace("/app/", "/app/red-");
    let all = [
        message(&alb, User::jane(), |text| text.replace(SIGNER, &other)).await,
        message(&alb, User::jane(), |text| {
            text.replace(&format!("signer: {SIGNER}"), &format!("signers:\n        - {other}\n        - {third}"))
        })
        .await,
        message(&alb, User::jane(), |text| {
            own(text).replace(&format!("issuer: {}", alb.issuer()), "issuer: https://other.example")
        })
        .await,
        message(&alb, User::jane(), |text| own(text).replace(&format!("[{}]", alb.client_id()), "[one, two]")).await,
    ];
    let all = all.join("\n").replace(&other, "<green ARN>").replace(&third, "<red ARN>");
    insta::assert_snapshot!(all, @r#"
    the token was signed by a load balancer that is not trusted: signer is "<ARN>", trusted: <green ARN>, by auth.providers.awsalb.signer (app-config.yaml:6); if it is yours, add it there
    the token was signed by a load balancer that is not trusted: signer is "<ARN>", trusted: <green ARN>, <red ARN>, by auth.providers.awsalb.signers (app-config.yaml:7); if it is yours, add it there
    the load balancer is trusted, but not with the token's issuer: iss is "https://idp.example.com", trusted: https://other.example, by auth.providers.awsalb.issuer (app-config.yaml:5); if it is yours, write it there
    load balancer and issuer are trusted, but not with the token's client id: client is "mock-client", trusted: one, two, by auth.providers.awsalb.clientIds (app-config.yaml:7); if it is yours, add it there
    "#);
}

#[tokio::test]
async fn who_is_not_let_in_is_explained_with_the_resolvers_line() {
    let alb = MockAlb::new();
    let own = |text: String| text.replace(SIGNER, alb.signer());
    let guest = User::jane().claim("email", "jane@partner.example");
    insta::assert_snapshot!(message(&alb, guest, own).await, @r#"the sign-in policy refuses this user: auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:11): the email's domain is "partner.example"; allowed are example.com; add the domain, or a single guest by allow_address"#);
}

/// What was looked up, and what the other resolvers look for.
#[tokio::test]
async fn a_user_who_is_not_found_is_explained_with_what_other_resolvers_look_for() {
    let (traced, _guard) = Traced::begin();
    let mut jane = user("jane.doe_example.com", "other@example.com", &[]);
    jane["metadata"]["annotations"] = json!({ "microsoft.com/email": "jane.doe@example.com" });
    let server = CatalogServer::start([jane]).await;
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let text = COMPLETE
        .replace(SIGNER, alb.signer())
        .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint))
        .replace(
            "dangerouslyAllowSignInWithoutUserInCatalog: true",
            "dangerouslyAllowSignInWithoutUserInCatalog: false",
        )
        + "          - resolver: emailMatchingUserEntityProfileEmail\n";
    let catalog = Catalog::at(server.url()).token("a-token").build().expect("sound");
    let config = read(&text).unwrap().alb_auth_in_catalog(&catalog).unwrap().build().unwrap();
    let answer = App::new(AlbAuthLayer::new(config)).call(alb.request("/").user(&User::jane())).await;
    let message = answer.error.expect("an error").operator_message();
    assert!(!message.contains("jane.doe@example.com"), "{message}");
    insta::assert_snapshot!(message, @r"the sign-in policy finds no user for these claims: auth.providers.awsalb.signIn.resolvers[0] (app-config.yaml:11): the catalog has no user named like the email's local part; if users of the catalog have the email in spec.profile.email, use emailMatchingUserEntityProfileEmail; if they have it in the annotation microsoft.com/email, emailMatchingUserEntityAnnotation; auth.providers.awsalb.signIn.resolvers[1] (app-config.yaml:14): the catalog has no user with the email in spec.profile.email; if users of the catalog have it in the annotation microsoft.com/email, use emailMatchingUserEntityAnnotation; if they are named like its local part, emailLocalPartMatchingUserEntityName");
    assert!(!traced.all().contains("jane.doe_example.com"), "{}", traced.all());
}
