//! What the operator sees: spans and log lines.

use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::{ClaimsOnly, EmailLocalPart},
    test_util::{KeyServerMode, MockAlb, User},
};
use tracing::{Instrument as _, Level};

use crate::{
    service::{
        inside::{JANE, jane},
        tokens::forged,
    },
    support::App,
    support::traced::{Fields, Traced},
};

fn fields(fields: &[(&'static str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_decision_has_one_span_that_says_how_it_ended() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let app = App::new(alb.layer().optional().exempt_path("/healthz"));
    let token = alb.sign(&User::jane());
    let guest = User::jane().claim("email", "jane@partner.example");
    let of = |outcome, cache| {
        vec![fields(&[("outcome", outcome), ("kid", alb.kid()), ("signer", alb.signer()), ("cache", cache)])]
    };
    let bare = |outcome| vec![fields(&[("outcome", outcome)])];
    for (case, request, expected) in [
        ("key to be fetched", alb.request("/").token(&token), of("user", "miss")),
        ("the same token", alb.request("/").token(&token), of("user", "hit")),
        ("another token", jane(&alb), of("user", "miss")),
        ("forged", alb.request("/").token(&forged(&token)), of("invalid_signature", "miss")),
        ("a guest", alb.request("/").user(&guest), of("sign_in_refused", "miss")),
        ("a stranger", jane(&stranger), bare("untrusted_signer")),
        ("malformed", alb.request("/").token("bad"), bare("malformed")),
        ("two", alb.request("/").token(&token).token(&token), bare("duplicate_header")),
        ("nobody, so no decision", alb.request("/"), vec![]),
        ("exempt, so no decision", alb.request("/healthz").token(&token), vec![]),
    ] {
        app.call(request).await;
        assert_eq!(traced.take("alb_auth"), expected, "{case}");
    }

    let claims = App::new(AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap()));
    claims.call(alb.request("/").token(&token)).await;
    assert_eq!(traced.take("alb_auth"), of("claims", "miss"));
    App::new(alb.layer()).call(alb.request("/")).await;
    assert_eq!(traced.take("alb_auth"), bare("missing"));
}

#[tokio::test]
async fn a_decision_that_failed_to_get_its_key_says_so() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Status(302));
    App::new(alb.layer()).call(jane(&alb)).await;
    let spans = traced.take("alb_auth");
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0]["outcome"].as_str(), spans[0]["kid"].as_str()), ("keys_unavailable", alb.kid()));
    let warnings = traced.lines(Level::WARN);
    assert!(warnings.iter().any(|line| line.starts_with("refused: the public keys are out of reach")), "{warnings:?}");
}

#[tokio::test]
async fn the_user_is_named_only_where_that_is_enabled() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let named = || {
        let builder = alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"]));
        AlbAuthLayer::new(builder.record_user_in_spans().build().unwrap())
    };
    let declared = || tracing::info_span!("request", enduser.id = tracing::field::Empty);
    let undeclared = || tracing::info_span!("request", path = "/");
    for (case, layer, around, user, enduser) in [
        ("not asked for", alb.layer(), declared(), None, None),
        ("asked for", named(), declared(), Some(JANE), Some(JANE)),
        ("asked for, nowhere to say it", named(), undeclared(), Some(JANE), None),
    ] {
        let app = App::new(layer);
        for round in ["key to be fetched", "key known"] {
            app.call(jane(&alb)).instrument(around.clone()).await.assert_ok(JANE);
            let log = traced.0.lock().unwrap();
            let last = |name: &str| log.spans.iter().rev().find(|span| span.1 == name).expect("a span").2.clone();
            assert_eq!(last("alb_auth").get("user").map(String::as_str), user, "{case}, {round}");
            let enclosing = log.spans.iter().find(|span| Some(span.0) == around.id().map(|id| id.into_u64()));
            let enclosing = &enclosing.expect("the span around").2;
            assert_eq!(enclosing.get("enduser.id").map(String::as_str), enduser, "{case}, {round}");
        }
    }
    // Nobody is named who was not let in.
    let (app, around) = (App::new(named()), declared());
    traced.take("");
    app.call(alb.request("/").token(&forged(&alb.sign(&User::jane())))).instrument(around).await;
    assert!(!traced.all().contains("jane"), "{}", traced.all());
}

