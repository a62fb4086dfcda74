//! The limits, waivers and keys in docs/CONFIGURATION.md, against the code.

use tower_alb_auth::{config::AppConfig, sign_in::Catalog};

use crate::pages::page::{blocks, pages, read, rows, section, sources};

/// A limit, as the source declares it: name, default and range in bytes, nanoseconds or pieces.
struct Limit {
    name: String,
    default: u128,
    from: u128,
    to: u128,
}

#[test]
fn every_limit_is_there_with_its_default_and_range() {
    let (page, source) = (read("docs/CONFIGURATION.md"), read("src/limits.rs"));
    let mut checked = 0;
    for group in ["TokenLimits", "KeyLimits", "CacheLimits"] {
        let mut described = rows(&section(&page, &format!("## {group}")));
        for limit in declared(&source, group) {
            let name = format!("`{}`", limit.name);
            let index = described.iter().position(|row| row[0] == name).unwrap_or_else(|| panic!("{group}: {name}"));
            let row = described.remove(index);
            let (from, to) = row[2].split_once(" to ").unwrap_or_else(|| panic!("{name}: {}", row[2]));
            let described = (quantity(&row[1]), quantity(from), quantity(to));
            assert_eq!(described, (limit.default, limit.from, limit.to), "{name}");
            assert!(!row[3].is_empty(), "{name}");
            checked += 1;
        }
        assert!(described.is_empty(), "{group} has no such limits: {described:?}");
    }
    assert_eq!(checked, 14);
}

#[test]
fn every_waiver_is_explained() {
    let (page, source) = (read("docs/CONFIGURATION.md"), sources(&["src"]));
    let explained = section(&page, "## Settings that weaken a check");
    let mut names: Vec<&str> =
        source.split("pub fn dangerously_").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(explained.contains(&format!("::dangerously_{name}()")), "dangerously_{name}");
    }
}

#[test]
fn app_config_files_on_the_pages_are_sound() {
    let mut checked = 0;
    let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("a-token").build().expect("a catalog");
    for page in pages() {
        for block in blocks(&read(&page), "yaml").iter().filter(|block| block.contains("awsalb:")) {
            let config = AppConfig::from_text(&page, block, |_| Some("0b6c2f3e".to_owned())).expect("YAML");
            let built = config.alb_auth_in_catalog(&catalog).and_then(|builder| builder.build());
            built.unwrap_or_else(|error| panic!("{page}: {error}"));
            checked += 1;
        }
    }
    assert!(checked > 0);
}

/// The limits that a group declares and settings can change: `name: type = default, from..=to;`.
fn declared(source: &str, group: &str) -> Vec<Limit> {
    part(source, group, 0)
}

/// The fixed limits of all groups: `TokenLimits::max_json_depth` and its value.
pub fn fixed_limits(source: &str) -> Vec<(String, u128)> {
    let of = |group: &str| -> Vec<(String, u128)> {
        let limits = part(source, group, 1).into_iter();
        limits.map(|limit| (format!("{group}::{}", limit.name), limit.default)).collect()
    };
    ["TokenLimits", "KeyLimits", "CacheLimits"].into_iter().flat_map(of).collect()
}

/// One part of a group: what settings can change, or what is fixed.
fn part(source: &str, group: &str, index: usize) -> Vec<Limit> {
    let body = source.split(&format!("\n    {group} {{")).nth(1).and_then(|rest| rest.split("\n    }").nth(index));
    let lines = body.unwrap_or_else(|| panic!("{group}")).lines().map(str::trim);
    let limits: Vec<Limit> = lines
        .filter(|line| line.ends_with(';'))
        .map(|line| {
            let (name, rest) = line.trim_end_matches(';').split_once(": ").expect("a name");
            let (default, range) =
                rest.split_once(" = ").and_then(|(_, rest)| rest.rsplit_once(", ")).expect("a default");
            let (from, to) = range.split_once("..=").expect("a range");
            Limit { name: name.to_owned(), default: expression(default), from: expression(from), to: expression(to) }
        })
        .collect();
    assert!(!limits.is_empty(), "{group}");
    limits
}

/// `16 * KIB`, `seconds(24 * 3600)`, `Duration::from_millis(50)`, `10_000`, ...
pub fn expression(text: &str) -> u128 {
    let after = |one: &str, other: &str| text.strip_prefix(one).or_else(|| text.strip_prefix(other));
    let (text, unit) = match (after("seconds(", "Duration::from_secs("), after("millis(", "Duration::from_millis(")) {
        (Some(rest), _) => (rest.trim_end_matches(')'), 1_000_000_000),
        (_, Some(rest)) => (rest.trim_end_matches(')'), 1_000_000),
        _ => (text, 1),
    };
    let factor = |factor: &str| match factor {
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        number => number.replace('_', "").parse().unwrap_or_else(|_| panic!("{text}")),
    };
    text.split(" * ").map(factor).product::<u128>() * unit
}

/// `16 KiB`, `24 h`, `10,000`, ...
pub fn quantity(text: &str) -> u128 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: u128 = number.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"));
    number
        * match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "days" => 86_400_000_000_000,
            other => panic!("{other}"),
        }
}
