//! Every text up to a length, and every byte in every place of a longer one, against what is accepted written as code.

use tower_alb_auth::{EntityRef, Kid, LoadBalancerArn};

const KID: &str = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";
const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";

/// Calls `check` with each sequence of at most `length` of these texts, joined.
fn every_text(parts: &[&str], length: usize, check: &mut dyn FnMut(&str)) -> usize {
    fn go(text: &mut String, parts: &[&str], length: usize, check: &mut dyn FnMut(&str)) -> usize {
        check(text);
        let mut count = 1;
        for part in parts.iter().filter(|_| length > 0) {
            text.push_str(part);
            count += go(text, parts, length - 1, check);
            text.truncate(text.len() - part.len());
        }
        count
    }
    go(&mut String::new(), parts, length, check)
}

/// Calls `check` with the text, and with each one that differs in one character: changed, removed or added.
fn every_neighbour(text: &str, check: &mut dyn FnMut(&str)) {
    check(text);
    let characters = || ('\0'..='\u{ff}').chain(['\u{661}', '\u{2010}', '\u{ff0d}', '\u{ff11}', '\u{1d7d8}']);
    for place in 0..=text.len() {
        let (before, after) = text.split_at(place);
        let rest = after.get(1..);
        rest.into_iter().for_each(|rest| check(&[before, rest].concat()));
        for character in characters() {
            let mut buffer = [0; 4];
            let character: &str = character.encode_utf8(&mut buffer);
            check(&[before, character, after].concat());
            rest.into_iter().for_each(|rest| check(&[before, character, rest].concat()));
        }
    }
}

fn is_kid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().chars().all(|character| "0123456789abcdef".contains(character))
}

#[test]
fn s_22_a_kid_is_a_lower_case_uuid_with_one_spelling() {
    let check = &mut |text: &str| {
        let kid = Kid::parse(text);
        assert_eq!(kid.is_some(), is_kid(text), "{text:?}");
        kid.into_iter().for_each(|kid| assert_eq!(kid.to_string(), text, "no other text is this kid"));
    };
    every_neighbour(KID, check);
    // Two changes at once, of each class.
    for (one, other) in (0..KID.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
        for (first, second) in
            "09afg-AF_/".chars().flat_map(|first| "09afg-AF_/".chars().map(move |second| (first, second)))
        {
            let changed = KID.char_indices().map(|(place, character)| match place {
                _ if place == one => first,
                _ if place == other => second,
                _ => character,
            });
            check(&changed.collect::<String>());
        }
    }
}

/// `[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}`, read from its end.
fn is_region(text: &str) -> bool {
    let words = text.trim_end_matches(|character: char| character.is_ascii_digit());
    let Some((first, others)) = words.strip_suffix('-').and_then(|words| words.split_once('-')) else { return false };
    let are_words =
        |text: &str| text.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()));
    [1, 2].contains(&(text.len() - words.len())) && first.len() > 1 && are_words(first) && are_words(others)
}

/// `aws(-[a-z]+)*`.
fn is_partition(text: &str) -> bool {
    text.strip_prefix("aws").is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|rest| rest.split('-').all(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase())))
    })
}

/// Whether AWS has this region in this partition, as far as it documents that.
fn is_of(partition: &str, region: &str) -> bool {
    let of_others = ["us-gov-", "cn-", "us-iso", "eu-iso", "eusc-"].iter().any(|start| region.starts_with(start));
    match partition {
        "aws" => !of_others,
        "aws-us-gov" => ["us-gov-west-1", "us-gov-east-1"].contains(&region),
        "aws-cn" => region.starts_with("cn-"),
        _ => true,
    }
}

fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "elasticloadbalancing", region, account, resource] = parts[..] else { return false };
    let ["loadbalancer", "app", name, id] = resource.split('/').collect::<Vec<_>>()[..] else { return false };
    is_partition(partition)
        && is_region(region)
        && is_of(partition, region)
        && account.len() == 12
        && account.chars().all(|character| character.is_ascii_digit())
        && (1..33).contains(&name.len())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
        && id.len() == 16
        && id.chars().all(|character| "0123456789abcdef".contains(character))
}

