//! A service whose callers are users, signed in by the load balancer, and machines, with a bearer token of their own.
//!
//! ```text
//! cargo run --example users_and_machines --all-features            # prints curl commands to try
//! cargo run --example users_and_machines --all-features -- --check # makes the same requests
//! ```
//!
//! | the request has | is authenticated by |
//! |---|---|
//! | `x-amzn-oidc-data` | the layer only: an invalid token is rejected, and a bearer token is not tried instead |
//! | `x-amzn-oidc-data` and a bearer token | the layer only: the caller is the user |
//! | a bearer token | the check of machines |
//! | neither | 401 |
//!
//! Machines with a certificate (mTLS) have the same shape: they use a separate listener that bypasses the load balancer, and
//! the check reads the request's extensions, as the TLS acceptor filled them, instead of a header.

mod support;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use support::{Call, front_door};
use tower_alb_auth::{
    BackstageIdentity, Claims,
    test_util::{MockAlb, User},
};

/// The caller, a user or a machine: the argument of handlers.
#[derive(Debug, Clone)]
enum Caller {
    User(BackstageIdentity),
    Machine(&'static str),
}

/// The machines that may call, each with the SHA-256 of its token. For a token of 32 random bytes a slower hash is not
/// needed, and the tokens cannot be computed from this list.
#[derive(Clone)]
struct Machines(&'static [(&'static str, [u8; 32])]);

impl Machines {
    fn find(&self, headers: &HeaderMap) -> Option<&'static str> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        // Two headers are ambiguous.
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let token = value.as_bytes().strip_prefix(b"Bearer ")?;
        let presented = digest(&SHA256, token);
        let known = |held: &[u8; 32]| verify_slices_are_equal(presented.as_ref(), held).is_ok();
        self.0.iter().find(|(_, held)| known(held)).map(|(name, _)| *name)
    }
}

/// Inside the layer, which is optional: the layer has rejected every invalid `x-amzn-oidc-data`, so a request without a user
/// has no such header.
async fn user_or_machine(
    State(machines): State<Machines>,
    user: Option<BackstageIdentity>,
    claims: Option<Claims>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match (user, claims) {
        (Some(user), _) => Some(Caller::User(user)),
        // Signed in, but not named by the sign-in policy: not a machine.
        (None, Some(_)) => None,
        (None, None) => machines.find(request.headers()).map(Caller::Machine),
    };
    let Some(caller) = caller else {
        return (
            StatusCode::UNAUTHORIZED,
            [(header::CACHE_CONTROL, "no-store")],
            "sign in, or send the token of a machine\n",
        )
            .into_response();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn orders(Extension(caller): Extension<Caller>) -> String {
    match caller {
        Caller::User(user) => format!("the user {}\n", user.user_entity_ref()),
        Caller::Machine(name) => format!("the machine {name}\n"),
    }
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    let alb = MockAlb::new();
    // Random at each start of this example. In production: the tokens in a secret store, their hashes in the configuration.
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| "the system returned no random bytes")?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash: [u8; 32] = digest(&SHA256, token.as_bytes()).as_ref().try_into()?;
    let machines = Machines(Box::leak(Box::new([("nightly-report", hash)])));

    let app = Router::new()
        .route("/orders", get(orders))
        .layer(from_fn_with_state(machines, user_or_machine))
        .layer(alb.layer().optional());
    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    let door = front_door::open(support::listen().await?, &alb, target)?;
    println!("Users come through the load balancer at {door}, machines directly to http://{target}\n");

    let stranger = MockAlb::with_keys_of(&alb).sign(&User::jane());
    let (by_users, by_machines) = (format!("{door}/orders"), format!("http://{target}/orders"));
    let good = format!("Bearer {token}");
    let refused = "This needs a sign-in through the load balancer.";
    support::try_out(&[
        Call::new("Jane", &by_users).by("jane").answers(200, "the user user:default/jane.doe"),
        Call::new("a machine", &by_machines).header("authorization", &good).answers(200, "the machine nightly-report"),
        Call::new("a machine with another token", &by_machines)
            .header("authorization", "Bearer 0123456789abcdef0123456789abcdef")
            .answers(401, "token of a machine"),
        Call::new("no user and no machine", &by_machines).answers(401, "token of a machine"),
        Call::new("Jane with a machine's token is Jane", &by_users)
            .by("jane")
            .header("authorization", &good)
            .answers(200, "the user user:default/jane.doe"),
        Call::new("an expired token of Jane with a machine's token is rejected", &by_users)
            .by("late-jane")
            .header("authorization", &good)
            .answers(401, refused),
        Call::new("a token of a foreign load balancer, with a machine's token", &by_machines)
            .header("x-amzn-oidc-data", &stranger)
            .header("authorization", &good)
            .answers(401, refused),
        Call::new("an empty header, with a machine's token", &by_machines)
            .header("x-amzn-oidc-data", "")
            .header("authorization", &good)
            .answers(401, refused),
        Call::new("a guest with a machine's token", &by_users)
            .by("guest-of-partner")
            .header("authorization", &good)
            .answers(403, "does not let you in"),
    ])
    .await
}
