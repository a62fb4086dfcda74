//! Parses the values of flags.

use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;

use super::{Rule, RuleAction};
use crate::emulator::suggestion::not_one_of;

/// `127.0.0.1:9000`, or a port on loopback.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "an address is IP:PORT, such as 127.0.0.1:9000, or just a port".to_owned())
}

/// `90`, `90s`, `15m`, `2h`, `7d`, in seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(24 * 3600),
        _ => None,
    };
    let seconds = digits.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    seconds.ok_or_else(|| "a duration is a number with s, m, h or d, such as 90s or 15m".to_owned())
}

/// `NAME=VALUE`.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is NAME=VALUE, such as prompt=select_account".to_owned()),
    }
}

/// `PATH=ACTION`. The path may contain `=`.
impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "a rule is PATH=ACTION, such as /api/*=deny";
        let (path, action) = text.rsplit_once('=').ok_or(FORM)?;
        let action: RuleAction = ValueEnum::from_str(action, false).map_err(|_| {
            let known: Vec<_> = RuleAction::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
            let known: Vec<&str> = known.iter().map(clap::builder::PossibleValue::get_name).collect();
            format!("{FORM}: the action {}", not_one_of(action, &known))
        })?;
        Ok(Self::new(path, action))
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
        for (text, expected) in [("90", 90), ("0", 0), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for wrong in ["", "s", "1.5h", "-1", "1 h", "1w", "99999999999999999999d", "999999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rules_and_parameters_are_pairs() {
        assert_eq!("/a=b=deny".parse(), Ok(Rule::new("/a=b", RuleAction::Deny)));
        let wrong = "/api/*=dney".parse::<Rule>().unwrap_err();
        assert!(wrong.contains("/api/*=deny") && wrong.ends_with("Did you mean deny?"), "{wrong}");
        assert_eq!(parameter("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parameter("=b").is_err() && parameter("a").is_err());
    }
}
