//! Sign-in by Backstage's catalog, over real connections to a catalog that says what a test wants.

pub(crate) mod server;

mod answers;
mod configuration;
mod connections;
mod flood;
mod groups;
mod hostile;
mod unasked;
mod unfit;

use crate::support::{Answer, App};
use server::CatalogServer;
use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::{Catalog, SignInResolver},
    test_util::{MockAlb, User},
};

fn catalog(server: &CatalogServer) -> Catalog {
    Catalog::at(server.url()).token("a-token").build().expect("a sound configuration")
}

fn app(alb: &MockAlb, policy: impl SignInResolver) -> App {
    App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration")))
}

/// What the policy makes of a user with this email.
async fn sign_in(policy: impl SignInResolver, email: &str) -> Answer {
    let alb = MockAlb::new();
    let user = User::empty().claim("sub", "248289761001").claim("email", email);
    app(&alb, policy).call(alb.request("/").user(&user)).await
}
