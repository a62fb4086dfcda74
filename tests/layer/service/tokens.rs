//! What is remembered of tokens, and what a remembered token is still worth.

use std::time::{Duration, SystemTime};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    AuthErrorKind::{self, Expired, InvalidSignature},
    CacheLimits, Claims, TrustedAlb,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, TestClock, User},
};

use crate::{
    service::inside::{Inside, JANE},
    support::App,
};

/// A load balancer's token lives that long.
const LIFETIME: Duration = Duration::from_secs(120);
const LEEWAY: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn with_cache(alb: &MockAlb, limits: CacheLimits) -> AlbAuthLayer {
    let builder = alb.config_builder().sign_in(EmailLocalPart::in_domains(["example.com"])).cache_limits(limits);
    AlbAuthLayer::new(builder.build().expect("a sound configuration"))
}

/// The token with another signature, well formed.
pub fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three segments");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

#[tokio::test]
async fn s_40_a_remembered_token_ends_with_its_exp() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    for (mode, layer) in [("required", alb.layer()), ("optional", alb.layer().optional())] {
        let handle = layer.handle();
        let app = App::new(layer);
        let token = alb.sign(&User::jane());
        app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        clock.advance(LIFETIME + LEEWAY - SECOND);
        app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        assert_eq!(handle.stats().tokens, 1, "{mode}: it is remembered until it is seen to have ended");

        clock.advance(SECOND);
        for round in ["first", "second"] {
            let answer = app.call(alb.request("/").token(&token)).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(Expired)), "{mode}, {round} time");
        }
        assert_eq!((handle.stats().tokens, app.calls()), (0, 2), "{mode}");
    }
}

#[tokio::test]
async fn s_40_a_remembered_token_is_not_valid_before_its_time_when_the_date_is_set_back() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let app = App::new(alb.layer());
    let now = alb.unix_now();
    let token = alb.token(&User::jane()).claim("nbf", now).sign();
    app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
    clock.set_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now) - LEEWAY - SECOND);
    app.call(alb.request("/").token(&token)).await.assert_401(AuthErrorKind::NotYetValid);
}

#[tokio::test]
async fn s_41_the_end_of_a_token_is_a_date_and_the_earlier_of_two() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let app = Inside::of(alb.layer());
    let signed_at = alb.unix_now();
    let cases = [
        ("as a load balancer signs", alb.token(&User::jane()), 120),
        ("header earlier", alb.token(&User::jane()).header("exp", signed_at + 90), 90),
        ("payload earlier", alb.token(&User::jane()).claim("exp", signed_at + 80), 80),
        ("a quarter of an hour", alb.token(&User::jane()).expires_at(signed_at + 900), 900),
    ];
    let tokens: Vec<_> = cases.into_iter().map(|(case, token, lives)| (case, token.sign(), lives)).collect();
    for round in ["verified", "remembered, 60 s later"] {
        for (case, token, lives) in &tokens {
            let passed = app.call(alb.request("/").token(token)).await;
            let claims = Claims::of(&passed.inside(case).extensions).expect("claims");
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(signed_at + lives);
            assert_eq!(claims.token_expires_at(), expected, "{case}, {round}");
        }
        clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn s_43_a_forged_twin_of_a_remembered_token_gets_and_changes_nothing() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    let good = alb.sign(&User::jane());
    let john = alb.sign(&User::entra("john"));
    let signature_of = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let signed_part = |token: &str| token.rsplit_once('.').unwrap().0.to_owned();
    let twins = [
        ("another signature", forged(&good)),
        ("the signature of another token", format!("{}.{}", signed_part(&good), signature_of(&john))),
        ("another payload, same header and signature", format!("{}.{}", signed_part(&john), signature_of(&good))),
    ];
    app.call(alb.request("/").token(&twins[0].1)).await.assert_401(InvalidSignature);
    assert_eq!(handle.stats().tokens, 0, "a twin that comes first is not remembered");
    app.call(alb.request("/").token(&good)).await.assert_ok(JANE);
    for (case, twin) in &twins {
        let answer = app.call(alb.request("/").token(twin)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(InvalidSignature)), "{case}");
        assert_eq!(handle.stats().tokens, 1, "{case}");
        app.call(alb.request("/").token(&good)).await.assert_ok(JANE);
    }
}

