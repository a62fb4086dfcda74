//! F-65: refusals of the proxy join the load balancer's access log by the trace id.

use tower_alb_auth::test_util::User;

use crate::{
    site::{Log, Site, status},
    traced::{Fields, Traced},
};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

/// The lines with a reason like this.
fn lines(traced: &Traced, part: &str) -> Vec<Fields> {
    let events = std::mem::take(&mut traced.0.lock().unwrap().events);
    events.into_iter().map(|(_, fields)| fields).filter(|fields| fields["message"].contains(part)).collect()
}

#[tokio::test]
async fn f_65_each_line_of_a_refusal_has_the_trace_id() {
    let (traced, _guard) = Traced::begin();
    // A service that is down, a header that needs a claim, and a rule.
    let more = "headers: { X-Team: '{team}' }\nrules:\n  - { path: /admin/*, require: { claim_contains: { roles: admin } } }\n";
    let site = Site::in_front_of("http://127.0.0.1:1", more, Log::default()).await;
    let of = |user: &User| format!("x-amzn-trace-id: {ROOT}\r\nx-amzn-oidc-data: {}\r\n", site.alb.sign(user));
    let with_team = User::jane().claim("team", "a");
    for (case, path, headers, code, part) in [
        ("no token", "/", format!("x-amzn-trace-id: {ROOT}\r\n"), 401, "refused: "),
        ("a rule", "/admin/x", of(&with_team), 403, "refused: "),
        ("a header", "/", of(&User::jane()), 403, "refused: "),
        ("the service", "/", of(&with_team), 502, "the upstream"),
        ("two hosts", "/", format!("x-amzn-trace-id: {ROOT}\r\nhost: b\r\n"), 400, "two Host headers"),
    ] {
        lines(&traced, "");
        assert_eq!(status(&site.get(path, &headers).await), code, "{case}");
        let found = lines(&traced, part);
        assert!(!found.is_empty(), "{case}");
        assert!(found.iter().all(|line| line.get("trace_id").map(String::as_str) == Some(ROOT)), "{case}: {found:?}");
    }
}
