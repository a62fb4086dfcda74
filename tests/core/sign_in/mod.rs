//! Who becomes whom: every sign-in policy, seen through the layer.

mod chain;
mod claim;
mod directory;
mod domains;
mod errors;
mod field;
mod flight;
mod group_forms;
mod hostile_claims;
mod issuers;
mod malformed;
mod names;
mod one_user;
mod outage;
mod ownership;
mod panics;
mod profile;
mod provider_claims;
mod provider_shapes;
mod remembered;
mod shared_issuers;
mod subject;
mod verified;

use crate::support::{Answer, App};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuthErrorKind,
    sign_in::{SignIn, SignInError, SignInResolver},
    test_util::{MockAlb, User},
};

/// An application that signs users of a load balancer in by this policy.
fn app(alb: &MockAlb, policy: impl SignInResolver) -> App {
    App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration")))
}

/// What a policy makes of a user.
async fn sign_in(policy: impl SignInResolver, user: &User) -> Answer {
    let alb = MockAlb::new();
    let app = app(&alb, policy);
    app.call(alb.request("/").user(user)).await
}

/// A user of whom the provider says this email and no more.
fn with_email(email: &str) -> User {
    User::empty().claim("sub", "248289761001").claim("email", email)
}

/// That this is the uniform 403, for this reason.
#[track_caller]
fn assert_403(answer: &Answer, kind: AuthErrorKind, case: &str) {
    assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(kind)), "{case}: {answer:?}");
    assert_eq!(answer.body, "You are signed in, but this application does not let you in.\n", "{case}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
}

/// What a configuration gives up, but for the account of the mock load balancer.
fn warnings(config: &AlbAuthConfig) -> Vec<String> {
    let (emulated, others): (Vec<String>, Vec<String>) =
        config.warnings().iter().cloned().partition(|warning| warning.contains(" has the account 000000000000, "));
    assert_eq!(emulated.len(), 1, "{:?}", config.warnings());
    others
}

/// A user by name, as an answer of a policy.
fn named(name: &str) -> Result<SignIn, SignInError> {
    Ok(SignIn::user(tower_alb_auth::EntityRef::user(name).expect("a name")))
}