/// All tokens of one second have the same JOSE header, and what it says is kept.
#[tokio::test]
async fn s_43_a_header_that_was_verified_before_saves_no_other_check() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    let stranger = MockAlb::new().with_clock(&clock);
    let (now, mut number) = (alb.unix_now(), 0);
    let mut fresh = || {
        number += 1;
        alb.token(&User::jane()).claim("number", number)
    };
    let header_of = |token: &str| token.split('.').next().unwrap().to_owned();
    let first = fresh().sign();
    app.call(alb.request("/").token(&first)).await.assert_ok(JANE);

    let cases = [
        ("another signature", forged(&fresh().sign()), AuthErrorKind::InvalidSignature),
        (
            "another load balancer's signature",
            stranger.token(&User::jane()).raw_header(fresh().header_json()).sign(),
            AuthErrorKind::InvalidSignature,
        ),
        (
            "another issuer in the claims",
            fresh().claim("iss", "https://evil.example").sign(),
            AuthErrorKind::MalformedClaims,
        ),
        ("claims that ended", fresh().claim("exp", now - 3600).sign(), AuthErrorKind::Expired),
        ("claims that are not valid yet", fresh().claim("nbf", now + 3600).sign(), AuthErrorKind::NotYetValid),
        ("no subject", fresh().without_claim("sub").sign(), AuthErrorKind::MalformedClaims),
    ];
    for (case, token, kind) in cases {
        assert_eq!(header_of(&token), header_of(&first), "{case}: the header is the one that is kept");
        let answer = app.call(alb.request("/").token(&token)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(kind)), "{case}");
        app.call(alb.request("/").token(&fresh().sign())).await.assert_ok(JANE);
    }
    // Headers that differ from it in one place.
    for (member, value, kind) in [
        ("client", "mock-clienu".to_owned(), AuthErrorKind::UntrustedClient),
        ("signer", format!("{}0", alb.signer()), AuthErrorKind::UntrustedSigner),
        ("alg", "none".to_owned(), AuthErrorKind::UnsupportedAlgorithm),
    ] {
        for round in ["first", "second"] {
            let answer = app.call(alb.request("/").token(&fresh().header(member, &*value).sign())).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(kind)), "{member}, {round} time");
        }
    }
    // One that is longer than what is kept.
    for _ in 0..2 {
        app.call(alb.request("/").token(&fresh().header("long", "x".repeat(900)).sign())).await.assert_ok(JANE);
    }

    let same_second: Vec<_> = (0..3).map(|_| fresh().without_claim("exp").sign()).collect();
    app.call(alb.request("/").token(&same_second[0])).await.assert_ok(JANE);
    let another_client = TrustedAlb::new(alb.signer(), alb.issuer()).client_id("another");
    let builder = alb.keys_and_clock(AlbAuthConfig::builder().trust(another_client));
    handle.reload(builder.sign_in(EmailLocalPart::in_domains(["example.com"])).build().expect("a sound configuration"));
    app.call(alb.request("/").token(&same_second[1])).await.assert_401(AuthErrorKind::UntrustedClient);
    handle.reload(alb.config());
    app.call(alb.request("/").token(&same_second[1])).await.assert_ok(JANE);
    clock.advance(LIFETIME + LEEWAY);
    app.call(alb.request("/").token(&same_second[2])).await.assert_401(Expired);
}

