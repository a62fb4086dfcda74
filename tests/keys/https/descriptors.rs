//! A process that can open no more files.
#![cfg(unix)]

use std::{
    fs::File,
    time::{Duration, Instant},
};

use super::{child, server::key, site::Site};

#[test]
fn f_26_without_descriptors_it_is_503_at_once_and_recovers() {
    child::run_with_descriptors(
        64,
        "https::descriptors::f_26_without_descriptors_it_is_503_at_once_and_recovers",
        || {
            // One thread, so that nothing opens a file between two lines of this test.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
                let mut taken = Vec::new();
                let full = loop {
                    match File::open("/dev/null") {
                        Ok(file) => taken.push(file),
                        Err(error) => break error,
                    }
                };
                assert!((1..64).contains(&taken.len()), "{} files, then {full}", taken.len());

                let began = Instant::now();
                for round in 0..3 {
                    site.assert_keys_unavailable(&format!("round {round}")).await;
                }
                // The limits would let one fetch take 30 s.
                assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
                assert_eq!((server.connections(), site.handle.stats().key_fetches_under_way), (0, 0));

                drop(taken);
                site.clock.advance(Duration::from_secs(2));
                site.assert_lets_jane_in("with descriptors again").await;
                assert_eq!(server.connections(), 1);
            });
        },
    );
}
