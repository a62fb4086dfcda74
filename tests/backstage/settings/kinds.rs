//! Problems that a builder finds have a kind, so that a tool need not read the text.

use std::time::Duration;

use tower_alb_auth::{
    AuditTrail, ConfigError, RequireLayer, SignOut,
    backstage::{TokenIssuer, Upstream},
    config::ProblemKind::{self, Insecure, InvalidValue, Missing, OutOfRange, Unreadable},
    deny_list::DenyList,
    sign_in::Catalog,
};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[track_caller]
fn kinds<T>(case: &str, built: Result<T, ConfigError>) -> Vec<ProblemKind> {
    let error = built.err().unwrap_or_else(|| panic!("{case} is sound"));
    error.problems().iter().map(|problem| problem.kind()).collect()
}

#[test]
fn problems_of_a_builder_have_a_kind() {
    let upstream = || Upstream::at("http://127.0.0.1:7008");
    let catalog = || Catalog::at("https://backstage.example.com/api/catalog");
    let with_token = || catalog().token("a-static-token");
    let plain = "http://backstage.example.com/api/catalog";
    for (case, found, expected) in [
        ("upstream", kinds("upstream", Upstream::at("nothing").build()), vec![InvalidValue]),
        ("password", kinds("password", Upstream::at("http://u:p@127.0.0.1").build()), vec![InvalidValue]),
        ("plain http", kinds("plain http", Upstream::at("http://auth.example.com").build()), vec![Insecure]),
        (
            "mount",
            kinds("mount", upstream().mounted_at("x").response_timeout(YEAR).build()),
            vec![OutOfRange, InvalidValue],
        ),
        ("catalog", kinds("catalog", catalog().timeout(YEAR).build()), vec![OutOfRange, Missing]),
        ("its token", kinds("its token", catalog().token("a\nb").build()), vec![InvalidValue]),
        ("its roots", kinds("its roots", with_token().pem_roots("").build()), vec![InvalidValue]),
        ("its address", kinds("its address", Catalog::at(plain).token("x").build()), vec![Insecure]),
        (
            "issuer",
            kinds("issuer", TokenIssuer::builder("x").token_lifetime(YEAR).build()),
            vec![OutOfRange, InvalidValue],
        ),
        ("origin", kinds("origin", SignOut::builder().allow_origin("x").build()), vec![InvalidValue]),
        ("no group", kinds("no group", RequireLayer::owner_of_any([""; 0])), vec![InvalidValue]),
        ("deny list", kinds("deny list", DenyList::from_file("no-such-folder/denied.jsonl")), vec![Unreadable]),
        (
            "audit",
            kinds("audit", AuditTrail::builder("x").file("no-such-folder/audit.jsonl").build()),
            vec![Unreadable],
        ),
        ("a text", kinds("a text", Err::<(), _>(ConfigError::message("of an application"))), vec![ProblemKind::Other]),
    ] {
        assert_eq!(found, expected, "{case}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn problems_of_a_database_have_a_kind() {
    use tower_alb_auth::backstage::store::postgres::Postgres;

    let none = Postgres::builder("", "").port(0).connections(0).timeout(YEAR).schema("").build();
    let expected = [Missing, Missing, OutOfRange, Missing, InvalidValue, OutOfRange, OutOfRange];
    assert_eq!(kinds("nothing", none), expected);
}
