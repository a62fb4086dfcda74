//! What the operator reads: the sentence of every kind of refusal, provoked from outside.
#![cfg(feature = "test-util")]

mod support;

use std::{collections::BTreeMap, time::SystemTime};

use support::{Answer, App};
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, TokenLimits,
    sign_in::{EmailLocalPart, SignInError, SignInResolver, from_fn},
    test_util::{KeyServerMode, MockAlb, TestClock, TokenBuilder, User},
};

/// A load balancer, what is done to a token of it, and the answer.
struct Case {
    alb: MockAlb,
    clock: TestClock,
}

impl Case {
    fn new() -> Self {
        let clock = TestClock::new();
        Self { alb: MockAlb::new().with_clock(&clock), clock }
    }

    async fn call(&self, policy: impl SignInResolver, token: &str) -> Answer {
        let config = self.alb.config_builder().sign_in(policy).build().unwrap();
        App::new(AlbAuthLayer::new(config)).call(self.alb.request("/").token(token)).await
    }

    /// The sentence, without what differs from run to run.
    fn said(&self, answer: &Answer, kind: AuthErrorKind) -> String {
        assert_eq!(answer.kind(), Some(kind), "{answer:?}");
        let said = answer.error.as_ref().unwrap().operator_message();
        said.replace(self.alb.signer(), "<ARN>").replace(self.alb.kid(), "<KID>")
    }
}

fn email() -> impl SignInResolver {
    EmailLocalPart::in_domains(["example.com"])
}

/// Of a token of Jane that is changed before it is signed.
async fn said_of(kind: AuthErrorKind, change: impl FnOnce(TokenBuilder<'_>) -> TokenBuilder<'_>) -> String {
    let case = Case::new();
    let token = change(case.alb.token(&User::jane())).sign();
    case.said(&case.call(email(), &token).await, kind)
}

/// Of Jane, by a policy that lets her not in.
async fn said_by(kind: AuthErrorKind, error: SignInError) -> String {
    let case = Case::new();
    let answer = case.call(from_fn(move |_| Err(error.clone())), &case.alb.sign(&User::jane())).await;
    case.said(&answer, kind)
}

/// Of Jane, while the key endpoint behaves like this.
async fn said_while(kind: AuthErrorKind, mode: KeyServerMode) -> String {
    let case = Case::new();
    case.alb.set_key_server(mode);
    case.said(&case.call(email(), &case.alb.sign(&User::jane())).await, kind)
}

/// Every kind, with a sentence that was provoked. A kind that is missing here fails `no_kind_is_forgotten`.
async fn provoke(kind: AuthErrorKind) -> Option<String> {
    use AuthErrorKind as Kind;
    let case = Case::new();
    let alb = &case.alb;
    let jane = User::jane();
    Some(match kind {
        Kind::Missing => case.said(&App::new(alb.layer()).call(alb.request("/")).await, kind),
        Kind::DuplicateHeader => {
            let twice = alb.request("/").user(&jane).token(&alb.sign(&jane));
            case.said(&App::new(alb.layer()).call(twice).await, kind)
        }
        Kind::IdentityMismatch => {
            let other = alb.request("/").token(&alb.sign(&jane)).header("x-amzn-oidc-identity", "admin");
            case.said(&App::new(alb.layer()).call(other).await, kind)
        }
        Kind::TooLarge => {
            let limits = TokenLimits::new().max_token_bytes(1024);
            let config = alb.config_builder().sign_in(email()).token_limits(limits).build().unwrap();
            let request = alb.request("/").token(&"a".repeat(1025));
            case.said(&App::new(AlbAuthLayer::new(config)).call(request).await, kind)
        }
        Kind::Malformed => case.said(&case.call(email(), "a.b").await, kind),
        Kind::MalformedHeader => said_of(kind, |token| token.without_header("exp")).await,
        Kind::DuplicateMember => {
            let payload = alb.token(&jane).payload_json().replacen('{', "{\"exp\":1,", 1);
            said_of(kind, |token| token.raw_payload(payload)).await
        }
        Kind::UnsupportedAlgorithm => said_of(kind, |token| token.header("alg", "none")).await,
        Kind::UnsupportedType => said_of(kind, |token| token.header("typ", "at+jwt")).await,
        Kind::UnsupportedHeader => said_of(kind, |token| token.header("jku", "https://evil.example/")).await,
        Kind::MalformedKeyId => said_of(kind, |token| token.header("kid", "../x")).await,
        Kind::UntrustedSigner => {
            let stranger = alb.signer().replace("/mock/", "/evil/");
            said_of_case(&case, kind, alb.token(&jane).header("signer", stranger.clone()))
                .await
                .replace(&stranger, "<ARN 2>")
        }
        Kind::UntrustedIssuer => said_of(kind, |token| token.header("iss", "https://evil.example")).await,
        Kind::UntrustedClient => said_of(kind, |token| token.header("client", "another")).await,
        Kind::Expired => {
            let token = alb.sign(&jane);
            case.clock.advance(std::time::Duration::from_secs(150));
            case.said(&case.call(email(), &token).await, kind)
        }
        Kind::NotYetValid => said_of(kind, |token| token.claim("nbf", alb.unix_now() + 60)).await,
        Kind::LifetimeTooLong => said_of(kind, |token| token.expires_at(253_402_300_799)).await,
        Kind::ClockUnusable => {
            let token = alb.sign(&jane);
            case.clock.set_date(SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1));
            case.said(&case.call(email(), &token).await, kind)
        }
        Kind::UnknownKey => {
            alb.withdraw(alb.kid());
            case.said(&case.call(email(), &alb.sign(&jane)).await, kind)
        }
        Kind::InvalidSignature => {
            let (token, other) = (alb.sign(&jane), alb.sign(&jane));
            let (signed, signature) = (token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
            let forged = signed.replacen('.', "=.", 0) + "." + signature;
            // The signature of the same text by another key.
            let _ = forged;
            let mut stranger = MockAlb::with_keys_of(alb);
            stranger.rotate();
            let token = stranger.token(&jane).header("signer", alb.signer()).header("kid", alb.kid()).sign();
            case.said(&case.call(email(), &token).await, kind)
        }
        Kind::MalformedClaims => said_of(kind, |token| token.without_claim("sub")).await,
        Kind::KeysUnavailable => said_while(kind, KeyServerMode::Status(500)).await,
        Kind::KeyRejected => said_while(kind, KeyServerMode::Answer(b"<html>".to_vec())).await,
        Kind::SignInRefused => {
            let guest = User::jane().claim("email", "guest@partner.example");
            case.said(&case.call(email(), &alb.sign(&guest)).await, kind)
        }
        Kind::UserNotFound => said_by(kind, SignInError::not_found("not in the directory")).await,
        Kind::AmbiguousUser => said_by(kind, SignInError::ambiguous("two entries have this email")).await,
        Kind::SignInUnavailable => said_by(kind, SignInError::unavailable("the directory is down")).await,
        _ => return None,
    })
}

async fn said_of_case(case: &Case, kind: AuthErrorKind, token: TokenBuilder<'_>) -> String {
    case.said(&case.call(email(), &token.sign()).await, kind)
}
