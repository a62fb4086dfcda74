//! Parses the values of flags.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::emulator::{ClientAuthentication, OnUnauthenticated, Rule, RuleAction};

/// `127.0.0.1:9000`, or a port on loopback.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "an address is IP:PORT, such as 127.0.0.1:9000, or just a port".to_owned())
}

/// `90`, `90s`, `15m`, `2h`, `7d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(24 * 3600),
        _ => None,
    };
    let seconds = digits.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    let seconds = seconds.ok_or_else(|| "a duration is a number with s, m, h or d, such as 90s or 15m".to_owned())?;
    Ok(Duration::from_secs(seconds))
}

/// `NAME=VALUE`.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is NAME=VALUE, such as prompt=select_account".to_owned()),
    }
}

/// `PATH=ACTION`. The path may contain `=`.
pub(super) fn rule(text: &str) -> Result<Rule, String> {
    let wrong = || {
        "a rule is PATH=ACTION with an action of authenticate, allow, deny or forward, such as /api/*=deny".to_owned()
    };
    let (path, action) = text.rsplit_once('=').ok_or_else(wrong)?;
    let action = match action {
        "authenticate" => RuleAction::Authenticate,
        "allow" => RuleAction::Allow,
        "deny" => RuleAction::Deny,
        "forward" => RuleAction::Forward,
        _ => return Err(wrong()),
    };
    Ok(Rule::new(path, action))
}

pub(super) fn on_unauthenticated(text: &str) -> Result<OnUnauthenticated, String> {
    match text {
        "authenticate" => Ok(OnUnauthenticated::Authenticate),
        "allow" => Ok(OnUnauthenticated::Allow),
        "deny" => Ok(OnUnauthenticated::Deny),
        _ => Err("it must be authenticate, allow or deny".to_owned()),
    }
}

pub(super) fn client_authentication(text: &str) -> Result<ClientAuthentication, String> {
    match text {
        "basic" => Ok(ClientAuthentication::Basic),
        "form" => Ok(ClientAuthentication::Form),
        _ => Err("it must be basic or form".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_this_machine_unless_they_say_otherwise() {
        assert_eq!(address("9000"), Ok(([127, 0, 0, 1], 9000).into()));
        assert_eq!(address("0.0.0.0:80"), Ok(([0, 0, 0, 0], 80).into()));
        assert!(address("[::1]:80").unwrap().is_ipv6());
        for wrong in ["", "localhost:9000", "99999", "1.2.3.4"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        for (text, seconds) in [("90", 90), ("0", 0), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "s", "1.5h", "-1", "1 h", "1w", "99999999999999999999d", "999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rules_and_parameters_are_pairs() {
        assert_eq!(rule("/a=b=deny").unwrap().path, "/a=b");
        assert!(rule("/api/*=denied").unwrap_err().contains("/api/*=deny"));
        assert_eq!(parameter("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parameter("=b").is_err() && parameter("a").is_err());
    }
}
