//! What the operator reads: the message of every kind of refusal, provoked from outside.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    time::{Duration, SystemTime},
};

use crate::support::{Answer, App};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind, AuthErrorKind as K, RequireLayer, TokenLimits,
    deny_list::Denied,
    sign_in::{EmailLocalPart, NamedClaim, SignInError, SignInResolver, from_fn},
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
    let case = Case::new();
    let alb = &case.alb;
    let jane = User::jane();
    Some(match kind {
        K::Missing => case.said(&App::new(alb.layer()).call(alb.request("/")).await, kind),
        K::DuplicateHeader => {
            let twice = alb.request("/").user(&jane).token(&alb.sign(&jane));
            case.said(&App::new(alb.layer()).call(twice).await, kind)
        }
        K::IdentityMismatch => {
            let other = alb.request("/").token(&alb.sign(&jane)).header("x-amzn-oidc-identity", "admin");
            case.said(&App::new(alb.layer()).call(other).await, kind)
        }
        K::TooLarge => {
            let limits = TokenLimits::new().max_token_bytes(1024);
            let config = alb.config_builder().sign_in(email()).token_limits(limits).build().unwrap();
            let request = alb.request("/").token(&"a".repeat(1025));
            case.said(&App::new(AlbAuthLayer::new(config)).call(request).await, kind)
        }
        K::Malformed => case.said(&case.call(email(), "a.b").await, kind),
        K::MalformedHeader => said_of(kind, |token| token.without_header("exp")).await,
        K::DuplicateMember => {
            let payload = alb.token(&jane).payload_json().replacen('{', "{\"exp\":1,", 1);
            said_of(kind, |token| token.raw_payload(payload)).await
        }
        K::UnsupportedAlgorithm => said_of(kind, |token| token.header("alg", "none")).await,
        K::UnsupportedType => said_of(kind, |token| token.header("typ", "at+jwt")).await,
        K::UnsupportedHeader => said_of(kind, |token| token.header("jku", "https://evil.example/")).await,
        K::MalformedKeyId => said_of(kind, |token| token.header("kid", "../x")).await,
        K::UntrustedSigner => {
            let stranger = alb.signer().replace("/mock/", "/evil/");
            let token = alb.token(&jane).header("signer", stranger.clone()).sign();
            case.said(&case.call(email(), &token).await, kind).replace(&stranger, "<ARN 2>")
        }
        K::UntrustedIssuer => said_of(kind, |token| token.header("iss", "https://evil.example")).await,
        K::UntrustedClient => said_of(kind, |token| token.header("client", "another")).await,
        K::Expired => {
            let token = alb.sign(&jane);
            case.clock.advance(Duration::from_secs(150));
            case.said(&case.call(email(), &token).await, kind)
        }
        K::NotYetValid => said_of(kind, |token| token.claim("nbf", alb.unix_now() + 60)).await,
        K::LifetimeTooLong => {
            let token = alb.token(&jane).expires_at(alb.unix_now() + 3600).sign();
            case.said(&case.call(email(), &token).await, kind)
        }
        K::ClockUnusable => {
            let token = alb.sign(&jane);
            case.clock.set_date(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
            case.said(&case.call(email(), &token).await, kind)
        }
        K::UnknownKey => {
            alb.withdraw(alb.kid());
            case.said(&case.call(email(), &alb.sign(&jane)).await, kind)
        }
        K::InvalidSignature => {
            // By another key, under the kid of this one.
            let mut stranger = MockAlb::with_keys_of(alb);
            stranger.rotate();
            let token = stranger.token(&jane).header("signer", alb.signer()).header("kid", alb.kid()).sign();
            case.said(&case.call(email(), &token).await, kind)
        }
        K::MalformedClaims => said_of(kind, |token| token.without_claim("sub")).await,
        K::KeysUnavailable => said_while(kind, KeyServerMode::Status(500)).await,
        K::KeyRejected => said_while(kind, KeyServerMode::Answer(b"<html>".to_vec())).await,
        K::AccessTokenMissing => said_of_access_token(kind, None).await,
        K::AccessTokenInvalid => said_of_access_token(kind, Some("opaque")).await,
        // The form of a token by a key that the issuer cannot name now.
        K::AccessTokenKeysUnavailable => {
            let header = crate::support::issuer::encode(r#"{"alg":"RS256","kid":"1"}"#);
            said_of_access_token(kind, Some(&format!("{header}.e30.AAAA"))).await
        }
        K::SignInRefused => {
            let guest = User::jane().claim("email", "guest@partner.example");
            case.said(&case.call(email(), &alb.sign(&guest)).await, kind)
        }
        K::UserNotFound => said_by(kind, SignInError::not_found("not in the directory")).await,
        K::AmbiguousUser => said_by(kind, SignInError::ambiguous("two entries have this email")).await,
        K::SignInUnavailable => said_by(kind, SignInError::unavailable("the directory is down")).await,
        K::Denied => {
            let layer = alb.layer();
            layer.handle().deny(Denied::user("user:default/jane.doe".parse().unwrap()));
            case.said(&App::new(layer).call(alb.request("/").user(&jane)).await, kind)
        }
        K::OwnershipMissing => {
            required(RequireLayer::owner_of_any(["group:default/admins"]).unwrap(), true, kind).await
        }
        K::ClaimMissing => required(RequireLayer::claim_contains("groups", "admins"), true, kind).await,
        K::Misused => required(RequireLayer::signed_in(), false, kind).await,
        _ => return None,
    })
}

/// What the log says of Jane with this access token, while the issuer is down.
async fn said_of_access_token(kind: AuthErrorKind, token: Option<&str>) -> String {
    let issuer = crate::support::issuer::Issuer::start().await;
    issuer.fail_with(Some(http::StatusCode::BAD_GATEWAY));
    let alb = MockAlb::new().with_issuer(&issuer.url);
    let entry = alb.trusted().access_tokens(tower_alb_auth::config::AccessTokens::new());
    let builder = tower_alb_auth::AlbAuthConfig::builder().trust(entry).sign_in(email());
    let layer = AlbAuthLayer::new(alb.keys_and_clock(builder).build().expect("sound"));
    let mut request: Request<String> = alb.request("/").user(&User::jane()).into();
    request.headers_mut().remove("x-amzn-oidc-accesstoken");
    if let Some(token) = token {
        request.headers_mut().insert("x-amzn-oidc-accesstoken", token.parse().expect("a header value"));
    }
    let answer = App::new(layer).call(request).await;
    assert_eq!((answer.kind(), answer.status), (Some(kind), kind.status()), "{answer:?}");
    answer.error.expect("an error").operator_message().replace(&issuer.url, "<ISSUER>")
}

/// What the log says of Jane if a part of an application has this requirement, inside a layer or, by mistake, outside.
async fn required(require: RequireLayer, inside: bool, kind: AuthErrorKind) -> String {
    let alb = MockAlb::new();
    let inner = require.layer(service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new()))));
    let request = alb.request("/").user(&User::jane()).into();
    let answer = match inside {
        true => alb.layer().layer(inner).oneshot(request).await.unwrap(),
        false => inner.oneshot(request).await.unwrap(),
    };
    let error = answer.extensions().get::<AuthError>().expect("an error");
    assert_eq!((error.kind(), answer.status()), (kind, kind.status()));
    error.operator_message()
}

