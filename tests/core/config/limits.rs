//! Every limit at both edges of its range, and beyond.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use tower_alb_auth::{AlbAuthConfigBuilder, CacheLimits, KeyLimits, TokenLimits};

use crate::config::{ALB, builder, entry, problem, problems};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const HOUR: Duration = seconds(3600);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn sound() -> AlbAuthConfigBuilder {
    builder([entry(ALB)])
}

/// The values next to one.
trait Neighbours: Sized + Copy + Debug {
    fn before(self) -> Option<Self>;
    fn after(self) -> Self;
}

macro_rules! neighbours {
    ($type:ty, $step:expr) => {
        impl Neighbours for $type {
            fn before(self) -> Option<Self> {
                self.checked_sub($step)
            }
            fn after(self) -> Self {
                self.checked_add($step).unwrap()
            }
        }
    };
}

neighbours!(usize, 1);
neighbours!(u32, 1);
neighbours!(Duration, Duration::from_nanos(1));

/// Builds with both edges, and with neither of the values beyond them.
fn check<T: Neighbours>(knob: &str, from: T, to: T, build: impl Fn(T) -> AlbAuthConfigBuilder) {
    for edge in [from, to] {
        assert_eq!(problems(build(edge)), Vec::<String>::new(), "{knob} at {edge:?}");
    }
    for beyond in from.before().into_iter().chain([to.after()]) {
        let expected = format!("{knob} is {beyond:?}; set it to a value from {from:?} to {to:?}");
        // Beyond its range, a limit may contradict another one too.
        assert_eq!(problems(build(beyond)).first(), Some(&expected));
    }
}

/// Checks each knob of a struct of limits, and that none of its fields was forgotten.
macro_rules! knobs {
    ($limits:ident, $set:ident, $base:expr, $($knob:ident: $from:expr, $to:expr;)*) => {{
        $( check(stringify!($knob), $from, $to, |value| sound().$set($base.$knob(value))); )*
        let checked = BTreeSet::from([$(stringify!($knob).to_owned()),*]);
        assert_eq!(fields(&$limits::new()), checked);
    }};
}

