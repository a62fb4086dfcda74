//! The layer's own switches: one line at the start.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer as _, service_fn};
use tower_alb_auth::{AlbAuthLayer, test_util::MockAlb};
use tracing::Level;

use crate::support::traced::Traced;

/// The lines of layers' switches, without their start.
fn lines(traced: &Traced) -> Vec<String> {
    traced.lines(Level::INFO).iter().filter_map(|line| line.strip_prefix("the layer: ")).map(str::to_owned).collect()
}

fn apply<R: Clone>(layer: &AlbAuthLayer<R>) {
    drop(layer.layer(service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())))));
}

#[test]
fn s_84_the_switches_of_a_layer_are_one_line() {
    let alb = MockAlb::new();
    let one = |layer: AlbAuthLayer| {
        let (traced, _guard) = Traced::begin();
        apply(&layer);
        let said = lines(&traced);
        assert_eq!(said.len(), 1, "{said:?}");
        said.concat()
    };
    assert_eq!(one(alb.layer()), "requests need a signed-in user");
    assert_eq!(one(alb.layer().refuse_with_backstage_json()), "requests need a signed-in user");
    let all = alb.layer().optional().exempt_path("/healthz").exempt_path("/ready").keep_headers();
    let all = all.expose_access_token().leave_cache_control();
    assert_eq!(
        one(all),
        "requests without x-amzn-oidc-data pass, without a user (optional); exempt paths: \"/healthz\", \"/ready\" (without a \
         user, even if one is signed in; in a nested router, without its prefix); the \
         x-amzn-oidc-* headers of signed-in users are kept (keep_headers); handlers get the provider's access token \
         (expose_access_token); responses without Cache-Control are not made private (leave_cache_control)"
    );
    let (traced, _guard) = Traced::begin();
    let own = alb.layer().refuse_with(|error, _| Response::builder().status(error.status()).body(()).unwrap());
    apply(&own);
    assert!(lines(&traced).concat().contains("refusals are made by the application (refuse_with)"));
}

#[test]
fn s_84_clones_and_further_services_say_nothing_again() {
    let (traced, _guard) = Traced::begin();
    let layer = MockAlb::new().layer().optional();
    assert_eq!(lines(&traced), Vec::<String>::new(), "not before it is used");
    for _ in 0..3 {
        apply(&layer);
        apply(&layer.clone());
    }
    assert_eq!(lines(&traced).len(), 1);
    // Another one for another part of the application is another line.
    let strict = layer.clone().exempt_path("/healthz");
    apply(&strict);
    apply(&strict.clone());
    apply(&layer);
    let said = lines(&traced);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains("exempt paths: \"/healthz\""), "{said:?}");
}
