//! Counts allocations of the two paths through the layer, and of a remembered token of a machine. Run by `cargo bench --bench allocations`; fails where a path takes
//! more than its budget, so it is also run in test mode by CI.

#[cfg(all(feature = "https", feature = "axum"))]
#[path = "../tests/support/issuer.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod issuer;

use std::{convert::Infallible, hint::black_box};

use futures::FutureExt;
use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_alb_auth::{
    AlbAuth, AlbAuthLayer, AuthError, CacheLimits,
    deny_list::{Denied, DenyList},
    layer::RefusedRequest,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The most allocations that one of many requests takes, and the usual number.
fn count<B>(
    mut service: impl Service<Request<()>, Response = Response<B>, Error = Infallible>,
    requests: Vec<Request<()>>,
) -> (u64, u64) {
    let mut counts: Vec<u64> = requests
        .into_iter()
        .map(|request| {
            let before = dhat::HeapStats::get().total_blocks;
            let response = black_box(service.call(request)).now_or_never();
            let after = dhat::HeapStats::get().total_blocks;
            let response = response.expect("nothing is waited for").expect("infallible");
            assert_eq!(response.status(), 200, "{:?}", response.extensions().get::<tower_alb_auth::AuthError>());
            after - before
        })
        .collect();
    counts.sort_unstable();
    (counts[counts.len() - 1], counts[counts.len() / 2])
}

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let alb = MockAlb::new();
    let bare = service_fn(|request: Request<()>| async move {
        drop(black_box(request));
        let response = Response::builder().header("content-type", "text/plain").body(());
        Ok::<_, Infallible>(response.expect("a response"))
    });
    let with_extensions = |mut request: Request<()>| {
        request.extensions_mut().insert(1_u8);
        request
    };
    let user = User::jane().claim("padding", "x".repeat(400));
    let request = || with_extensions(alb.request("/").user(&user).into());
    let baseline = count(bare, (0..200).map(|_| request()).collect());
    // The form of its refusals, which the layer leaves for those behind it, costs nothing.
    let own = |error: &AuthError, _: &RefusedRequest<'_>| {
        let mut response = Response::new(());
        *response.status_mut() = error.status();
        response
    };
    kept(&runtime, alb.layer().layer(bare), &request);
    bounded(&runtime, &alb, bare, &request);
    let claims_only = || AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("a configuration"));
    measure(&runtime, "the usual layer", alb.layer().layer(bare), baseline, &request);
    measure(&runtime, "claims only", claims_only().layer(bare), baseline, &request);
    listed(&runtime, &alb, bare, &request);
    measure(&runtime, "JSON", alb.layer().refuse_with_backstage_json().layer(bare), baseline, &request);
    measure(&runtime, "a closure", alb.layer().refuse_with(own).layer(bare), baseline, &request);
    let own_body = alb.layer().with_refusal_body();
    measure(&runtime, "a body of its own", own_body.layer(bare), baseline, &request);
    measure(&runtime, "a closure, claims only", claims_only().refuse_with(own).layer(bare), baseline, &request);
    #[cfg(all(feature = "https", feature = "axum"))]
    machines(&runtime, bare, baseline, with_extensions);
}

/// A bearer token that was verified before.
#[cfg(all(feature = "https", feature = "axum"))]
fn machines(
    runtime: &tokio::runtime::Runtime,
    bare: impl Service<Request<()>, Response = Response<()>, Error = Infallible> + Clone,
    baseline: (u64, u64),
    with_extensions: impl Fn(Request<()>) -> Request<()>,
) {
    use tower_alb_auth::{MachineLayer, config::MachineTokens};

    let issuer = runtime.block_on(issuer::Issuer::start());
    let tokens = MachineTokens::new(&issuer.url).audience("api://orders").client("nightly-report");
    let service = MachineLayer::new(tokens).expect("sound settings").layer(bare);
    let token = issuer.token(&serde_json::json!({
        "iss": issuer.url,
        "aud": "api://orders",
        "client_id": "nightly-report",
        "sub": "nightly-report",
        "exp": MockAlb::new().unix_now() + 3600,
    }));
    let request = || {
        let request = Request::builder().header("authorization", format!("Bearer {token}")).body(());
        with_extensions(request.expect("a request"))
    };
    // The first request fetches the keys.
    let first = runtime.block_on(async { service.clone().call(request()).await }).expect("infallible");
    assert_eq!(first.status(), 200);
    let remembered = count(service, (0..200).map(|_| request()).collect());
    println!("a machine: allocations a request, most and usual: bare {baseline:?}, remembered {remembered:?}");
    // The value in the extensions.
    assert!(remembered.1 - baseline.1 <= 1, "a machine: remembered {remembered:?}, bare {baseline:?}");
}

