//! `AlbAuthConfig::explain`: what the layer does with a request, check by check.

use http::{HeaderMap, HeaderValue, Request};
use proptest::prelude::*;
use tower_alb_auth::{
    AuthErrorKind,
    explain::{CheckResult, Explanation, Hint, NotChecked, SignInResult, SignatureKey, Step, TokenParts, Verdict},
    test_util::{MockAlb, User},
};

/// Claims that no output may contain, of a length that base64 pads.
fn jane() -> User {
    User::jane().claim("email", "canary@example.com").claim("name", "Canary Doe").claim("custom:team", "canary-teams")
}

fn headers(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-oidc-data", HeaderValue::from_bytes(token.as_bytes()).expect("a header value"));
    headers
}

async fn explain(alb: &MockAlb, token: &str, key: SignatureKey) -> Explanation {
    alb.config().explain(&headers(token), key).await
}

fn key_of(alb: &MockAlb) -> SignatureKey {
    SignatureKey::from_pem(alb.public_key_pem().as_bytes()).expect("a key")
}

/// The kinds of the errors at each check that rejects.
fn rejected(explanation: &Explanation) -> Vec<(Step, Vec<AuthErrorKind>)> {
    let kinds = |result: &CheckResult| match result {
        CheckResult::Rejected(errors) => errors.iter().map(|error| error.kind()).collect(),
        _ => Vec::new(),
    };
    explanation.rejected().map(|check| (check.step, kinds(&check.result))).collect()
}

fn kind(verdict: &Verdict) -> Option<AuthErrorKind> {
    match verdict {
        Verdict::Rejected(error) => Some(error.kind()),
        _ => None,
    }
}

#[tokio::test]
async fn a_good_token_with_its_key_is_accepted_and_without_one_undecided() {
    let alb = MockAlb::new();
    let request: Request<()> = alb.request("/").user(&jane()).body(());
    let with_key = alb.config().explain(request.headers(), key_of(&alb)).await;
    let Verdict::Accepted(SignInResult::User { entity_ref, ownership }) = &with_key.verdict else {
        panic!("{with_key}")
    };
    assert_eq!((entity_ref.as_str(), ownership.len()), ("user:default/canary", 1));
    assert!(with_key.checks.iter().all(|check| matches!(check.result, CheckResult::Passed)), "{with_key}");
    assert_eq!(with_key.checks.iter().map(|check| check.step).collect::<Vec<_>>(), Step::ALL);

    let without = alb.config().explain(request.headers(), SignatureKey::none()).await;
    assert!(matches!(without.verdict, Verdict::Undecided(Some(SignInResult::User { .. }))), "{without}");
    for check in &without.checks {
        let expected = match check.step {
            Step::Key => matches!(check.result, CheckResult::NotChecked(NotChecked::NoKeyGiven)),
            Step::Signature => matches!(check.result, CheckResult::NotChecked(NotChecked::SameAsKey)),
            Step::Claims | Step::SignIn => matches!(check.result, CheckResult::PassedIfSigned),
            _ => matches!(check.result, CheckResult::Passed),
        };
        assert!(expected, "{check:?}");
    }
}

#[tokio::test]
async fn each_problem_is_found_at_its_check_with_a_hint() {
    let alb = MockAlb::new();
    let good = alb.sign(&jane());
    let now = alb.unix_now();
    let twice = |json: String| json.replacen('{', "{\"exp\":1,", 1);
    let claims_twice = alb.token(&jane()).raw_payload(twice(alb.token(&jane()).payload_json())).sign();
    let header_twice = alb.token(&jane()).raw_header(twice(alb.token(&jane()).header_json())).sign();
    for (name, token, step, expected, hint) in [
        ("a subject", "10769150350006150715".to_owned(), Step::Form, AuthErrorKind::Malformed, Some(Hint::NoDot)),
        (
            "a client in another letter case",
            alb.token(&jane()).header("client", "Mock-Client").sign(),
            Step::Client,
            AuthErrorKind::UntrustedClient,
            Some(Hint::LetterCase),
        ),
        (
            "not valid yet",
            alb.token(&jane()).claim("nbf", now + 60).sign(),
            Step::Time,
            AuthErrorKind::NotYetValid,
            None,
        ),
        (
            "without padding",
            good.replace('=', ""),
            Step::Signature,
            AuthErrorKind::InvalidSignature,
            Some(Hint::PaddingRemoved),
        ),
        ("a claim twice", claims_twice, Step::Claims, AuthErrorKind::DuplicateMember, None),
        ("a header member twice", header_twice, Step::Header, AuthErrorKind::DuplicateMember, None),
    ] {
        let explanation = explain(&alb, &token, key_of(&alb)).await;
        let found = rejected(&explanation);
        assert!(found.contains(&(step, vec![expected])), "{name}: {found:?}");
        assert_eq!(kind(&explanation.verdict), Some(expected), "{name}");
        let hints: Vec<&Hint> = explanation.rejected().flat_map(|check| &check.hints).collect();
        assert_eq!(hints, Vec::from_iter(hint.as_ref()), "{name}");
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = words(explanation.to_string());
        assert!(hints.iter().all(|hint| shown.contains(&words(hint.to_string()))), "{name}: {shown}");
    }
}