#[tokio::test]
async fn the_start_says_in_one_line_what_is_trusted_and_in_others_what_is_given_up() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let layer = alb.layer();
    let started = traced.lines(Level::INFO);
    assert_eq!(started.len(), 1, "{started:?}");
    for named in ["trusts ", alb.signer(), alb.issuer(), alb.client_id(), "email's local part in example.com"] {
        assert!(started[0].contains(named), "{named}: {}", started[0]);
    }
    // Which signs in anyone, outside of tests.
    let emulated = |line: &String| line.contains("the account 000000000000");
    let warned = traced.lines(Level::WARN);
    assert!(matches!(&warned[..], [line] if emulated(line)), "{warned:?}");
    let _clones = [layer.clone().optional(), layer.clone()];
    assert_eq!(traced.lines(Level::INFO).len(), 1, "a clone starts nothing");

    let weak = alb.config_builder().sign_in(ClaimsOnly).dangerously_ignore_identity_header().build().unwrap();
    layer.handle().reload(weak);
    let started = traced.lines(Level::INFO);
    assert_eq!(started.len(), 2, "{started:?}");
    let warned: Vec<String> = traced.lines(Level::WARN).into_iter().filter(|line| !emulated(line)).collect();
    assert_eq!(warned, ["x-amzn-oidc-identity may differ from the signed subject"]);
}

#[tokio::test]
async fn a_layer_inside_another_one_is_named_as_the_mistake_it_is() {
    use tower::{Layer as _, ServiceExt as _, service_fn};

    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let (required, optional) = (|| alb.layer(), || alb.layer().optional());
    let cases = [
        ("required in required, a user", required(), required(), Some(jane(&alb)), 401),
        ("optional in required, a user", required(), optional(), Some(jane(&alb)), 200),
        ("required in optional, nobody", optional(), required(), None, 401),
        ("optional in optional, nobody", optional(), optional(), None, 200),
        ("with the headers kept, which verifies twice", required().keep_headers(), required(), Some(jane(&alb)), 200),
    ];
    for (index, (case, outer, inner, request, status)) in cases.into_iter().enumerate() {
        let inner = inner.layer(service_fn(async |_: http::Request<String>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        }));
        let request = request.unwrap_or_else(|| alb.request("/"));
        let answer = outer.layer(inner).oneshot(request.into()).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{case}");
        let errors = traced.lines(Level::ERROR);
        assert_eq!(errors.len(), index + 1, "{case}: {errors:?}");
        assert_eq!(
            errors[index],
            "a user, or the mark of a request without one, was in the request already: is an AlbAuthLayer inside another one? \
             The outer one removes the headers, so the inner one sees no user; use one layer per request, and let parts of \
             the application require a user by RequireLayer::signed_in()",
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_layer_inside_another_one_does_not_fill_the_log() {
    use tower::{Layer as _, ServiceExt as _, service_fn};

    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let inner = alb.layer().optional().layer(service_fn(async |_: http::Request<String>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    }));
    let twice = alb.layer().optional().layer(inner);
    for _ in 0..100 {
        twice.clone().oneshot(alb.request("/").into()).await.unwrap();
    }
    assert_eq!(traced.lines(Level::ERROR).len(), 10);
}

#[tokio::test]
async fn s_61_nothing_that_is_traced_holds_a_secret_or_an_address() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let app = App::new(alb.layer().keep_headers().expose_access_token());
    let user = User::jane().claim("email", "canary@example.com");
    let guest = User::jane().claim("email", "canary@partner.example");
    let good = alb.sign(&user);
    for request in [
        alb.request("/").user(&user),
        alb.request("/").token(&good),
        alb.request("/").token(&good),
        alb.request("/").token(&forged(&good)),
        alb.request("/").token(&good[..good.len() - 4]),
        alb.request("/").user(&guest),
        alb.request("/").token(&good).header("x-amzn-oidc-identity", "admin"),
        stranger.request("/").user(&user),
    ] {
        app.call(request).await;
    }
    let all = traced.all();
    assert!(all.contains("untrusted_signer"), "something was traced: {all}");
    let segments: Vec<&str> = good.split('.').collect();
    for secret in [segments[0], segments[1], segments[2], "canary", "opaque-access-token"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
