//! S-04: `x-amzn-oidc-identity`, which is not signed.

use http::HeaderValue;
use tower_alb_auth::{
    AuthErrorKind::{IdentityMismatch, Missing},
    BackstageIdentity,
    test_util::{MockAlb, MockRequest, User},
};

use crate::service::inside::{IDENTITY, Inside, ignoring_identity_header, oidc_headers};

const SUBJECT: &str = "bob-1";

fn bob() -> User {
    User::entra("bob").claim("sub", SUBJECT)
}

/// Bob's token, and these values in the identity header.
fn with<'a>(alb: &'a MockAlb, identities: &[&[u8]]) -> MockRequest<'a> {
    let request = alb.request("/").token(&alb.sign(&bob()));
    identities.iter().fold(request, |request, identity| request.header(IDENTITY, identity))
}

const WRONG: [(&str, &[&[u8]]); 11] = [
    ("another", &[b"admin"]),
    ("nothing", &[b""]),
    ("another letter case", &[b"BOB-1"]),
    ("longer", &[b"bob-12"]),
    ("shorter", &[b"bob-"]),
    ("a list", &[b"bob-1,bob-1"]),
    ("the right one, then another", &[b"bob-1", b"admin"]),
    ("another, then the right one", &[b"admin", b"bob-1"]),
    ("the right one twice, then another", &[b"bob-1", b"bob-1", b"admin"]),
    ("two equal ones that are wrong", &[b"admin", b"admin"]),
    ("bytes that are no text", &[b"\xff\xfe"]),
];

#[tokio::test]
async fn s_04_an_identity_header_that_is_not_the_signed_subject_refuses() {
    let alb = MockAlb::new();
    let (warm, optional) =
        (Inside::of(alb.layer()).warm(&alb).await, Inside::of(alb.layer().optional()).warm(&alb).await);
    for (case, identities) in WRONG {
        let cold = Inside::of(alb.layer());
        for (mode, app) in [("cold", &cold), ("warm", &warm), ("optional", &optional)] {
            let case = format!("{mode}: {case}");
            app.call(with(&alb, identities)).await.assert_refused(&case, IdentityMismatch);
        }
    }
}

#[tokio::test]
async fn s_04_a_remembered_token_is_compared_again() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    let token = alb.sign(&bob());
    for (case, identity, refused) in [("right", SUBJECT, false), ("wrong", "admin", true), ("right", SUBJECT, false)] {
        let passed = app.call(alb.request("/").token(&token).header(IDENTITY, identity)).await;
        assert_eq!(passed.inside.is_none(), refused, "{case}");
    }
}

#[tokio::test]
async fn s_04_the_signed_subject_or_none_at_all_passes() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    for (case, identities) in
        [("none", &[][..]), ("the subject", &[&b"bob-1"[..]][..]), ("the subject twice", &[b"bob-1", b"bob-1"])]
    {
        let passed = app.call(with(&alb, identities)).await;
        assert_eq!(oidc_headers(passed.inside(case)), Vec::<&str>::new(), "{case}: not forwarded");
    }
    // Beyond ASCII, the header carries the bytes of the text.
    let umlaut = bob().claim("sub", "bj\u{f6}rn");
    let request = |identity: &[u8]| alb.request("/").token(&alb.sign(&umlaut)).header(IDENTITY, identity);
    app.call(request("bj\u{f6}rn".as_bytes())).await.inside("UTF-8");
    app.call(request(b"bj\xf6rn")).await.assert_refused("Latin-1", IdentityMismatch);
}

#[tokio::test]
async fn s_04_a_look_alike_is_neither_compared_nor_forwarded() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    let passed = app.call(with(&alb, &[SUBJECT.as_bytes()]).header("x_amzn_oidc_identity", "admin")).await;
    assert_eq!(oidc_headers(passed.inside("a look-alike")), Vec::<&str>::new());
}

#[tokio::test]
async fn s_04_without_a_token_it_gives_no_client_a_user() {
    let alb = MockAlb::new();
    let request = || alb.request("/").header(IDENTITY, "admin");
    Inside::of(alb.layer()).call(request()).await.assert_refused("required", Missing);
    Inside::of(ignoring_identity_header(&alb)).call(request()).await.assert_refused("ignored", Missing);

    let passed = Inside::of(alb.layer().optional()).call(request()).await;
    let inside = passed.inside("optional");
    assert!(inside.extensions.get::<BackstageIdentity>().is_none());
    assert_eq!(oidc_headers(inside), Vec::<&str>::new());
}

#[tokio::test]
async fn s_04_ignored_by_name_it_is_still_not_forwarded() {
    let alb = MockAlb::new();
    let app = Inside::of(ignoring_identity_header(&alb));
    for (case, identities) in WRONG {
        let passed = app.call(with(&alb, identities)).await;
        let inside = passed.inside(case);
        let user = inside.extensions.get::<BackstageIdentity>().unwrap();
        assert_eq!((user.user_entity_ref().as_str(), user.claims().subject()), ("user:default/bob", SUBJECT), "{case}");
        assert_eq!(oidc_headers(inside), Vec::<&str>::new(), "{case}");
    }
}

#[tokio::test]
async fn s_04_ignored_and_kept_it_is_forwarded_only_if_it_is_the_signed_subject() {
    let alb = MockAlb::new();
    let app = Inside::of(ignoring_identity_header(&alb).keep_headers());
    for round in ["key to be fetched", "key known"] {
        for (case, identities) in WRONG {
            let passed = app.call(with(&alb, identities)).await;
            let forwarded = passed.inside(case).headers.get(IDENTITY);
            assert_eq!(forwarded, None, "{round}: {case}");
        }
    }
    let passed = app.call(with(&alb, &[SUBJECT.as_bytes()])).await;
    assert_eq!(passed.inside("right").headers.get(IDENTITY), Some(&HeaderValue::from_static(SUBJECT)));
}
