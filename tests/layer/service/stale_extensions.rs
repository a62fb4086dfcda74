//! S-05: what only this layer may put into the extensions, put there by another middleware.

use http::Method;
use tower_alb_auth::{
    AlbAccessToken, AlbAuthLayer,
    AuthErrorKind::{Malformed, Missing},
    BackstageIdentity, Claims,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, MockRequest, User},
};

use crate::service::inside::{Inside, jane};

/// The request with all that an earlier hop, or a mistake, could have left in it.
async fn with_stale<'a>(request: MockRequest<'a>) -> MockRequest<'a> {
    let admin = BackstageIdentity::builder("user:default/admin").build().unwrap();
    let other = MockAlb::new();
    let outer = Inside::of(other.layer().expose_access_token());
    let passed = outer.call(jane(&other)).await;
    let token = passed.inside("a user").extensions.get::<AlbAccessToken>().expect("exposed").clone();
    request.extension(admin.claims().clone()).extension(admin).extension(token).extension("of no concern")
}

/// What of it the handler sees: the user, the claims' subject, whether there is an access token.
fn seen(parts: &http::request::Parts) -> (Option<String>, Option<&str>, bool) {
    assert_eq!(parts.extensions.get::<&str>(), Some(&"of no concern"), "other extensions stay");
    let user = parts.extensions.get::<BackstageIdentity>().map(|user| user.user_entity_ref().to_string());
    let claims = parts.extensions.get::<Claims>().map(Claims::subject);
    (user, claims, parts.extensions.get::<AlbAccessToken>().is_some())
}

#[tokio::test]
async fn s_05_a_stale_identity_never_reaches_the_handler() {
    let alb = MockAlb::new();
    let exempt = || alb.layer().exempt_path("/healthz");
    let nobody = (None, None, false);
    let user = (Some("user:default/jane.doe".to_owned()), None, false);
    let cases = [
        ("nobody, optional", Inside::of(alb.layer().optional()), alb.request("/"), nobody.clone()),
        (
            "OPTIONS, optional",
            Inside::of(alb.layer().optional()),
            alb.request("/").method(Method::OPTIONS),
            nobody.clone(),
        ),
        ("nobody, exempt", Inside::of(exempt()), alb.request("/healthz"), nobody.clone()),
        ("a user, exempt", Inside::of(exempt()), alb.request("/healthz").user(&User::jane()), nobody.clone()),
        ("a bad token, exempt", Inside::of(exempt()), alb.request("/healthz").token("bad"), nobody),
        ("a user, key to be fetched", Inside::of(alb.layer()), jane(&alb), user.clone()),
        ("a user, key known", Inside::of(alb.layer()).warm(&alb).await, jane(&alb), user),
    ];
    for (case, app, request, expected) in cases {
        let passed = app.call(with_stale(request).await).await;
        assert_eq!(seen(passed.inside(case)), expected, "{case}");
    }
}

#[tokio::test]
async fn s_05_a_stale_identity_admits_no_client() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    let options = alb.request("/").method(Method::OPTIONS);
    app.call(with_stale(alb.request("/")).await).await.assert_refused("missing", Missing);
    app.call(with_stale(options).await).await.assert_refused("OPTIONS", Missing);
    app.call(with_stale(alb.request("/").token("bad")).await).await.assert_refused("bad", Malformed);
}

#[tokio::test]
async fn s_05_without_identities_only_the_claims_of_the_token_are_there() {
    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    let passed = Inside::of(layer).call(with_stale(jane(&alb)).await).await;
    assert_eq!(seen(passed.inside("claims only")), (None, Some("AAAAAAAAAAAAAAAAAAAAAIjane.doe"), false));
}
