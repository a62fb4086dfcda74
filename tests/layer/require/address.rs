//! Requirements on `email`, under policies that read the address of a user from another claim.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity, Claims, RequireLayer,
    sign_in::{EmailLocalPart, FirstMatch, Policy, Resolution, SignIn, SignInError, SignInResolver, Subject},
    test_util::{MockAlb, User},
};

const JANE: &str = "jane.doe@example.com";
const ADMIN: &str = "admin@example.com";

fn by_upn() -> tower_alb_auth::sign_in::EmailSignIn {
    EmailLocalPart::in_domains(["example.com"]).email_claim("upn")
}

fn layer(alb: &MockAlb, policy: impl SignInResolver) -> AlbAuthLayer {
    AlbAuthLayer::new(alb.config_builder().accept_missing_email_verified().sign_in(policy).build().unwrap())
}

/// The status of a request of this user, and the address in the user's profile.
async fn call(layer: &AlbAuthLayer, alb: &MockAlb, user: &User, require: RequireLayer) -> (u16, Option<String>) {
    let request: Request<String> = alb.request("/").user(user).into();
    let identity = layer.handle().authenticate(request.headers()).await;
    let email =
        identity.ok().and_then(|user| user.identity().and_then(|user| user.profile().email().map(str::to_owned)));
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new("in".to_owned())));
    let response = layer.layer(require.layer(inner)).oneshot(request).await.expect("infallible");
    (response.status().as_u16(), email)
}

/// At many providers users can change their `email`, which is why an operator names another claim.
#[tokio::test]
async fn s_108_a_requirement_on_the_email_compares_the_address_that_the_policy_reads() {
    let alb = MockAlb::new();
    let two = User::jane().claim("upn", JANE).claim("email", ADMIN);
    let without = User::jane().claim("upn", JANE).without("email");
    let chain = || FirstMatch::of(by_upn()).or(Subject::new());
    for layer in [layer(&alb, by_upn()), layer(&alb, chain()), layer(&alb, Named("upn"))] {
        for user in [&two, &without] {
            for (address, status) in [(ADMIN, 403), (JANE, 200)] {
                let address_is = (status, Some(JANE.to_owned()));
                assert_eq!(call(&layer, &alb, user, RequireLayer::claim_equals("email", address)).await, address_is);
                assert_eq!(call(&layer, &alb, user, RequireLayer::claim_contains("email", address)).await, address_is);
            }
        }
    }
    // A user of the second policy has no address, whatever the claim `email` says.
    let by_subject = layer(&alb, chain());
    let user = User::jane().claim("email", ADMIN);
    assert_eq!(call(&by_subject, &alb, &user, RequireLayer::claim_equals("email", ADMIN)).await, (403, None));
    let listed = layer(&alb, EmailLocalPart::in_domains(["example.com"]).email_claim("emails[0]"));
    let user = User::jane().claim("emails", json!([JANE, ADMIN])).claim("email", ADMIN);
    assert_eq!(call(&listed, &alb, &user, RequireLayer::claim_contains("email", ADMIN)).await.0, 403);
    assert_eq!(call(&listed, &alb, &user, RequireLayer::claim_contains("email", JANE)).await.0, 200);
}

#[tokio::test]
async fn s_108_addresses_of_two_policies_that_differ_are_no_address() {
    let alb = MockAlb::new();
    let both = FirstMatch::of(by_upn()).or(EmailLocalPart::in_domains(["example.com"]));
    let layer = layer(&alb, both);
    let user = User::jane().claim("upn", JANE).claim("email", ADMIN);
    for address in [JANE, ADMIN] {
        assert_eq!(call(&layer, &alb, &user, RequireLayer::claim_equals("email", address)).await, (403, None));
    }
    let same = User::jane().claim("upn", "JANE.doe@example.com");
    let requirement = RequireLayer::claim_equals("email", "JANE.doe@example.com");
    assert_eq!(call(&layer, &alb, &same, requirement).await.0, 200);
}

/// The waiver of the policy says that the addresses of this provider are those of their users.
#[tokio::test]
async fn an_address_whose_verification_is_waived_meets_a_requirement() {
    let alb = MockAlb::new();
    let waived = EmailLocalPart::in_domains(["example.com"]).dangerously_accept_unverified_email();
    let user = User::jane().claim("email_verified", "false");
    let accepted = (200, Some(JANE.to_owned()));
    assert_eq!(call(&layer(&alb, waived), &alb, &user, RequireLayer::claim_equals("email", JANE)).await, accepted);
}

#[test]
fn a_claim_of_a_policy_in_code_is_checked() {
    let built = MockAlb::new().config_builder().sign_in(Named("emails[first]")).build();
    let message = built.expect_err("no index").to_string();
    assert!(message.contains("emails[first]") && message.contains("emails[0]"), "{message}");
}

/// A policy in code that says where the address is.
#[derive(Debug)]
struct Named(&'static str);

impl SignInResolver for Named {
    fn resolve(&self, claims: &Claims) -> Resolution {
        let name = claims.text(self.0).ok().flatten().ok_or_else(|| SignInError::refused("no address"));
        name.map(|_| SignIn::user("user:default/jane.doe".parse().expect("an entity ref"))).into()
    }

    fn policy(&self) -> Policy {
        Policy::new("a policy in code").email_claim(self.0)
    }
}

/// The profile of a test's identity, which no policy made, is that of the claims.
#[test]
fn an_identity_without_a_policy_has_the_claim_email() {
    let user =
        BackstageIdentity::builder("user:default/jane").claims(User::jane().claim("upn", ADMIN)).build().unwrap();
    assert_eq!(user.profile().email(), Some(JANE));
}