#[tokio::test]
async fn s_46_refused_tokens_are_not_remembered() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    let now = alb.unix_now();
    for number in 0..50 {
        let token = || alb.token(&User::jane().claim("number", number));
        for (case, token) in [
            ("bad signature", forged(&token().sign())),
            ("expired", token().expires_at(now - 3600).sign()),
            ("ended in the payload only", token().claim("exp", now - 3600).sign()),
            ("not valid yet", token().claim("nbf", now + 3600).sign()),
            ("another issuer in the payload", token().claim("iss", "https://evil.example").sign()),
            ("no subject", token().without_claim("sub").sign()),
            ("another client", token().header("client", "other").sign()),
            ("no JSON", token().raw_payload("no JSON").sign()),
        ] {
            let answer = app.call(alb.request("/").token(&token)).await;
            assert_eq!(answer.status.as_u16(), 401, "{case}");
            assert_eq!(handle.stats().tokens, 0, "{case}");
        }
        let request = alb.request("/").token(&token().sign()).token("second");
        app.call(request).await.assert_401(AuthErrorKind::DuplicateHeader);
    }
    assert_eq!((handle.stats().tokens, handle.stats().keys, handle.stats().unknown_kids), (0, 1, 0));
    assert_eq!((app.calls(), alb.key_fetches()), (0, 1));
}

#[tokio::test]
async fn f_24_many_tokens_take_no_more_room_than_they_were_given() {
    const MIB: usize = 1 << 20;
    let alb = MockAlb::new();
    let by_count = with_cache(&alb, CacheLimits::new().max_tokens(100));
    let by_bytes = with_cache(&alb, CacheLimits::new().max_token_cache_bytes(MIB));
    let nothing = with_cache(&alb, CacheLimits::new().max_tokens(0));
    let [counted, weighed, none] = [&by_count, &by_bytes, &nothing].map(AlbAuthLayer::handle);
    let apps = [by_count, by_bytes, nothing].map(App::new);
    let mut shortest = usize::MAX;
    for number in 0..10_000 {
        let token = alb.sign(&User::jane().claim("number", number));
        shortest = shortest.min(token.len());
        for (place, app) in apps.iter().enumerate() {
            // All of them at the bound by count, which is what the row asks for; fewer suffice to reach the others. Each arrives
            // again at the bound by bytes: of tokens that never do, only a sample is remembered, which is far below that bound.
            let times = [1, usize::from(number < 3_000) * 2, usize::from(number < 3_000)][place];
            for _ in 0..times {
                app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
            }
        }
        if number % 100 == 0 || number == 9_999 {
            assert!(counted.stats().tokens <= 100, "{:?}", counted.stats());
            assert!(weighed.stats().tokens * shortest <= MIB, "{:?} of {shortest} bytes", weighed.stats());
            assert_eq!(none.stats().tokens, 0);
        }
    }
    let most = MIB / shortest;
    assert!(
        counted.stats().tokens > 0 && weighed.stats().tokens > most / 4,
        "they are used: {:?} of {most}",
        weighed.stats()
    );
}

#[tokio::test]
async fn tokens_that_never_arrive_again_are_remembered_as_a_sample_until_one_does() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    let user = User::jane();
    let call = async |token: &str| app.call(alb.request("/").token(token)).await.assert_ok(JANE);
    for number in 1..=1024 {
        call(&alb.sign(&user)).await;
        assert_eq!(handle.stats().tokens, number, "nothing is known yet");
    }
    for _ in 0..200 {
        call(&alb.sign(&user)).await;
    }
    assert!((1..100).contains(&handle.stats().tokens), "{}", handle.stats().tokens);

    // A hop relays each of them: one in eight is in the sample.
    let relayed: Vec<_> = (0..200).map(|_| alb.sign(&user)).collect();
    for token in &relayed {
        call(token).await;
        call(token).await;
    }
    assert!(handle.stats().tokens > 100, "{}", handle.stats().tokens);
    let before = handle.stats().tokens;
    for token in &relayed[100..] {
        call(token).await;
    }
    assert_eq!(handle.stats().tokens, before, "all of these were remembered");
}
