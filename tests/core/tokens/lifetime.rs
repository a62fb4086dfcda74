//! From when until when a token is let in, to the second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_alb_auth::{
    AuthErrorKind, CacheLimits, TokenLimits,
    test_util::{MockAlb, TestClock, TokenBuilder, User},
};

use crate::tokens::{
    forge::{BOTH, Text},
    gate::Gate,
};

/// An ordinary moment.
const NOW: u64 = 1_800_000_000;

const HOUR: u64 = 3600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A gate on a clock that stands at `now`, without a key so far.
fn gate_at(now: u64, leeway: u64, remembers: bool) -> (Gate, TestClock) {
    let clock = TestClock::at(at(now));
    let alb = MockAlb::new().with_clock(&clock);
    let limits = TokenLimits::new().leeway(Duration::from_secs(leeway));
    let caches = if remembers { CacheLimits::new() } else { CacheLimits::new().max_tokens(0) };
    let builder = alb.config_builder().token_limits(limits).cache_limits(caches);
    (Gate::with(alb, builder), clock)
}

/// The default, the least and the most that can be set.
const LEEWAYS: [u64; 3] = [30, 0, 300];

#[tokio::test]
async fn s_37_a_token_ends_at_its_exp_and_the_leeway_to_the_second() {
    assert_eq!(TokenLimits::new(), TokenLimits::new().leeway(Duration::from_secs(30)), "the default");
    for leeway in LEEWAYS {
        for remembers in [false, true] {
            let (gate, clock) = gate_at(NOW, leeway, remembers);
            let exp = NOW + 900;
            let token = gate.alb.token(&User::jane()).expires_at(exp).sign();
            for (now, valid) in [
                (NOW, true),
                (exp - 1, true),
                (exp, leeway > 0),
                (exp + leeway - 1, true),
                (exp + leeway, false),
                (exp + leeway + 1, false),
                (exp + HOUR, false),
            ] {
                clock.set_date(at(now));
                let case =
                    format!("leeway {leeway}, remembers {remembers}, exp {:+}", now.cast_signed() - exp.cast_signed());
                if valid {
                    gate.admits(&case, &token).await;
                } else {
                    let answer = gate.call(&token).await;
                    assert_eq!(answer.kind(), Some(AuthErrorKind::Expired), "{case}");
                    answer.assert_401(AuthErrorKind::Expired);
                }
            }
            assert_eq!(gate.handle.stats().tokens, 0, "an expired token is forgotten");
        }
    }
}

#[tokio::test]
async fn s_37_an_expired_token_or_one_that_is_not_valid_yet_causes_no_fetch() {
    for leeway in LEEWAYS {
        let (gate, _) = gate_at(NOW, leeway, true);
        let token = || gate.alb.token(&User::jane());
        for (case, exp) in [("just", NOW - leeway), ("long", NOW - HOUR), ("1970", 0), ("the first second", 1)] {
            let case = format!("leeway {leeway}, expired {case}");
            gate.refuses_unasked(&case, token().expires_at(exp).sign(), AuthErrorKind::Expired).await;
        }
        for name in ["nbf", "iat"] {
            for from in [NOW + leeway + 1, NOW + HOUR, 253_402_300_799] {
                let case = format!("leeway {leeway}, {name} in the header: {from}");
                gate.refuses_unasked(&case, token().header(name, from).sign(), AuthErrorKind::NotYetValid).await;
            }
        }
    }
}

#[tokio::test]
async fn s_37_the_earlier_of_the_two_exp_counts() {
    for leeway in LEEWAYS {
        let (gate, _) = gate_at(NOW, leeway, true);
        let token = |header: u64, payload: u64| {
            gate.alb.token(&User::jane()).header("exp", header).claim("exp", payload).sign()
        };
        let (past, future) = (NOW - leeway, NOW + 120);
        let case = format!("leeway {leeway}, past in the header");
        gate.refuses_unasked(&case, token(past, future), AuthErrorKind::Expired).await;
        let case = format!("leeway {leeway}, past in the payload");
        gate.refuses(&case, token(future, past), AuthErrorKind::Expired).await;
        gate.admits(&format!("leeway {leeway}, future in both"), token(future, future + 1)).await;
    }
    // And it is the end that is remembered.
    for (header, payload) in [(NOW + 120, NOW + 60), (NOW + 60, NOW + 120)] {
        let (gate, clock) = gate_at(NOW, 0, true);
        let token = gate.alb.token(&User::jane()).header("exp", header).claim("exp", payload).sign();
        gate.admits("now", &token).await;
        clock.set_date(at(NOW + 59));
        gate.admits("to the end", &token).await;
        clock.set_date(at(NOW + 60));
        gate.call(&token).await.assert_401(AuthErrorKind::Expired);
    }
}

/// A name that says from when a token is valid.
fn starting(token: TokenBuilder<'_>, text: Text, name: &str, from: u64) -> String {
    text.with_raw(token, name, &from.to_string())
}

