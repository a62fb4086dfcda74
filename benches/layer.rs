//! What the layer adds to a request, beside what it cannot do without: the raw signature check, and the bare service.
//!
//! `cargo bench --bench layer --features test-util`. Read the ratios of one run; the machine decides the rest.

mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Request;
use support::{Bare, Bench, call, split};

/// Few requests a batch, so that a request is as warm in the processor's caches as one that a server has just parsed.
const HOT: BatchSize = BatchSize::NumIterations(16);

fn fresh(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("fresh");
    let key = bench.raw_key();
    // As many as are seen in a second: with few, the processor learns the branches that depend on the signature.
    let tokens: Vec<_> = (0..1024).map(|_| split(&bench.token())).collect();
    let mut turn = tokens.iter().cycle();
    group.bench_function("raw signature check", |b| {
        b.iter(|| {
            let (input, signature) = turn.next().expect("a cycle has no end");
            key.verify_sig(input, signature).expect("a good signature");
        });
    });
    group.bench_function("bare service", |b| b.iter_batched(|| bench.fresh(), |request| call(&mut Bare, request), HOT));
    let mut service = bench.service.clone();
    group.bench_function("layer, token never seen", |b| {
        b.iter_batched(|| bench.fresh(), |request| call(&mut service, request), HOT);
    });
    let mut uncached = bench.uncached.clone();
    group.bench_function("layer, token never seen, no cache", |b| {
        b.iter_batched(|| bench.fresh(), |request| call(&mut uncached, request), HOT);
    });
    group.finish();
}

fn repeated(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("repeated");
    let requests: Vec<Request<()>> = (0..1000).map(|_| bench.fresh()).collect();
    let mut service = bench.service.clone();
    for request in &requests {
        call(&mut service, request.clone());
    }
    let mut turn = requests.iter().cycle();
    let mut next = || turn.next().expect("a cycle has no end").clone();
    group.bench_function("bare service", |b| b.iter_batched(&mut next, |request| call(&mut Bare, request), HOT));
    group.bench_function("layer, token seen before", |b| {
        b.iter_batched(&mut next, |request| call(&mut service, request), HOT);
    });
    group.finish();
}

fn refused(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("refused before the key");
    let mut service = bench.service.clone();
    let token =
        |edit: fn(tower_alb_auth::test_util::TokenBuilder<'_>) -> tower_alb_auth::test_util::TokenBuilder<'_>| {
            edit(bench.alb.token(&tower_alb_auth::test_util::User::jane())).sign()
        };
    for (name, token) in [
        (
            "another signer",
            token(|t| {
                t.header("signer", "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/x/0")
            }),
        ),
        ("expired", token(|t| t.expires_at(1_000_000_000))),
        ("not base64", "a.b!.c".repeat(200)),
    ] {
        group.bench_function(name, |b| {
            let request = || bench.alb.request("/").token(&token).into();
            b.iter_batched(request, |request| call(&mut service, request), HOT);
        });
    }
    group.finish();
}

criterion_group!(benches, fresh, repeated, refused);
criterion_main!(benches);
