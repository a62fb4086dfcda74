//! Every limit, with its default and the range it may be set to.

use std::{fmt::Debug, ops::RangeInclusive, time::Duration};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Declares a struct of limits: a field, a default and a range each, and the check of all ranges. Those that operators set
/// have a setter and a name in settings. The fixed ones have a setter for tests only, within the range in which the code
/// is tested.
macro_rules! limits {
    (
        $(#[$outer:meta])*
        $name:ident {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $range:expr; )*
        } fixed {
            $( $(#[$fixed_doc:meta])* $fixed:ident: $fixed_type:ty = $value:expr, $tested:expr; )*
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $( pub(crate) $field: $type, )* $( $(#[$fixed_doc])* pub(crate) $fixed: $fixed_type, )* }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* $( $fixed: $value, )* }
            }
        }

        impl $name {
            /// The defaults.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$doc])*
                ///
                #[doc = concat!("Default `", stringify!($default), "`, range `", stringify!($range), "`.")]
                #[must_use]
                pub fn $field(mut self, value: $type) -> Self {
                    self.$field = value;
                    self
                }
            )*

            $(
                #[cfg(any(test, feature = "test-util"))]
                #[doc(hidden)]
                #[must_use]
                pub fn $fixed(mut self, value: $fixed_type) -> Self {
                    self.$fixed = value;
                    self
                }
            )*

            /// The names of the limits that settings can change.
            pub(crate) const NAMES: &[&str] = &[$( stringify!($field), )*];

            /// Sets the limit of this name from a text. `None` if there is no such limit; an error names what the text should
            /// be.
            pub(crate) fn set(&mut self, name: &str, text: &str) -> Option<Result<(), &'static str>> {
                $(
                    if name == stringify!($field) {
                        let value = <$type as FromText>::from_text(text).ok_or(<$type as FromText>::EXPECTED);
                        return Some(value.map(|value| self.$field = value));
                    }
                )*
                None
            }

            pub(crate) fn check(&self) -> Vec<LimitProblem> {
                let ranges = [
                    $( check(stringify!($field), &self.$field, &$range), )*
                    $( check(stringify!($fixed), &self.$fixed, &$tested), )*
                ];
                ranges.into_iter().flatten().collect()
            }
        }
    };
}

/// The value of a limit as settings write it.
trait FromText: Sized {
    const EXPECTED: &str;

    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for usize {
    const EXPECTED: &str = "a whole number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for u32 {
    const EXPECTED: &str = "a whole number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Duration {
    const EXPECTED: &str = "a time such as 500ms, 90s, 30m or 2h";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let seconds_each = match unit.trim_start() {
            "ms" => return Some(millis(number)),
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return None,
        };
        number.checked_mul(seconds_each).map(seconds)
    }
}

/// Why limits cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LimitProblem {
    /// A limit that is not in its range.
    OutOfRange { name: &'static str, value: String, from: String, to: String },
    /// Two limits that contradict each other: the one to change, and why.
    Order { name: &'static str, found: String, why: &'static str, fix: &'static str },
}

fn check<T: PartialOrd + Debug>(name: &'static str, value: &T, range: &RangeInclusive<T>) -> Option<LimitProblem> {
    let shown = |value: &T| format!("{value:?}");
    (!range.contains(value)).then(|| LimitProblem::OutOfRange {
        name,
        value: shown(value),
        from: shown(range.start()),
        to: shown(range.end()),
    })
}

limits! {
    /// What a token may be. The defaults fit what a load balancer sends; most applications never change one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_alb_auth::TokenLimits;
    ///
    /// let strict = TokenLimits::new().leeway(Duration::from_secs(5)).max_lifetime(Duration::from_secs(300));
    /// # let _ = strict;
    /// ```
    TokenLimits {
        /// Longest token, in bytes. A load balancer sends one header of at most 16 KiB.
        max_token_bytes: usize = 16 * KIB, KIB..=64 * KIB;
        /// How far clocks may differ when `exp`, `nbf` and `iat` are checked.
        leeway: Duration = seconds(30), seconds(0)..=seconds(300);
        /// How far ahead `exp` may lie. A load balancer sets it 120 s ahead; a clock that is wrong by some minutes fits in.
        max_lifetime: Duration = seconds(15 * 60), seconds(120)..=seconds(7 * 24 * 3600);
    } fixed {
        /// Longest JOSE header, decoded, in bytes. What a load balancer writes takes about 350.
        max_header_bytes: usize = 2 * KIB, 256..=4 * KIB;
        /// How deep JSON may nest; the outermost object is 1. Claims of Keycloak nest 4 deep.
        max_json_depth: usize = 16, 2..=32;
        /// How many members one JSON object may have. OpenID Connect Core 1.0 section 5.1 defines 20 claims.
        max_json_members: usize = 128, 16..=1024;
        /// How many elements one JSON array may have. Entra ID sends at most 200 groups, and a token has 16 KiB.
        max_json_elements: usize = 1024, 16..=16384;
        /// Longest subject, in characters. OpenID Connect Core 1.0 section 2 allows 255.
        max_subject_chars: usize = 255, 1..=255;
    }
}

limits! {
    /// How public keys are fetched, kept and dropped.
    KeyLimits {
        /// How long a connection to the key endpoint may take, TLS included.
        connect_timeout: Duration = seconds(1), millis(50)..=seconds(10);
        /// How long the key endpoint may take to begin its response, connection included.
        first_byte_timeout: Duration = seconds(2), millis(50)..=seconds(20);
        /// How long a fetch may take in all, its retry included.
        fetch_timeout: Duration = seconds(5), millis(100)..=seconds(30);
        /// How long a key is used before it is fetched again. It is refreshed in the background at 80 % of this.
        lifetime: Duration = seconds(3600), seconds(60)..=seconds(24 * 3600);
        /// How long a key is used past its lifetime while it cannot be refreshed.
        max_stale: Duration = seconds(3600), seconds(0)..=seconds(24 * 3600);
        /// How many keys are held that have verified a token. In addition 16 may be held that have verified none.
        max_keys: usize = 64, 2..=1024;
    } fixed {
        /// Largest response of the key endpoint, in bytes. A key is 178 bytes of PEM.
        max_response_bytes: usize = 8 * KIB, 512..=64 * KIB;
        /// At what part of its lifetime, in percent, a key is fetched again while it is still used.
        refresh_at_percent: u32 = 80, 10..=95;
        /// How many kids that the endpoint does not know are remembered.
        max_unknown_kids: usize = 4096, 64..=65536;
        /// How long a kid that the endpoint does not know is remembered, give or take 20 %.
        unknown_for: Duration = seconds(60), seconds(5)..=seconds(3600);
        /// How many fetches of unknown kids run at once. Further ones are refused, not queued.
        max_concurrent_fetches: usize = 8, 1..=64;
        /// How many fetches of unknown kids start a second, on average.
        fetches_per_second: u32 = 10, 1..=1000;
        /// How many fetches of unknown kids may start at once after a quiet time.
        fetch_burst: u32 = 20, 1..=1000;
        /// The longest wait before a kid whose fetch failed is fetched again. The first wait is a second, then it doubles.
        max_retry_wait: Duration = seconds(30), seconds(1)..=seconds(600);
        /// How many failed fetches in a row make the endpoint count as down.
        breaker_failures: u32 = 5, 1..=100;
        /// How long an endpoint that counts as down is left alone before one fetch tries it. Doubles up to `breaker_max_wait`.
        breaker_wait: Duration = seconds(5), seconds(1)..=seconds(60);
        /// The longest that an endpoint that counts as down is left alone.
        breaker_max_wait: Duration = seconds(30), seconds(1)..=seconds(600);
    }
}

limits! {
    /// How much is remembered of verified tokens and resolved sign-ins.
    CacheLimits {
        /// How many verified tokens are remembered. At 0 each request is verified again.
        max_tokens: usize = 10_000, 0..=1_000_000;
        /// How many resolved sign-ins are remembered, of resolvers that wait. At 0 none are.
        max_sign_ins: usize = 10_000, 0..=1_000_000;
        /// How long a resolved sign-in is used.
        sign_in_lifetime: Duration = seconds(300), seconds(1)..=seconds(3600);
        /// How long a resolved sign-in is used past its lifetime while what the resolver queries is out of reach.
        sign_in_max_stale: Duration = seconds(3600), seconds(0)..=seconds(24 * 3600);
        /// How long a resolver may take.
        sign_in_timeout: Duration = seconds(5), millis(50)..=seconds(60);
    } fixed {
        /// How many bytes verified tokens may take: 10,000 of 3 KiB.
        max_token_cache_bytes: usize = 32 * MIB, MIB..=1024 * MIB;
        /// How many bytes resolved sign-ins may take.
        max_sign_in_cache_bytes: usize = 32 * MIB, MIB..=1024 * MIB;
        /// How long it is remembered that a sign-in finds no user, so that a new user is accepted soon.
        not_found_for: Duration = seconds(10), seconds(0)..=seconds(300);
    }
}

impl KeyLimits {
    pub(crate) fn check_order(&self) -> Vec<LimitProblem> {
        let mut problems = Vec::new();
        if self.connect_timeout > self.fetch_timeout || self.first_byte_timeout > self.fetch_timeout {
            problems.push(LimitProblem::Order {
                name: "fetch_timeout",
                found: format!(
                    "{:?}, connect_timeout {:?}, first_byte_timeout {:?}",
                    self.fetch_timeout, self.connect_timeout, self.first_byte_timeout
                ),
                why: "covers connecting and the first byte",
                fix: "make it the longest of the three",
            });
        }
        if self.breaker_wait > self.breaker_max_wait {
            problems.push(LimitProblem::Order {
                name: "breaker_wait",
                found: format!("{:?}, breaker_max_wait {:?}", self.breaker_wait, self.breaker_max_wait),
                why: "grows to breaker_max_wait",
                fix: "make it the shorter of the two",
            });
        }
        problems
    }

    /// The age at which a key is fetched again.
    pub(crate) fn refresh_age(&self) -> Duration {
        self.lifetime.mul_f64(f64::from(self.refresh_at_percent) / 100.0)
    }

    /// The time after which a fetch that has not ended is lost: its runtime is gone or blocked.
    pub(crate) fn lost_after(&self) -> Duration {
        self.fetch_timeout.saturating_add(seconds(1))
    }

    /// The age past which a key is no longer used.
    pub(crate) fn max_age(&self) -> Duration {
        self.lifetime.saturating_add(self.max_stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        let keys = KeyLimits::new();
        let problems = [TokenLimits::new().check(), keys.check(), keys.check_order(), CacheLimits::new().check()];
        assert_eq!(problems.into_iter().flatten().collect::<Vec<_>>(), []);
    }

    #[test]
    fn a_limit_is_set_from_a_text() {
        let time = |text: &str| {
            let mut limits = TokenLimits::new();
            limits.set("leeway", text).expect("a limit").map(|()| limits.leeway)
        };
        for (text, expected) in [
            ("90", seconds(90)),
            ("90s", seconds(90)),
            ("1 min", seconds(60)),
            ("2h", seconds(7200)),
            ("5ms", millis(5)),
        ] {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "1d", "90 s s", "99999999999999999999", "9999999999999999h", "\u{664}s"] {
            assert_eq!(time(text), Err("a time such as 500ms, 90s, 30m or 2h"), "{text}");
        }
        assert_eq!(CacheLimits::new().set("max_tokens", "1e3"), Some(Err("a whole number")));
        assert_eq!(CacheLimits::new().set("leeway", "1"), None);
        let all = [TokenLimits::NAMES, KeyLimits::NAMES, CacheLimits::NAMES].concat();
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len(), "one name is one limit");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_range() {
        let problems = TokenLimits::new().leeway(seconds(301)).check();
        let [LimitProblem::OutOfRange { name, value, from, to }] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!([name, value.as_str(), from, to], ["leeway", "301s", "0ns", "300s"]);
    }
}
