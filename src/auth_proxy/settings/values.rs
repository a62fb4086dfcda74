//! Values of several kinds of settings.

use std::ops::RangeInclusive;

use crate::{
    config::{Problem, ProblemKind},
    internal::{Section, Value, quoted},
};

/// A whole number, which a flag and a variable give as a text.
pub(super) fn number(top: &Section<'_>, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let text = match &top.find(key)?.value {
        Value::Number(text) => text.clone(),
        _ => top.text(key)?,
    };
    match text.parse() {
        Ok(number) if range.contains(&number) => Some(number),
        _ => {
            let what =
                format!("is {}; expected: a whole number from {} to {}", quoted(&text), range.start(), range.end());
            top.problems.add(Problem::of(ProblemKind::OutOfRange, top.at(key), what));
            None
        }
    }
}

/// Headers that mean something to every server, and those of the load balancer.
pub(super) fn is_reserved(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "host",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "cookie",
        "expect",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "keep-alive",
        "http2-settings",
        "x-tower-alb-auth-hops",
    ];
    NAMES.contains(&name) || name.starts_with("x-amzn-") || name.starts_with("sec-") || name.starts_with("proxy-")
}
