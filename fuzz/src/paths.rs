//! Readings of a path, and rules of the proxy: a weaker rule must not apply to a path that a server may read as another one.

use std::sync::OnceLock;

use http::Method;
use percent_encoding::percent_decode_str;
use tower_alb_auth::fuzzing::{
    self,
    auth_proxy::{Needs, Rules},
};

const HOST: &str = "open.example.com";

pub(crate) fn run(data: &[u8]) {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let rules = [
            (None, "/healthz", Needs::Exempt, false),
            (None, "/admin/*", Needs::Required, true),
            (None, "/public/*", Needs::Optional, false),
            (Some(HOST), "/site/*", Needs::Optional, false),
        ];
        Rules::new(&rules).expect("rules")
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = format!("/{text}");
    readings(&path);
    needs(rules, &path);
}

fn readings(path: &str) {
    let Some(readings) = fuzzing::path_readings(path) else {
        // Backslashes, escaped escapes and empty segments multiply the readings, and no application writes them together.
        let folded = path.to_ascii_lowercase();
        let is_honest = !["%25", "%5c", "%2f", "\\", "//"].iter().any(|odd| folded.contains(odd))
            && path.matches(['%', '\\', ';', '.', '/']).count() <= 8;
        assert!(!is_honest, "an honest path has few readings");
        return;
    };
    assert!(readings.iter().any(|reading| reading == path) && readings.len() <= 64);
    for reading in &readings {
        let decoded = percent_decode_str(reading).decode_utf8_lossy();
        assert!(readings.iter().any(|other| *other == decoded), "decoding again leads nowhere new");
    }
    if !fuzzing::is_oddly_written(path) {
        assert_eq!(readings, [path], "a plain path means itself");
    }
    let resolved = by_url_standard(path);
    assert!(
        readings.iter().any(|reading| normal(reading) == normal(&resolved)),
        "a browser resolves it to {resolved}, which is not among {readings:?}"
    );
}

/// The path that a browser requests: `\` as `/`, dot segments resolved, also those that are encoded.
fn by_url_standard(path: &str) -> String {
    let slashes = path.replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    let parts: Vec<&str> = slashes.split('/').skip(1).collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        match part.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." if is_last => segments.push(""),
            "." => {}
            ".." => {
                segments.pop();
                if is_last {
                    segments.push("");
                }
            }
            _ => segments.push(part),
        }
    }
    format!("/{}", segments.join("/"))
}

/// Decoded until nothing is left to decode, without the slash at its end: no difference to a rule.
fn normal(path: &str) -> String {
    let mut path = path.to_owned();
    loop {
        let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return path.trim_end_matches('/').to_owned();
        }
        path = decoded;
    }
}

fn needs(rules: &Rules, path: &str) {
    for (method, host) in [(Method::GET, None), (Method::POST, Some(HOST)), (Method::GET, Some("other.example.com"))] {
        let Some((access, requirements)) = rules.needs(&method, host, path) else { continue };
        let lower = path.to_ascii_lowercase();
        match access {
            Needs::Exempt => assert!(path == "/healthz" && method == Method::GET),
            Needs::Optional => {
                let open = path.starts_with("/public/") || (host == Some(HOST) && path.starts_with("/site/"));
                assert!(open && !fuzzing::is_oddly_written(path));
            }
            Needs::Required => {}
        }
        // Whatever a server makes of it, the area of administrators keeps its requirement.
        let once = percent_decode_str(&lower).decode_utf8_lossy().into_owned();
        let twice = percent_decode_str(&once).decode_utf8_lossy().into_owned();
        for read in [&lower, &once, &twice] {
            let below = read.strip_prefix("/admin").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            assert!(!below || requirements == 1, "{read}");
        }
    }
}
