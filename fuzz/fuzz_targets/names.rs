#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_alb_auth_fuzz::run("names", data));
