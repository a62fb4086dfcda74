//! One route of the auth backend, many times, for `benches/instructions.sh`, which counts the instructions of [`measured`]
//! under callgrind.
//!
//! `service_instructions PATH COUNT`, where PATH is `signatures`, `refresh` or `userinfo`.

mod support;

use std::hint::black_box;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use futures::FutureExt;
use support::{Bench, split};
use tower::Service;
use tower_alb_auth::{
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::User,
};

/// What is signed for a session, in bytes.
const LIMITED_BYTES: usize = 215;
const FULL_BYTES: usize = 417;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().filter(|path| !path.starts_with('-')).unwrap_or_else(|| "refresh".to_owned());
    let count: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(10);

    let bench = Bench::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let issuer = TokenIssuer::builder("https://backstage.example.com/api/auth").build().expect("an issuer");
    let auth = BackstageAuth::builder(bench.alb.layer().handle(), issuer).build().expect("an auth backend");
    let mut app = Router::new().nest("/api/auth", router(auth));
    // Signed once, so that signing the load balancer's tokens is the same work in every run.
    let refreshes: Vec<Request<Body>> = (0..1000)
        .map(|_| bench.alb.request("/api/auth/awsalb/refresh").user(&User::jane()).body(Body::empty()))
        .collect();
    let key = bench.raw_key();
    let own = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let random = SystemRandom::new();
    // Each signature takes another number of instructions, so many are checked.
    let tokens: Vec<_> = (0..1000).map(|_| split(&bench.alb.sign(&User::jane()))).collect();

    // The keys are fetched and published.
    let first = runtime.block_on(async {
        let request = bench.alb.request("/api/auth/awsalb/refresh").user(&User::jane()).body(Body::empty());
        let response = app.call(request).await.unwrap_or_else(|never| match never {});
        to_bytes(response.into_body(), usize::MAX).await.expect("a body")
    });
    let session: serde_json::Value = serde_json::from_slice(&first).expect("a session");
    let token = session["backstageIdentity"]["token"].as_str().expect("a token");
    assert_eq!(token.rsplit_once('.').map(|(input, _)| input.len()), Some(FULL_BYTES));

    match path.as_str() {
        "signatures" => tokens.iter().take(count).for_each(|(input, signature)| {
            // As long as what is signed for a session: the limited token, and the full one.
            let (limited, full) = (&input[..LIMITED_BYTES], &input[..FULL_BYTES]);
            measured(|| {
                key.verify_sig(input, signature).expect("a good signature");
                black_box((own.sign(&random, limited).expect("signed"), own.sign(&random, full).expect("signed")));
            });
        }),
        "refresh" => {
            for request in refreshes.into_iter().take(count) {
                measured(|| drop(black_box(call(&mut app, request))));
            }
        }
        "userinfo" => {
            let request = || {
                let request =
                    bench.alb.request("/api/auth/v1/userinfo").header("authorization", format!("Bearer {token}"));
                request.body(Body::empty())
            };
            drop(call(&mut app, request()));
            for _ in 0..count {
                let request = request();
                measured(|| drop(black_box(call(&mut app, request))));
            }
        }
        other => panic!("{other} is no path"),
    }
}

/// Calls the service, which answers without waiting.
fn call(app: &mut Router, request: Request<Body>) -> Response<Body> {
    let response = app.call(request).now_or_never().expect("nothing is waited for");
    let response = response.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::OK);
    response
}

/// What callgrind counts: nothing outside of it.
#[inline(never)]
fn measured(turn: impl FnOnce()) {
    turn();
    black_box(());
}