fn same_arn_as_stated(text: &str) {
    let read = text.parse::<LoadBalancerArn>().ok();
    assert_eq!(read.is_some(), is_arn(text), "{text:?}");
    if let Some(arn) = read {
        let parts: Vec<&str> = text.split(':').collect();
        assert_eq!([arn.as_str(), arn.partition(), arn.region(), arn.account()], [text, parts[1], parts[3], parts[4]]);
        assert_eq!([arn.to_string(), format!("{arn:?}")], [text.to_owned(), format!("LoadBalancerArn({text})")]);
        assert_eq!(arn.is_emulator(), parts[4] == "000000000000", "{text}");
    }
}

#[test]
fn s_23_s_24_an_arn_is_accepted_exactly_as_it_is_stated() {
    every_neighbour(ARN, &mut same_arn_as_stated);
    let parts = [
        "arn",
        "aws",
        "elasticloadbalancing",
        "eu-central-1",
        "123456789012",
        "loadbalancer/app/edge/50dc6c495c0c9188",
        "",
    ];
    let mut accepted = Vec::new();
    every_sequence(&parts, 6, &mut Vec::new(), &mut |parts| {
        let text = parts.join(":");
        same_arn_as_stated(&text);
        accepted.extend(is_arn(&text).then_some(text));
    });
    assert_eq!(accepted, [ARN]);
    let mut accepted = 0;
    let segments = ["loadbalancer", "app", "edge", "50dc6c495c0c9188", "listener", "net", ""];
    for length in 1..6 {
        every_sequence(&segments, length, &mut Vec::new(), &mut |segments| {
            let text = ARN.replace("loadbalancer/app/edge/50dc6c495c0c9188", &segments.join("/"));
            same_arn_as_stated(&text);
            accepted += usize::from(is_arn(&text));
        });
    }
    // The name of a load balancer may be any of the words.
    assert_eq!(accepted, 6);
    for name in 0..40 {
        same_arn_as_stated(&ARN.replace("/edge/", &format!("/{}/", "e".repeat(name))));
    }
    let names = every_text(&["e", "E", "0", "-", "_", "."], 4, &mut |name| {
        same_arn_as_stated(&ARN.replace("/edge/", &format!("/{name}/")))
    });
    assert_eq!(names, 1_555);
}

/// The region becomes part of the host that keys are fetched from.
#[test]
fn s_23_a_region_is_accepted_exactly_as_it_is_stated() {
    let mut accepted = 0;
    let regions = every_text(&["a", "-", "1", "A"], 8, &mut |region| {
        same_arn_as_stated(&ARN.replace("eu-central-1", region));
        accepted += usize::from(is_region(region));
    });
    assert_eq!((regions, accepted), (87_381, 10));
    let words = ["aws", "us", "gov", "cn", "iso", "isob", "eu", "eusc", "west", "east", "-", "1", "."];
    let mut partitions =
        vec!["aws", "aws-us-gov", "aws-cn", "aws-iso", "aws-iso-b", "aws-eusc", "aws-", "aws-1", "awsx", ""];
    partitions.extend(["AWS", "a", "aws--cn", "aws-Cn"]);
    for partition in partitions {
        let arn = ARN.replace("arn:aws:", &format!("arn:{partition}:"));
        for first in ["us-gov", "cn", "us-iso", "us-isob", "eu-iso", "eu-isoe", "eusc", "eusc-de", "us", "eu", "xx"] {
            for (second, number) in ["west", "east", "north"]
                .into_iter()
                .flat_map(|second| ["", "1", "2", "12", "123"].map(|n| (second, n)))
            {
                same_arn_as_stated(&arn.replace("eu-central-1", &format!("{first}-{second}-{number}")));
            }
        }
    }
    let mut check = |partition: &str| same_arn_as_stated(&ARN.replace("arn:aws:", &format!("arn:{partition}:")));
    assert_eq!(every_text(&words, 4, &mut check), 30_941);
}

