//! What a refused token costs in memory, and a sign-out while its user is not known.
//!
//! Counted is every byte that the service asks the allocator for while it takes the request and answers it, given back or
//! not: for the checks, the error with its sentence for the operator, and the whole answer with its headers and body. The
//! request is made before, and the key is held. Alone in its binary, because the counts are of the whole process.
//!
//! A token that is refused for its claims is not among these: its signature was good, so no stranger made it, and its payload
//! has been decoded.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use tower::{Layer as _, Service, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind,
    keys::FixedKeys,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, TokenBuilder, User},
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// For a refusal that quotes nothing of the token.
const MAX_BYTES: u64 = 1024;

/// For a refusal that keeps up to 121 characters of the token, which the text for the operator quotes where it is shown.
const MAX_BYTES_WITH_QUOTE: u64 = 2 * 1024;

/// So much the sizes of one case may differ: the sentence says how long the token was.
const DIGITS: u64 = 16;

/// There is one profiler at a time.
static PROFILED: Mutex<()> = Mutex::new(());

#[test]
fn s_08_a_refusal_costs_less_than_a_kibibyte_however_long_the_token() {
    let _alone = PROFILED.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let alb = MockAlb::new();
    let keys = FixedKeys::new().add(alb.kid(), &alb.public_key_pem()).expect("a key");
    let config = alb.config_builder().fixed_keys(keys).sign_in(EmailLocalPart::in_domains(["example.com"])).build();
    let mut service = AlbAuthLayer::new(config.expect("a sound configuration")).layer(service_fn(handler));
    let mut check = |case: &str, kind: AuthErrorKind, most: u64, tokens: [Vec<u8>; 3]| {
        let lengths = tokens.each_ref().map(Vec::len);
        let bytes = tokens.map(|token| bytes_of_refusal(&mut service, &alb, case, &token, kind));
        let (least, greatest) = (bytes[0].min(bytes[1]).min(bytes[2]), bytes[0].max(bytes[1]).max(bytes[2]));
        println!("{case}: tokens of {lengths:?} bytes cost {bytes:?}");
        assert!(greatest < most, "{case}: {lengths:?} cost {bytes:?}, more than {most}");
        assert!(greatest - least <= DIGITS, "{case}: {lengths:?} cost {bytes:?}, which grows with the token");
    };

    let of = |byte: u8, lengths: [usize; 3]| lengths.map(|length| vec![byte; length]);
    check("longer than the limit", AuthErrorKind::TooLarge, MAX_BYTES, of(b'a', [16 * 1024 + 1, 100_000, 1 << 20]));
    check("no segments", AuthErrorKind::Malformed, MAX_BYTES, of(b'a', [100, 4000, 16 * 1024]));
    check("nothing but dots", AuthErrorKind::Malformed, MAX_BYTES, of(b'.', [100, 4000, 16 * 1024]));

    let tokens = |change: &dyn Fn(TokenBuilder<'_>) -> TokenBuilder<'_>| {
        [10, 1000, 9000].map(|filler| {
            let user = User::jane().claim("filler", "x".repeat(filler));
            change(alb.token(&user)).sign().into_bytes()
        })
    };
    check("alg", AuthErrorKind::UnsupportedAlgorithm, MAX_BYTES, tokens(&|token| token.header("alg", "none")));
    check("kid", AuthErrorKind::MalformedKeyId, MAX_BYTES, tokens(&|token| token.header("kid", "none")));
    check("expired", AuthErrorKind::Expired, MAX_BYTES, tokens(&|token| token.expires_at(1)));
    let cut = tokens(&|token| token).map(|token| token[..token.len() - 4].to_vec());
    check("signature cut", AuthErrorKind::Malformed, MAX_BYTES, cut);
    let spoiled = tokens(&|token| token).map(|mut token| {
        let at = token.len() - 20;
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        token
    });
    check("signature wrong", AuthErrorKind::InvalidSignature, MAX_BYTES, spoiled);

    let stranger = tokens(&|token| token.header("signer", "x".repeat(100)));
    check("signer", AuthErrorKind::UntrustedSigner, MAX_BYTES_WITH_QUOTE, stranger);
    let escaped = tokens(&|token| token.header("signer", "\u{10ffff}".repeat(400)));
    check("signer to be escaped", AuthErrorKind::UntrustedSigner, MAX_BYTES_WITH_QUOTE, escaped);
}

/// Of the second of two, so that what is made once and for all is not in it.
fn bytes_of_refusal(
    service: &mut impl Service<Request<String>, Response = Response<String>, Error = Infallible>,
    alb: &MockAlb,
    case: &str,
    token: &[u8],
    kind: AuthErrorKind,
) -> u64 {
    let request = || -> Request<String> { alb.request("/").header("x-amzn-oidc-data", token).into() };
    let costs = [request(), request()].map(|request| {
        let before = dhat::HeapStats::get().total_bytes;
        let answer = service.call(request).now_or_never();
        let after = dhat::HeapStats::get().total_bytes;
        let answer = answer.expect("nothing to wait for").expect("infallible");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{case}");
        assert_eq!(answer.extensions().get::<AuthError>().map(AuthError::kind), Some(kind), "{case}");
        after - before
    });
    costs[1]
}

async fn handler(_: Request<String>) -> Result<Response<String>, Infallible> {
    panic!("it must not run")
}

/// The key of its token is fetched meanwhile, which an attacker with a slow key endpoint, or an outage, makes long.
#[cfg(feature = "backstage")]
#[test]
fn s_160_a_sign_out_whose_user_is_not_known_yet_keeps_no_other_header() {
    let _alone = PROFILED.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let small = kept_by_sign_outs(0).await;
        let large = kept_by_sign_outs(60_000).await;
        println!("{SIGN_OUTS} sign-outs keep {small} bytes, and {large} bytes with 60 kB of other headers each");
        assert!(small > SIGN_OUTS * 512, "{small}: the tokens are kept");
        assert!(large < small + SIGN_OUTS * 1024, "{large}, and {small} without other headers");
    });
}

#[cfg(feature = "backstage")]
const SIGN_OUTS: usize = 50;

/// The bytes that are still allocated after the responses.
#[cfg(feature = "backstage")]
async fn kept_by_sign_outs(other_headers: usize) -> usize {
    use tower::ServiceExt as _;
    use tower_alb_auth::{
        AuditTrail,
        backstage::{BackstageAuth, TokenIssuer, router},
        test_util::KeyServerMode,
    };

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    let trail = AuditTrail::builder("backstage").file(&file).build().expect("a file");
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Silent);
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().expect("sound");
    let auth = BackstageAuth::builder(alb.layer().handle(), tokens).audit_trail(&trail).build().expect("sound");
    let app = router(auth);
    let token = alb.sign(&User::jane());
    let sign_out = async || {
        let request = alb.request("/awsalb/logout").method(http::Method::POST);
        let request = request.header("origin", "https://backstage.example.com").header("x-amzn-oidc-data", &token);
        let request = (0..other_headers / 1_000)
            .fold(request, |request, number| request.header(format!("x-other-{number}"), "x".repeat(1_000)));
        let response = app.clone().oneshot(request.body(axum::body::Body::empty())).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    };
    // What is made once and for all.
    sign_out().await;
    let before = dhat::HeapStats::get().curr_bytes;
    for _ in 0..SIGN_OUTS {
        sign_out().await;
    }
    let after = dhat::HeapStats::get().curr_bytes;
    assert!(trail.flush(std::time::Duration::from_secs(30)));
    assert_eq!(std::fs::read_to_string(&file).expect("the file").matches("signed_out").count(), 0, "all of them wait");
    after - before
}