#[tokio::test]
async fn it_goes_on_after_the_first_problem() {
    let alb = MockAlb::new();
    let other = MockAlb::new();
    let token = other.token(&jane()).header("alg", "none").header("client", "other");
    let token = token.expires_at(alb.unix_now() - 86_400).sign();
    let explanation = explain(&alb, &token, SignatureKey::none()).await;
    let found: Vec<Step> = explanation.rejected().map(|check| check.step).collect();
    assert_eq!(found, [Step::Header, Step::Signer, Step::Client, Step::Time]);
    assert_eq!(kind(&explanation.verdict), Some(AuthErrorKind::UnsupportedAlgorithm), "the first one is the layer's");
}

/// What no token alone shows: the number of headers, and the unsigned subject.
#[tokio::test]
async fn the_headers_of_a_request_are_explained_as_a_whole() {
    let alb = MockAlb::new();
    let none = alb.config().explain(&HeaderMap::new(), key_of(&alb)).await;
    assert_eq!((kind(&none.verdict), none.token.is_none()), (Some(AuthErrorKind::Missing), true));
    assert_eq!(rejected(&none), [(Step::Form, vec![AuthErrorKind::Missing])]);
    let others = none.checks.iter().filter(|check| check.step != Step::Form);
    for check in others {
        let expected = if check.step == Step::Signature { NotChecked::SameAsKey } else { NotChecked::EarlierFailed };
        assert!(matches!(check.result, CheckResult::NotChecked(why) if why == expected), "{check:?}");
    }

    let mut two = headers(&alb.sign(&jane()));
    two.append("x-amzn-oidc-data", HeaderValue::from_static("a.b.c"));
    let two = alb.config().explain(&two, key_of(&alb)).await;
    assert_eq!(rejected(&two), [(Step::Form, vec![AuthErrorKind::DuplicateHeader])]);

    let mut other = headers(&alb.sign(&jane()));
    other.insert("x-amzn-oidc-identity", HeaderValue::from_static("another"));
    let other = alb.config().explain(&other, key_of(&alb)).await;
    assert_eq!(rejected(&other), [(Step::SignIn, vec![AuthErrorKind::IdentityMismatch])]);
    assert_eq!(kind(&other.verdict), Some(AuthErrorKind::IdentityMismatch));
}

#[tokio::test]
async fn no_text_of_an_explanation_has_a_claim_or_the_token() {
    let alb = MockAlb::new();
    let good = alb.sign(&jane());
    let tokens = [good.clone(), good.replace('=', ""), alb.token(&jane()).header("client", "other").sign()];
    for token in tokens {
        for key in [SignatureKey::none(), key_of(&alb)] {
            let explanation = explain(&alb, &token, key).await;
            for text in [explanation.to_string(), format!("{explanation:?}")] {
                assert!(!text.to_lowercase().contains("canary"), "{text}");
                for segment in token.split('.') {
                    assert!(!text.contains(segment.trim_end_matches('=')), "{text}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn every_header_value_is_explained(value in prop::collection::vec(prop_oneof![32_u8..127, 128_u8..=255], 0..2000)) {
        let alb = MockAlb::new();
        let headers = HeaderMap::from_iter([(
            "x-amzn-oidc-data".parse().unwrap(),
            HeaderValue::from_bytes(&value).unwrap(),
        )]);
        let explanation = block_on(alb.config().explain(&headers, SignatureKey::none()));
        prop_assert!(matches!(explanation.verdict, Verdict::Rejected(_)));
        prop_assert!(TokenParts::of(&value).segments().len() <= 8);
    }

    /// A token with one changed bit is rejected, by the signature or by an earlier check.
    #[test]
    fn a_changed_token_is_never_accepted(place in 0_usize..700, bit in 0_u8..7) {
        let alb = MockAlb::new();
        let mut token = alb.sign(&User::jane()).into_bytes();
        let place = place % token.len();
        token[place] ^= 1 << bit;
        let Ok(value) = HeaderValue::from_bytes(&token) else { return Ok(()) };
        let headers = HeaderMap::from_iter([("x-amzn-oidc-data".parse().unwrap(), value)]);
        let explanation = block_on(alb.config().explain(&headers, key_of(&alb)));
        prop_assert!(matches!(explanation.verdict, Verdict::Rejected(_)), "{}", explanation);
        let explanation = block_on(alb.config().explain(&headers, SignatureKey::none()));
        prop_assert!(!matches!(explanation.verdict, Verdict::Accepted(_)), "{}", explanation);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
