//! Cookies and state of the emulator: what was written is read, and every other value is rejected.
//!
//! Each input is a list of changes to the cookies of a session: shards that are removed, swapped, cut or changed, and other
//! cookies beside them.

use std::sync::OnceLock;

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
use tower_alb_auth::fuzzing::emulator::{Content, Cookies, cookie};

const NOW: u64 = 1000;
const ENDS: u64 = 2000;

struct Bench {
    cookies: Cookies,
    /// `name=value` of sessions with one, two and four shards.
    sessions: Vec<(String, Vec<String>)>,
    state: Vec<u8>,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let cookies = Cookies::new().expect("random bytes");
        let sessions = [10, 4000, 10_000].map(|length| {
            let token = "t".repeat(length);
            let written = cookies.write("jane", &token, ENDS).expect("it fits");
            let pairs = written.iter().map(|header| {
                let text = header.to_str().expect("ASCII").to_owned();
                let parsed = Cookie::parse(text).expect("a cookie");
                assert!(
                    parsed.http_only() == Some(true) && parsed.secure() == Some(true) && parsed.path() == Some("/")
                );
                (parsed.name().to_owned(), parsed.value().to_owned())
            });
            let shards = pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
            (token, shards.collect())
        });
        let state = cookies.state("/wanted").expect("sealed");
        Bench { sessions: sessions.to_vec(), state, cookies }
    })
}

pub(crate) fn run(data: &[u8]) {
    let Some((choice, changes)) = data.split_first() else { return };
    let bench = bench();
    let (token, shards) = &bench.sessions[usize::from(choice % 3)];
    session(bench, token, shards, changes);
    state(bench, changes);
    header_of_any_bytes(data);
}

fn session(bench: &Bench, token: &str, shards: &[String], changes: &[u8]) {
    let mut pairs = shards.to_vec();
    for change in changes.chunks_exact(4) {
        let (at, position) = (usize::from(change[1]) % pairs.len().max(1), usize::from(change[2]) * 16);
        match (change[0] % 6, pairs.get_mut(at)) {
            (0, Some(_)) => drop(pairs.remove(at)),
            (1, Some(_)) => {
                let other = usize::from(change[3]) % pairs.len();
                pairs.swap(at, other);
            }
            (2, Some(pair)) => pair.truncate(position.min(pair.len())),
            (3, Some(pair)) if position < pair.len() => {
                let byte = char::from(change[3] & 0x7f);
                pair.replace_range(position..=position, byte.encode_utf8(&mut [0; 4]));
            }
            (4, Some(pair)) => {
                let copy = pair.clone();
                pairs.push(copy);
            }
            _ => pairs.push(format!("other={}", change[3])),
        }
    }
    let Ok(header) = HeaderValue::from_str(&pairs.join("; ")) else { return };
    let headers = HeaderMap::from_iter([(header::COOKIE, header)]);
    let expected = Content::Session { subject: "jane".to_owned(), access_token: token.to_owned() };
    let read = bench.cookies.read(&headers, NOW);
    let name = |pair: &String| pair.split('=').next().unwrap_or_default().to_owned();
    // Every shard as it was written, any number of times and in any order; none of the next session's.
    let unchanged = pairs.iter().all(|pair| shards.contains(pair) || !name(pair).starts_with("AWSELB"));
    let complete = shards.iter().all(|shard| pairs.contains(shard));
    match read {
        Content::None => assert!(!(unchanged && complete), "a complete session is not read"),
        Content::Expired => panic!("it ends later"),
        session => {
            assert_eq!(session, expected);
            assert!(complete, "a session of other cookies");
        }
    }
    if unchanged && complete {
        assert_eq!(bench.cookies.read(&headers, ENDS), Content::Expired);
    }
}

fn state(bench: &Bench, changes: &[u8]) {
    let mut sealed = bench.state.clone();
    assert_eq!(bench.cookies.open_state(&sealed).as_deref(), Some("/wanted"));
    for change in changes.chunks_exact(2) {
        let at = usize::from(change[0]) % sealed.len();
        sealed[at] ^= change[1];
    }
    assert_eq!(bench.cookies.open_state(&sealed).is_some(), sealed == bench.state, "a changed state is opened");
    assert_eq!(bench.cookies.open_state(changes), None);
}

/// The reader of cookies, against a plain split.
fn header_of_any_bytes(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
    let read = cookie(&headers, "a");
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut values: Vec<&str> =
        text.split(';').filter_map(|pair| pair.trim_matches([' ', '\t']).strip_prefix("a=")).collect();
    values.dedup();
    values.sort_unstable();
    values.dedup();
    match read {
        Ok(found) => assert_eq!(found.as_deref().into_iter().collect::<Vec<_>>(), values),
        Err(()) => assert!(values.len() > 1),
    }
}