/// docs/OPERATING.md has the table of the kinds, in its order: name, status, fault, and what to do.
#[test]
fn no_kind_is_forgotten() {
    let page = include_str!("../../docs/OPERATING.md");
    let documented: Vec<[&str; 3]> = page
        .lines()
        .filter_map(|line| {
            let mut columns = line.strip_prefix("| `")?.trim_end_matches('|').split(" | ");
            let row = [columns.next()?.strip_suffix('`')?, columns.next()?, columns.next()?];
            let is_kind = row[1].len() == 3 && row[1].parse::<u16>().is_ok();
            let says_what_to_do = columns.next().is_some_and(|text| !text.trim().is_empty());
            (is_kind && says_what_to_do).then_some(row)
        })
        .collect();
    let statuses: Vec<String> = AuthErrorKind::ALL.iter().map(|kind| kind.status().as_u16().to_string()).collect();
    let declared: Vec<[&str; 3]> = AuthErrorKind::ALL
        .iter()
        .zip(&statuses)
        .map(|(kind, status)| [kind.as_str(), status.as_str(), kind.fault().as_str()])
        .collect();
    assert_eq!(documented, declared);
    let names: BTreeSet<&str> = AuthErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), AuthErrorKind::ALL.len());
}

#[tokio::test]
async fn every_kind_says_what_was_expected_and_found_and_what_to_change() {
    let mut all = Vec::new();
    for kind in AuthErrorKind::ALL.iter().copied() {
        let said = provoke(kind).await.unwrap_or_else(|| panic!("{} is not provoked", kind.as_str()));
        assert!(!said.contains('\n'), "one line: {said}");
        all.push(format!("{}: {said}", kind.as_str()));
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    missing: no x-amzn-oidc-data header: expected on each request that passed a listener rule with an authenticate action; give this path's rule one, or exempt the path if it is a health check
    duplicate_header: more than one x-amzn-oidc-data header: a load balancer sends one, so a client or a proxy added another; let the target's security group accept traffic of the load balancer only
    identity_mismatch: x-amzn-oidc-identity is not the subject of the signed token: a client or a proxy changed a header; let the target's security group accept traffic of the load balancer only
    too_large: the token is longer than the limit: found 1025 bytes, max_token_bytes is 1024; raise max_token_bytes if users have that many claims
    malformed: x-amzn-oidc-data is not three base64url segments with a 64-byte signature
    malformed_header: the JOSE header is not what a load balancer writes: it has no exp
    duplicate_member: a JSON member is present twice in the token, so two readers could read two values; if the identity provider's userinfo response has an exp or iss, remove it there: in the claims
    unsupported_algorithm: the token's alg is not ES256, the only one a load balancer uses: found "none"
    unsupported_type: the token's typ is not JWT: it was made for a different purpose: found "at+jwt"
    unsupported_header: the JOSE header has a member that no load balancer writes and that could redirect the check: found jku
    malformed_key_id: the token's kid is not a lower-case UUID
    untrusted_signer: the token was signed by a load balancer that is not trusted: signer is "<ARN 2>", trusted: <ARN>; if it is yours, add it to a TrustedAlb, or set it by ALB_AUTH_SIGNERS
    untrusted_issuer: the load balancer is trusted, but not with the token's issuer: iss is "https://evil.example", trusted: https://idp.example.com; if it is yours, add it to a TrustedAlb, or set it by ALB_AUTH_ISSUER
    untrusted_client: load balancer and issuer are trusted, but not with the token's client id: client is "another", trusted: mock-client; if it is yours, add it to a TrustedAlb, or set it by ALB_AUTH_CLIENT_IDS
    expired: the token has expired; compare the clocks if this happens to fresh requests
    not_yet_valid: the token is not valid yet; compare the clocks
    lifetime_too_long: the token's exp is further ahead than max_lifetime: a load balancer sets it 120 s ahead, so the token was signed by something else, or this machine's clock is far behind: exp is 3600 s ahead, max_lifetime is 900 s; if longer tokens are expected, raise TokenLimits::max_lifetime
    clock_unusable: the system clock is before 1970; correct it
    unknown_key: the key endpoint has no key of the token's kid: requested https://public-keys.auth.elb.eu-central-1.amazonaws.com/<KID>; compare region and key endpoint
    invalid_signature: the signature does not match the token's key
    malformed_claims: the token's claims are not what a load balancer writes: there is no sub
    keys_unavailable: the public keys are out of reach: https://public-keys.auth.elb.eu-central-1.amazonaws.com/<KID> responded with status 500
    key_rejected: the key endpoint responded with something that is not a P-256 public key: https://public-keys.auth.elb.eu-central-1.amazonaws.com/<KID> responded with something that is not exactly one PEM block PUBLIC KEY
    access_token_missing: the configuration verifies the access token (x-amzn-oidc-accesstoken, or a machine's bearer token), and the request does not have exactly one: found none; the load balancer sends it if the identity provider issues one; let nothing between it and this application remove it, and the security group accept traffic of the load balancer only
    access_token_invalid: the access token (x-amzn-oidc-accesstoken, or a machine's bearer token) is rejected: it is opaque and not a JWT, so that its claims are for the provider only (Google, GitLab and Auth0 without an audience send such tokens); take the claims of x-amzn-oidc-data instead
    access_token_keys_unavailable: the issuer's keys for access tokens are out of reach: <ISSUER>/.well-known/openid-configuration responded with 502
    sign_in_refused: the sign-in policy refuses this user: the email's domain is "partner.example"; allowed are example.com; add the domain, or a single guest by allow_address
    user_not_found: the sign-in policy finds no user for these claims: not in the directory
    ambiguous_user: the sign-in policy finds more than one user for these claims: two entries have this email
    sign_in_unavailable: what the sign-in policy queries is out of reach: the directory is down
    denied: the user is on the deny list: the entry of the application names the user by entity ref; remove the entry to let the user in again
    ownership_missing: the user does not own a required entity: required: group:default/admins; the user has ownership of nothing but itself; ownership comes from the sign-in policy
    claim_missing: the user lacks a required claim: required: the claim groups with "admins" in it; the claim is missing
    misused: a mistake of the application: no AlbAuthLayer is around this part of the application: is the layer installed, and added after it?
    "#);
}

#[tokio::test]
async fn policies_say_which_rule_it_was() {
    let jane = || User::empty().claim("sub", "7").claim("email", "jane@example.com");
    let strict = || EmailLocalPart::in_domains(["example.com"]).require_verified_email();
    let claim = || NamedClaim::new("custom:user");
    let mut all = Vec::new();
    let cases: [(&str, MakeApp, User); 12] = [
        ("no email", with(email()), jane().without("email")),
        ("not verified", with(email()), jane().claim("email_verified", false)),
        ("nothing said of it", with(strict()), jane()),
        ("too long", with(email()), jane().claim("email", "a".repeat(300))),
        ("not plain", with(email()), jane().claim("email", "jane@example.com@x")),
        ("another domain", with(email()), jane().claim("email", "jane@partner.example")),
        ("not a name", with(email()), jane().claim("email", "-jane@example.com")),
        ("no claim", with(claim()), jane()),
        ("upper case", with(claim()), jane().claim("custom:user", "Jane")),
        ("a list", with(claim()), jane().claim("custom:user", ["jane"])),
        ("not a name by a claim", with(claim()), jane().claim("custom:user", "-jane")),
        (
            "claims only for a function",
            with(from_fn(|_| Err(SignInError::refused("the claim team is not ours")))),
            jane(),
        ),
    ];
    for (case, app, user) in cases {
        let alb = MockAlb::new();
        let answer = app(&alb).call(alb.request("/").user(&user)).await;
        let said = answer.error.expect(case).operator_message();
        assert!(!said.contains("jane") && !said.contains("Jane"), "{case} tells of the user: {said}");
        all.push(said);
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    the sign-in policy finds no user for these claims: there is no claim email: add the scope email to the listener rule, and grant consent for it at the provider; if the address is in a different claim, name that claim by email_claim(..) (app-config.yaml: emailClaim, environment: ALB_AUTH_EMAIL_CLAIM)
    the sign-in policy refuses this user: the claim email_verified is false; if the provider verifies addresses, map its attribute to email_verified (Amazon Cognito: attribute mapping of the identity provider in the user pool, without which it is false for all federated users); if users cannot change their address at the provider, waive the check by dangerously_accept_unverified_email() (app-config.yaml: dangerouslyAcceptUnverifiedEmail: true, environment: ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL=true); requireVerifiedEmail: false does not waive it
    the sign-in policy refuses this user: there is no claim email_verified, and require_verified_email is set
    the sign-in policy refuses this user: the claim email is longer than max_email_chars
    the sign-in policy refuses this user: the claim email is not a plain ASCII address
    the sign-in policy refuses this user: the email's domain is "partner.example"; allowed are example.com; add the domain, or a single guest by allow_address
    the sign-in policy refuses this user: the email gives no user name: the name of an entity is letters and digits, with '-', '_' and '.' in between, 63 at most
    the sign-in policy finds no user for these claims: there is no claim custom:user
    the sign-in policy refuses this user: the claim custom:user has upper-case letters; use ignoring_case() if the provider ignores case in it
    the sign-in policy refuses this user: the claim custom:user is a list, not a text
    the sign-in policy refuses this user: the claim custom:user is not a user name: the name of an entity is letters and digits, with '-', '_' and '.' in between, 63 at most
    the sign-in policy refuses this user: the claim team is not ours
    "#);
}

/// An application that signs in by a policy, once there is a load balancer.
type MakeApp = Box<dyn FnOnce(&MockAlb) -> App>;

fn with(policy: impl SignInResolver) -> MakeApp {
    Box::new(|alb| App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())))
}

#[tokio::test]
async fn a_token_of_wrong_form_is_said_to_be_wrong_in_which_way() {
    let mut all = Vec::new();
    type Change = fn(TokenBuilder<'_>) -> TokenBuilder<'_>;
    let header: [Change; 6] = [
        |token| token.without_header("exp"),
        |token| token.header("exp", "soon"),
        |token| token.raw_header("[]"),
        |token| token.header("x", "x".repeat(2048)),
        |token| token.raw_header("[".repeat(17) + &"]".repeat(17)),
        |token| token.raw_header(format!("{{\"x\":{}0{}}}", "[".repeat(16), "]".repeat(16))),
    ];
    for change in header {
        all.push(said_of(K::MalformedHeader, change).await);
    }
    let payload: [Change; 8] = [
        |token| token.without_claim("sub"),
        |token| token.claim("sub", 7),
        |token| token.claim("sub", ""),
        |token| token.claim("sub", "a\0"),
        |token| token.claim("iss", ["https://idp.example.com"]),
        |token| token.claim("exp", 1.5),
        |token| token.claim("iss", "https://evil.example"),
        |token| token.raw_payload("null"),
    ];
    for change in payload {
        all.push(said_of(K::MalformedClaims, change).await);
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    the JOSE header is not what a load balancer writes: it has no exp
    the JOSE header is not what a load balancer writes: its exp is not a whole number of seconds since 1970
    the JOSE header is not what a load balancer writes: it is not one JSON object
    the JOSE header is not what a load balancer writes: it is longer than max_header_bytes (2048)
    the JOSE header is not what a load balancer writes: it is not one JSON object
    the JOSE header is not what a load balancer writes: it nests deeper than max_json_depth
    the token's claims are not what a load balancer writes: there is no sub
    the token's claims are not what a load balancer writes: sub is a number, not a text
    the token's claims are not what a load balancer writes: sub is empty or longer than max_subject_chars
    the token's claims are not what a load balancer writes: sub or email has control characters
    the token's claims are not what a load balancer writes: iss is a list, not a text
    the token's claims are not what a load balancer writes: exp is not a whole number of seconds since 1970
    the token's claims are not what a load balancer writes: `iss` in the claims differs from `iss` in the JOSE header
    the token's claims are not what a load balancer writes: they are not one JSON object
    "#);
}
