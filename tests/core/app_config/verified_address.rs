//! `requireVerifiedEmail` in front of a policy in code that reads the address from another claim than `email`.

use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::{EmailLocalPart, FirstMatch, Subject},
    test_util::{MockAlb, User},
};

use crate::{
    app_config::{COMPLETE, SIGNER, read},
    support::App,
};

#[tokio::test]
async fn s_108_an_address_in_another_claim_has_to_be_the_verified_one() {
    let alb = MockAlb::new().serve().await;
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let app = |requires: bool| {
        let text = COMPLETE
            .replace(SIGNER, alb.signer())
            .replace("[backstage]", &format!("[{}]\n      keyEndpoint: {}", alb.client_id(), endpoint))
            .replace("      signIn", &format!("      requireVerifiedEmail: {requires}\n      signIn"));
        let by_upn = EmailLocalPart::in_domains(["example.com"]).email_claim("upn");
        let policy = FirstMatch::of(by_upn).or(Subject::new());
        AlbAuthLayer::new(read(&text).unwrap().alb_auth_with(policy).unwrap().build().unwrap())
    };
    let (lenient, strict) = (App::new(app(false)), App::new(app(true)));
    let jane = || User::jane().claim("upn", "jane.doe@example.com");
    for (user, lenient_status, strict_status, case) in [
        (jane().without("email"), 200, 403, "email_verified does not concern the claim upn"),
        (jane().without("email").claim("email_verified", true), 200, 403, "the verified email is missing"),
        (jane().claim("email", "x@example.com").claim("email_verified", true), 200, 403, "it is another address"),
        (jane().claim("email_verified", true), 200, 200, "it is the same address"),
        (jane().claim("email_verified", false), 403, 403, "it is reported as not verified"),
        (User::jane().without("email"), 200, 200, "a user without an address, by the second policy"),
    ] {
        assert_eq!(lenient.call(alb.request("/").user(&user)).await.status, lenient_status, "{case}");
        assert_eq!(strict.call(alb.request("/").user(&user)).await.status, strict_status, "{case}");
    }
}
