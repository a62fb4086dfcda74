//! One path, many times, for `benches/instructions.sh`, which counts the instructions of [`measured`] under callgrind.
//!
//! `instructions PATH COUNT [PADDING]`, with a claim of so many characters that makes the tokens longer, where PATH is `raw`, `bare`, `fresh`, `second`, `unique`, `uncached`, `repeated`, `listed`, or one that is
//! refused before its key is looked up: `foreign`, `expired`, `malformed`. With `length` it prints the size of a token in bytes.

mod support;

use std::hint::black_box;

use http::Request;
use support::{Bare, Bench, call, split};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().filter(|path| !path.starts_with('-')).unwrap_or_else(|| "fresh".to_owned());
    let count: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(10);

    let padding = arguments.next().and_then(|length| length.parse().ok());

    let bench = padding.map_or_else(Bench::new, Bench::with_padding);
    if path == "length" {
        println!("{}", bench.token().len());
        return;
    }
    // Signed once, so that signing is the same work in every run; a token is fresh the first time it is seen.
    let requests: Vec<Request<()>> = (0..1200).map(|_| bench.fresh()).collect();
    let seconds: Vec<Request<()>> = (0..1200).map(|number| bench.fresh_second(number)).collect();
    let tokens: Vec<_> = (0..1200).map(|_| split(&bench.token())).collect();
    let key = bench.raw_key();
    let (mut service, mut uncached) = (bench.service.clone(), bench.uncached.clone());
    let again = || std::iter::repeat_n(&requests[0], count).cloned();
    let first_time = requests.iter().take(count).cloned().collect::<Vec<_>>();
    match path.as_str() {
        "raw" => tokens.iter().cycle().take(count).for_each(|(input, signature)| {
            measured(|| key.verify_sig(input, signature).expect("a good signature"));
        }),
        "bare" => again().for_each(|request| measured(|| drop(call(&mut Bare, request)))),
        "fresh" => first_time.into_iter().for_each(|request| measured(|| drop(call(&mut service, request)))),
        "second" => {
            seconds.into_iter().take(count).for_each(|request| measured(|| drop(call(&mut service, request))));
        }
        // After so many that no token arrived again.
        "unique" => {
            (0..1100).for_each(|_| drop(call(&mut service, bench.fresh())));
            first_time.into_iter().for_each(|request| measured(|| drop(call(&mut service, request))));
        }
        "uncached" => requests.iter().cycle().take(count).for_each(|request| {
            let request = request.clone();
            measured(|| drop(call(&mut uncached, request)));
        }),
        "repeated" => {
            call(&mut service, requests[0].clone());
            again().for_each(|request| measured(|| drop(call(&mut service, request))));
        }
        "listed" => {
            let mut listed = bench.listed.clone();
            call(&mut listed, requests[0].clone());
            again().for_each(|request| measured(|| drop(call(&mut listed, request))));
        }
        "foreign" | "expired" | "malformed" => {
            let refused = bench.refused(&path);
            assert_eq!(call(&mut service, refused.clone()).status(), 401);
            std::iter::repeat_n(refused, count).for_each(|request| measured(|| drop(call(&mut service, request))));
        }
        other => panic!("{other} is no path"),
    }
}

/// What callgrind counts: nothing outside of it.
#[inline(never)]
fn measured(turn: impl FnOnce()) {
    turn();
    black_box(());
}