/// A deny list takes no allocation, neither for a token that is remembered, nor where the set is searched: for a token never seen, and
/// for a remembered one after a change of the list.
fn listed(
    runtime: &tokio::runtime::Runtime,
    alb: &MockAlb,
    bare: impl Service<Request<()>, Response = Response<()>, Error = Infallible> + Clone,
    request: &impl Fn() -> Request<()>,
) {
    let list = DenyList::new();
    for number in 0..333 {
        let user = format!("user:default/user.{number}").parse().expect("an entity ref");
        list.deny(Denied::user(user));
        list.deny(Denied::email(&format!("user.{number}@example.com")).expect("an email"));
        list.deny(Denied::subject(alb.issuer(), &format!("subject {number}")).expect("an account"));
    }
    let (without, with) = (alb.layer().layer(bare.clone()), alb.layer().deny_list(&list).layer(bare));
    let counts = |mut service: AlbAuth<_>| {
        // The first request fetches the key. The token that is repeated is remembered.
        let same = request();
        runtime.block_on(async { service.clone().call(same.clone()).await }).expect("infallible");
        let fresh = count(service.clone(), (0..200).map(|_| request()).collect());
        let repeated = count(service.clone(), (0..200).map(|_| same.clone()).collect());
        // A change of the list, outside of what is counted, makes the next request be compared with the whole set.
        let changed = (0..50).map(|_| {
            list.deny(Denied::email("another@example.com").expect("an email"));
            list.allow(&Denied::email("another@example.com").expect("an email"));
            count(&mut service, vec![same.clone()]).0
        });
        (fresh.1, repeated, changed.max())
    };
    let (without, with) = (counts(without), counts(with));
    println!(
        "a deny list of 999 users: allocations a request, fresh, repeated, after a change: {with:?}, without a list {without:?}"
    );
    assert_eq!(with, without, "a deny list allocates");
}

/// What a remembered token takes on the heap.
fn kept<B>(
    runtime: &tokio::runtime::Runtime,
    mut service: impl Service<Request<()>, Response = Response<B>, Error = Infallible> + Clone,
    request: &impl Fn() -> Request<()>,
) {
    // Fewer than after which the layer remembers a sample only, because none of these arrives again; and so many that the tables of
    // few shards grow beyond 128 entries by chance.
    const TOKENS: u64 = 900;
    // The first request fetches the key.
    runtime.block_on(async { service.clone().call(request()).await }).expect("infallible");
    let length = request().headers().get("x-amzn-oidc-data").expect("a token").len();
    let before = dhat::HeapStats::get().curr_bytes;
    for _ in 0..TOKENS {
        let response = service.call(request()).now_or_never().expect("nothing is waited for").expect("infallible");
        assert_eq!(response.status(), 200);
    }
    let bytes = u64::try_from(dhat::HeapStats::get().curr_bytes.saturating_sub(before)).expect("bytes") / TOKENS;
    println!("a remembered token of {length} bytes keeps {bytes} bytes");
    assert!(bytes > u64::try_from(length).expect("a length"), "tokens are not remembered: {bytes} bytes each");
    // Header and signature, the decoded payload, the positions of the claims, and the entry of the cache.
    assert!(bytes <= 1_500, "a remembered token of {length} bytes keeps {bytes} bytes");
}

/// The limit in bytes is one of what is on the heap, with the tables of the cache.
fn bounded(
    runtime: &tokio::runtime::Runtime,
    alb: &MockAlb,
    bare: impl Service<Request<()>, Response = Response<()>, Error = Infallible> + Clone,
    request: &impl Fn() -> Request<()>,
) {
    const BYTES: usize = 1 << 20;
    let limits = CacheLimits::new().max_tokens(100_000).max_token_cache_bytes(BYTES);
    let config = alb.config_builder().sign_in(ClaimsOnly).cache_limits(limits).build().expect("a configuration");
    let mut service = AlbAuthLayer::new(config).layer(bare);
    runtime.block_on(async { service.clone().call(request()).await }).expect("infallible");
    let before = dhat::HeapStats::get().curr_bytes;
    let kept: Vec<usize> = (0..1000)
        .map(|_| {
            let response = service.call(request()).now_or_never().expect("nothing is waited for");
            assert_eq!(response.expect("infallible").status(), 200);
            dhat::HeapStats::get().curr_bytes.saturating_sub(before)
        })
        .collect();
    let most = kept.iter().copied().max().unwrap_or_default();
    println!("tokens in at most {BYTES} bytes keep at most {most}");
    assert!(most > BYTES / 2, "the cache is not filled: {most} bytes");
    assert!(most <= BYTES, "{most} bytes of at most {BYTES}");
}

fn measure<B>(
    runtime: &tokio::runtime::Runtime,
    name: &str,
    service: impl Service<Request<()>, Response = Response<B>, Error = Infallible> + Clone,
    baseline: (u64, u64),
    request: &impl Fn() -> Request<()>,
) {
    // The first request fetches the key.
    runtime.block_on(async { service.clone().call(request()).await }).expect("infallible");
    let same = request();
    let fresh = count(service.clone(), (0..200).map(|_| request()).collect());
    let repeated = count(service, (0..200).map(|_| same.clone()).collect());
    let beyond = |(_, usual): (u64, u64)| usual - baseline.1;
    println!(
        "{name}: allocations a request, most and usual: bare {baseline:?}, fresh {fresh:?}, repeated {repeated:?}"
    );
    // The budgets: the claims in one buffer behind one reference, and one value in the extensions; a repeated token, that alone.
    assert!(
        beyond(fresh) <= 4 && beyond(repeated) <= 1,
        "{name}: fresh {fresh:?}, repeated {repeated:?}, bare {baseline:?}"
    );
}