fn every_sequence<'p>(
    parts: &[&'p str],
    length: usize,
    sequence: &mut Vec<&'p str>,
    check: &mut dyn FnMut(&[&'p str]),
) {
    if sequence.len() == length {
        return check(sequence);
    }
    for part in parts {
        sequence.push(part);
        every_sequence(parts, length, sequence, check);
        sequence.pop();
    }
}

fn is_kind(text: &str) -> bool {
    text.len() < 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric())
}

fn is_namespace(text: &str) -> bool {
    text.len() < 64
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
}

fn is_name(text: &str) -> bool {
    let is_end = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    text.len() < 64
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
}

/// A ref is read from its three parts and from its text, and both are the same.
fn same_ref_as_stated(kind: &str, namespace: &str, name: &str) {
    let built = EntityRef::new(kind, namespace, name).ok();
    assert_eq!(
        built.is_some(),
        is_kind(kind) && is_namespace(namespace) && is_name(name),
        "{kind:?} {namespace:?} {name:?}"
    );
    if let Some(built) = built {
        let lower = format!("{kind}:{namespace}/{name}").to_ascii_lowercase();
        assert_eq!(built.as_str(), lower);
        let parts = [built.kind(), built.namespace(), built.name()];
        assert_eq!(parts, [kind, namespace, name].map(str::to_ascii_lowercase));
        assert_eq!(lower.parse().as_ref(), Ok(&built));
        assert_eq!([built.to_string(), format!("{built:?}")], [lower.clone(), format!("EntityRef({lower})")]);
        assert!(
            built == *lower && built == lower.as_str() && built != "user:default/jane.doe" && built.as_ref() == lower
        );
        let other = EntityRef::user("m").unwrap();
        assert_eq!(built.cmp(&other), lower.as_str().cmp("user:default/m"), "{lower}");
        assert_eq!(built < other, lower.as_str() < "user:default/m", "{lower}");
    }
}

#[test]
fn s_53_an_entity_ref_is_accepted_exactly_as_it_is_stated() {
    let of_each_class =
        ["a", "z", "A", "Z", "0", "9", "-", "_", ".", ":", "/", " ", "@", "%", "\n", "\u{e4}", "\u{212a}"];
    every_text(&of_each_class, 3, &mut |part| {
        same_ref_as_stated(part, "default", "jane");
        same_ref_as_stated("user", part, "jane");
        same_ref_as_stated("user", "default", part);
    });
    for character in ('\0'..='\u{ffff}').map(String::from) {
        for part in [character.clone(), format!("a{character}"), format!("{character}a"), format!("a{character}a")] {
            same_ref_as_stated("user", "default", &part);
        }
    }
    for length in (0..70).chain(250..260).chain([65_535, 65_536]) {
        let part = "a".repeat(length);
        same_ref_as_stated(&part, "default", "jane");
        same_ref_as_stated("user", &part, "jane");
        same_ref_as_stated("user", "default", &part);
        same_ref_as_stated(&part, &part, &part);
    }
}

/// A text that has the separators of a ref in other places, or more than once.
#[test]
fn s_53_a_whole_ref_is_split_in_one_way() {
    let mut accepted = 0;
    every_text(&["a", "B", "0", "-", ".", ":", "/", "\u{e9}"], 6, &mut |text| {
        let split = text.split_once(':').and_then(|(kind, rest)| Some((kind, rest.split_once('/')?)));
        let stated =
            split.is_some_and(|(kind, (namespace, name))| is_kind(kind) && is_namespace(namespace) && is_name(name));
        let read = text.parse::<EntityRef>();
        assert_eq!(read.is_ok(), stated, "{text:?}");
        accepted += usize::from(stated);
        read.into_iter().for_each(|read| assert_eq!(read.as_str(), text.to_ascii_lowercase()));
    });
    assert!(accepted > 10, "{accepted}");
}
