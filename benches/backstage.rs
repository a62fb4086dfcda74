//! What a session of the auth backend costs, beside the signatures that it cannot do without: one verified, two made.
//!
//! `cargo bench --bench backstage --features backstage,test-util`. Read the ratio of one run; the machine decides the rest.

mod support;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{Router, body::Body, http::Request};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::{Bench, split};
use tower::ServiceExt;
use tower_alb_auth::{
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::User,
};

fn session(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements(1));
    let (key, random) = (bench.raw_key(), SystemRandom::new());
    let own = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let tokens: Vec<_> = (0..1024).map(|_| split(&bench.token())).collect();
    let mut turn = tokens.iter().cycle();
    group.bench_function("raw: one signature checked, two made", |b| {
        b.iter(|| {
            let (input, signature) = turn.next().expect("a cycle has no end");
            key.verify_sig(input, signature).expect("a good signature");
            [own.sign(&random, input), own.sign(&random, input)]
        });
    });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let issuer = TokenIssuer::builder("https://backstage.example.com/api/auth").build().expect("an issuer");
    let auth = BackstageAuth::builder(bench.alb.layer().handle(), issuer).build().expect("an auth backend");
    let app = Router::new().nest("/api/auth", router(auth));
    let request = || -> Request<Body> {
        let user = User::jane();
        bench.alb.request("/api/auth/awsalb/refresh").user(&user).body(Body::empty())
    };
    let first = runtime.block_on(app.clone().oneshot(request())).expect("an answer");
    assert_eq!(first.status(), 200);
    group.bench_function("the route, token never seen", |b| {
        b.iter_batched(request, |request| runtime.block_on(app.clone().oneshot(request)), BatchSize::NumIterations(16));
    });
    group.finish();
}

criterion_group!(benches, session);
criterion_main!(benches);
