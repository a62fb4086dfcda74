//! Counts allocations of the two paths through the layer. Run by `cargo bench --bench allocations`; fails where a path takes
//! more than its budget, so it is also run in test mode by CI.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    convert::Infallible,
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::FutureExt;
use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_alb_auth::test_util::{MockAlb, User};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// The one place with unsafe code: a global allocator cannot be written without.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone)]
struct SomeExtension;

/// The most allocations that one of many requests takes, and the usual number.
fn count(mut service: impl Service<Request<()>, Response = Response<()>, Error = Infallible>, requests: Vec<Request<()>>) -> (usize, usize) {
    let mut counts: Vec<usize> = requests
        .into_iter()
        .map(|request| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let response = black_box(service.call(request)).now_or_never();
            let after = ALLOCATIONS.load(Ordering::Relaxed);
            let response = response.expect("nothing is waited for").expect("infallible");
            assert_eq!(response.status(), 200, "{:?}", response.extensions().get::<tower_alb_auth::AuthError>());
            after - before
        })
        .collect();
    counts.sort_unstable();
    (counts[counts.len() - 1], counts[counts.len() / 2])
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let alb = MockAlb::new();
    let bare = service_fn(|request: Request<()>| async move {
        drop(black_box(request));
        let response = Response::builder().header("content-type", "text/plain").body(());
        Ok::<_, Infallible>(response.expect("a response"))
    });
    let service = alb.layer().layer(bare);
    let with_extensions = |mut request: Request<()>| {
        request.extensions_mut().insert(1_u8);
        request
    };
    let user = User::jane().claim("padding", "x".repeat(400));
    let request = || with_extensions(alb.request("/").user(&user).into());
    // The first request fetches the key.
    runtime.block_on(service.clone().call(request())).expect("infallible");

    let same = request();
    let fresh = count(service.clone(), (0..200).map(|_| request()).collect());
    let repeated = count(service.clone(), (0..200).map(|_| same.clone()).collect());
    let baseline = count(bare, (0..200).map(|_| request()).collect());
    println!("allocations a request, most and usual: bare {baseline:?}, fresh {fresh:?}, repeated {repeated:?}");
}