#[tokio::test]
async fn s_38_a_token_of_the_future_is_refused_beyond_the_leeway() {
    for leeway in LEEWAYS {
        for text in BOTH {
            for name in ["nbf", "iat"] {
                let (gate, clock) = gate_at(NOW, leeway, true);
                let token = || gate.alb.token(&User::jane());
                for ahead in [leeway + 1, leeway + 2, HOUR] {
                    let case = format!("leeway {leeway}, {text:?}, {name} {ahead} s ahead");
                    let token = starting(token(), text, name, NOW + ahead);
                    gate.refuses(&case, token, AuthErrorKind::NotYetValid).await;
                }
                for ahead in [0, leeway / 2, leeway] {
                    let case = format!("leeway {leeway}, {text:?}, {name} {ahead} s ahead");
                    gate.admits(&case, starting(token(), text, name, NOW + ahead)).await;
                }
                // Somebody sets the clock back after the token was remembered.
                let remembered = starting(token(), text, name, NOW);
                gate.admits("to be remembered", &remembered).await;
                clock.set_date(at(NOW - leeway - 1));
                gate.call(&remembered).await.assert_401(AuthErrorKind::NotYetValid);
            }
        }
    }
}

#[tokio::test]
async fn s_38_the_latest_of_nbf_and_iat_counts() {
    let (gate, _) = gate_at(NOW, 0, true);
    for (nbf, iat) in [(NOW, NOW + 1), (NOW + 1, NOW), (NOW + 1, NOW + 1)] {
        let token = gate.alb.token(&User::jane()).claim("nbf", nbf).claim("iat", iat).sign();
        gate.refuses(&format!("{nbf} {iat}"), token, AuthErrorKind::NotYetValid).await;
        let split = gate.alb.token(&User::jane()).header("nbf", nbf).claim("iat", iat).sign();
        gate.refuses(&format!("{nbf} in the header, {iat}"), split, AuthErrorKind::NotYetValid).await;
    }
    gate.admits("both", gate.alb.token(&User::jane()).claim("nbf", NOW).claim("iat", NOW).sign()).await;
}

#[tokio::test]
async fn s_39_an_absurd_lifetime_is_refused_without_an_overflow() {
    for leeway in LEEWAYS {
        let (gate, _) = gate_at(NOW, leeway, true);
        let token = |exp: u64| gate.alb.token(&User::jane()).expires_at(exp).sign();
        let max = 15 * 60;
        let last = 253_402_300_799;
        for (exp, kind) in [
            (NOW + max + 1, AuthErrorKind::LifetimeTooLong),
            (NOW + 100 * 365 * 24 * HOUR, AuthErrorKind::LifetimeTooLong),
            (last, AuthErrorKind::LifetimeTooLong),
            (last + 1, AuthErrorKind::MalformedHeader),
            (u64::from(u32::MAX), AuthErrorKind::LifetimeTooLong),
            (i64::MAX.cast_unsigned() - 1, AuthErrorKind::MalformedHeader),
            (i64::MAX.cast_unsigned(), AuthErrorKind::MalformedHeader),
            (u64::MAX, AuthErrorKind::MalformedHeader),
        ] {
            gate.refuses_unasked(&format!("leeway {leeway}, exp {exp}"), token(exp), kind).await;
        }
        gate.admits("the longest", token(NOW + max)).await;
    }
}

#[tokio::test]
async fn s_39_the_longest_lifetime_is_a_setting() {
    for max in [120, 3 * HOUR, 7 * 24 * HOUR] {
        let clock = TestClock::at(at(NOW));
        let alb = MockAlb::new().with_clock(&clock);
        let limits = TokenLimits::new().max_lifetime(Duration::from_secs(max));
        let builder = alb.config_builder().token_limits(limits);
        let gate = Gate::with(alb, builder);
        let token = |exp: u64| gate.alb.token(&User::jane()).expires_at(exp).sign();
        let case = format!("{max} s");
        gate.refuses_unasked(&case, token(NOW + max + 1), AuthErrorKind::LifetimeTooLong).await;
        gate.admits(&case, token(NOW + max)).await;
    }
}

#[tokio::test]
async fn s_39_dates_at_the_ends_of_time_overflow_nothing() {
    let last = 253_402_300_799;
    for now in [0, 1, 29, 30, last - 1, last, last + 1, u64::from(u32::MAX), 1 << 40] {
        let (gate, _) = gate_at(now, 300, true);
        for exp in [0, 1, now, last] {
            for from in [0, now, last] {
                let token = gate.alb.token(&User::jane()).expires_at(exp).claim("nbf", from).header("iat", from).sign();
                let answer = gate.call(token).await;
                let in_time = now < exp + 300 && from <= now + 300 && exp <= now + 15 * 60;
                let valid = in_time && exp <= last && from <= last;
                assert_eq!(answer.status == 200, valid, "now {now}, exp {exp}, from {from}: {answer:?}");
                assert!(valid || answer.status == 401, "{answer:?}");
            }
        }
    }
}