/// The names of a struct's fields, as its `Debug` shows them.
fn fields(limits: &impl Debug) -> BTreeSet<String> {
    let text = format!("{limits:#?}");
    text.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn s_65_limits_of_tokens_have_a_range() {
    knobs!(TokenLimits, token_limits, TokenLimits::new(),
        max_token_bytes: KIB, 64 * KIB;
        max_header_bytes: 256, 4 * KIB;
        max_json_depth: 2, 32;
        max_json_members: 16, 1024;
        max_json_elements: 16, 16384;
        max_subject_chars: 1, 255;
        leeway: seconds(0), seconds(300);
        max_lifetime: seconds(120), 7 * 24 * HOUR;
    );
}

#[test]
fn s_65_limits_of_keys_have_a_range() {
    // Out of the way of each other: some limits have an order among themselves.
    let base = || {
        let timeouts = KeyLimits::new().connect_timeout(millis(50)).first_byte_timeout(millis(50));
        timeouts.fetch_timeout(seconds(30)).breaker_wait(seconds(1)).breaker_max_wait(seconds(600))
    };
    knobs!(KeyLimits, key_limits, base(),
        connect_timeout: millis(50), seconds(10);
        first_byte_timeout: millis(50), seconds(20);
        fetch_timeout: millis(100), seconds(30);
        max_response_bytes: 512, 64 * KIB;
        lifetime: seconds(60), 24 * HOUR;
        refresh_at_percent: 10, 95;
        max_stale: seconds(0), 24 * HOUR;
        max_keys: 2, 1024;
        max_unknown_kids: 64, 65536;
        unknown_for: seconds(5), HOUR;
        max_concurrent_fetches: 1, 64;
        fetches_per_second: 1, 1000;
        fetch_burst: 1, 1000;
        max_retry_wait: seconds(1), seconds(600);
        breaker_failures: 1, 100;
        breaker_wait: seconds(1), seconds(60);
        breaker_max_wait: seconds(1), seconds(600);
    );
}

#[test]
fn s_65_limits_of_caches_have_a_range() {
    knobs!(CacheLimits, cache_limits, CacheLimits::new(),
        max_tokens: 0, 1_000_000;
        max_token_cache_bytes: MIB, 1024 * MIB;
        max_sign_ins: 0, 1_000_000;
        max_sign_in_cache_bytes: MIB, 1024 * MIB;
        sign_in_lifetime: seconds(1), HOUR;
        sign_in_max_stale: seconds(0), 24 * HOUR;
        not_found_for: seconds(0), seconds(300);
        sign_in_timeout: millis(50), seconds(60);
    );
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let timeouts = "it covers connecting and the first byte: make it the longest of the three";
    let waits = "it grows to breaker_max_wait: make it the shorter of the two";
    for (limits, found, sentence) in [
        (
            KeyLimits::new().fetch_timeout(millis(999)).first_byte_timeout(millis(100)),
            "fetch_timeout is 999ms, connect_timeout 1s, first_byte_timeout 100ms",
            timeouts,
        ),
        (
            KeyLimits::new().fetch_timeout(millis(1999)),
            "fetch_timeout is 1.999s, connect_timeout 1s, first_byte_timeout 2s",
            timeouts,
        ),
        (
            KeyLimits::new().connect_timeout(seconds(6)),
            "fetch_timeout is 5s, connect_timeout 6s, first_byte_timeout 2s",
            timeouts,
        ),
        (KeyLimits::new().breaker_wait(seconds(31)), "breaker_wait is 31s, breaker_max_wait 30s", waits),
        (KeyLimits::new().breaker_max_wait(seconds(4)), "breaker_wait is 5s, breaker_max_wait 4s", waits),
    ] {
        assert_eq!(problem(sound().key_limits(limits)), format!("{found}; {sentence}"));
    }
    let equal = KeyLimits::new().connect_timeout(seconds(5)).first_byte_timeout(seconds(5)).breaker_wait(seconds(30));
    assert_eq!(problems(sound().key_limits(equal)), Vec::<String>::new());
}

/// The documentation promises them; a number that changes here changes for every user.
#[test]
fn the_defaults_are_these() {
    insta::assert_snapshot!(format!("{:#?}", TokenLimits::new()), @"
        TokenLimits {
            max_token_bytes: 16384,
            leeway: 30s,
            max_lifetime: 900s,
            max_header_bytes: 2048,
            max_json_depth: 16,
            max_json_members: 128,
            max_json_elements: 1024,
            max_subject_chars: 255,
        }
    ");
    insta::assert_snapshot!(format!("{:#?}", KeyLimits::new()), @"
        KeyLimits {
            connect_timeout: 1s,
            first_byte_timeout: 2s,
            fetch_timeout: 5s,
            lifetime: 3600s,
            max_stale: 3600s,
            max_keys: 64,
            max_response_bytes: 8192,
            refresh_at_percent: 80,
            max_unknown_kids: 4096,
            unknown_for: 60s,
            max_concurrent_fetches: 8,
            fetches_per_second: 10,
            fetch_burst: 20,
            max_retry_wait: 30s,
            breaker_failures: 5,
            breaker_wait: 5s,
            breaker_max_wait: 30s,
        }
    ");
    insta::assert_snapshot!(format!("{:#?}", CacheLimits::new()), @"
        CacheLimits {
            max_tokens: 10000,
            max_sign_ins: 10000,
            sign_in_lifetime: 300s,
            sign_in_max_stale: 3600s,
            sign_in_timeout: 5s,
            max_token_cache_bytes: 33554432,
            max_sign_in_cache_bytes: 33554432,
            not_found_for: 10s,
        }
    ");
}

/// Limits that no deployment needs to change are constants: settings have no name for them.
#[cfg(feature = "app-config")]
#[test]
fn fixed_limits_are_no_settings() {
    use tower_alb_auth::{
        AlbAuthSettings,
        config::{AppConfig, ProblemKind},
    };

    for name in
        ["MAX_JSON_DEPTH", "MAX_SUBJECT_CHARS", "BREAKER_WAIT", "UNKNOWN_FOR", "MAX_TOKEN_CACHE_BYTES", "NOT_FOUND_FOR"]
    {
        let variable = format!("ALB_AUTH_LIMIT_{name}");
        let error = AlbAuthSettings::from_vars([(variable.as_str(), "16")]).expect_err("unknown");
        let found = error.problems().iter().find(|problem| problem.key() == Some(&variable));
        assert_eq!(found.map(|problem| problem.kind()), Some(ProblemKind::UnknownKey), "{error}");
    }
    let file = "auth: { providers: { awsalb: { limits: { breakerWait: 5s } } } }";
    let config = AppConfig::from_text("app-config.yaml", file, |_| None).expect("YAML");
    let error = config.alb_auth().expect_err("unknown");
    let unknown = error.problems().iter().find(|problem| problem.kind() == ProblemKind::UnknownKey).expect("its kind");
    assert_eq!(unknown.key(), Some("auth.providers.awsalb.limits.breakerWait"));
    assert_eq!(unknown.expected().map(|names| names.split(", ").count()), Some(14), "{unknown}");
}
