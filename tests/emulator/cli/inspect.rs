//! `alb-emulator inspect`: what it says of tokens, right and wrong.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue};
use tempfile::NamedTempFile;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    keys::FixedKeys,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::cli::program::{Ended, program, run};

/// Jane, with claims that nothing may tell of unasked, and of a length that base64 pads.
fn jane() -> User {
    User::jane().claim("email", "canary@example.com").claim("name", "Canary Doe").claim("custom:team", "canary-teams")
}

fn inspect(alb: &MockAlb, input: &str, more: &[&str]) -> Ended {
    let mut command = program(&["inspect", "--signer", alb.signer(), "--issuer", alb.issuer()]);
    command.args(["--client-id", alb.client_id(), "--email-domain", "example.com"]).args(more);
    run(command, input)
}

/// Its key, as a file.
fn key_file(alb: &MockAlb) -> NamedTempFile {
    file(&alb.public_key_pem())
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("UTF-8")
}

fn inspect_with_key(alb: &MockAlb, input: &str, more: &[&str]) -> Ended {
    let key = key_file(alb);
    inspect(alb, input, &[&["--key", path(&key)], more].concat())
}

/// What the layer says of the same token, by the same settings.
async fn layer_says(alb: &MockAlb, token: &str) -> Result<(), String> {
    let keys = FixedKeys::new().add(alb.kid(), &alb.public_key_pem()).unwrap();
    let config = AlbAuthConfig::builder()
        .trust(alb.trusted())
        .sign_in(EmailLocalPart::in_domains(["example.com"]))
        .fixed_keys(keys)
        .build()
        .unwrap();
    let headers = HeaderMap::from_iter([(
        "x-amzn-oidc-data".parse().unwrap(),
        HeaderValue::from_str(token).expect("a header value"),
    )]);
    let outcome = AlbAuthLayer::new(config).handle().authenticate(&headers).await;
    outcome.map(drop).map_err(|error| error.operator_message())
}

#[test]
fn a_good_token_with_its_key_is_accepted() {
    let alb = MockAlb::new();
    let ended = inspect_with_key(&alb, &alb.sign(&jane()), &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let said = ended.said();
    for part in [
        "Verdict: accepted As a user in the namespace default",
        "header 332 characters, no padding needed, 249 bytes",
        "names sub, name, family_name, given_name, picture, email, custom:team, exp, iss",
        "trusted arn:aws:elasticloadbalancing:",
        &format!("kid \"{}\"", alb.kid()),
    ] {
        assert!(said.contains(part), "{part:?} is not in: {}", ended.stdout);
    }
    assert_eq!(ended.stderr, "");
}

#[test]
fn without_a_key_nothing_is_accepted() {
    let alb = MockAlb::new();
    let stranger = MockAlb::new();
    // By another key, which no check but that of the signature notices.
    let forged = stranger.token(&jane()).header("signer", alb.signer()).sign();
    for token in [alb.sign(&jane()), forged] {
        let ended = inspect(&alb, &token, &[]);
        assert_eq!(ended.code, 3, "{ended:?}");
        let said = ended.said();
        for part in [
            "Verdict: undecided, because the signature was not checked",
            "signature not checked",
            "add --fetch-key to fetch the key from the key endpoint",
            "claims ok, if the signature is valid",
            "With a valid signature: as a user in the namespace default",
        ] {
            assert!(said.contains(part), "{part:?} is not in: {}", ended.stdout);
        }
    }
}

#[test]
fn s_61_names_addresses_and_the_token_itself_are_not_printed() {
    let alb = MockAlb::new();
    let token = alb.sign(&jane());
    let guest = alb.sign(&jane().claim("email", "canary@partner.example"));
    for (token, more) in [(&token, &[][..]), (&guest, &[]), (&token, &["--show-claims"])] {
        let ended = inspect_with_key(&alb, token, more);
        let printed = format!("{}{}", ended.stdout, ended.stderr);
        for segment in token.split('.') {
            assert!(!printed.contains(segment), "a segment of the token is printed: {printed}");
        }
        let shown = printed.to_lowercase().contains("canary");
        assert_eq!(shown, more.contains(&"--show-claims"), "{printed}");
    }
    let shown = inspect_with_key(&alb, &token, &["--show-claims"]).said();
    for part in ["email \"canary@example.com\"", "As user:default/canary, with the ownership refs user:default/canary."]
    {
        assert!(shown.contains(part), "{part:?} is not in: {shown}");
    }
}

/// A token that is refused, and what is printed in addition to the layer's message.
struct Refused {
    name: &'static str,
    token: String,
    says: &'static [&'static str],
}

fn refused(alb: &MockAlb) -> Vec<Refused> {
    let case = |name, token, says| Refused { name, token, says };
    let good = alb.sign(&jane());
    let now = alb.unix_now();
    vec![
        case(
            "a stranger's load balancer",
            MockAlb::with_keys_of(alb).sign(&jane()),
            &["Verdict: rejected with status 401, untrusted_signer", "has another id", "signature ok"],
        ),
        case(
            "another account's",
            alb.token(&jane()).header("signer", alb.signer().replace("000000000000", "123456789012")).sign(),
            &["untrusted_signer", "load balancer of another account"],
        ),
        case(
            "the listener as signer",
            alb.token(&jane()).header("signer", alb.signer().replace(":loadbalancer/", ":listener/")).sign(),
            &["untrusted_signer"],
        ),
        case(
            "an issuer with a slash",
            alb.token(&jane())
                .header("iss", "https://idp.example.com/")
                .claim("iss", "https://idp.example.com/")
                .sign(),
            &["untrusted_issuer", "token's ends with a slash", "claims ok", "sign-in ok"],
        ),
        case(
            "a client in other case",
            alb.token(&jane()).header("client", "Mock-Client").sign(),
            &["untrusted_client", "upper and lower case only"],
        ),
        case(
            "three hours old",
            alb.token(&jane()).expires_at(now - 3 * 3600).sign(),
            &[
                "expired",
                "It expired 3 h ago.",
                "looks like a token that was captured earlier",
                "exp 3 h ago",
                "signature ok",
            ],
        ),
        case(
            "three minutes old",
            alb.token(&jane()).expires_at(now - 180).sign(),
            &["expired", "this machine's clock is about 5 min", "ahead of the load balancer's"],
        ),
        case(
            "from the far future",
            alb.token(&jane()).expires_at(now + 30 * 24 * 3600).sign(),
            &["lifetime_too_long", "not from a load balancer, or this machine's clock is far off"],
        ),
        case("not valid yet", alb.token(&jane()).claim("nbf", now + 60).sign(), &["not_yet_valid"]),
        case(
            "stripped padding",
            good.replace('=', ""),
            &["invalid_signature", "With its padding restored the signature is valid", "padding missing"],
        ),
        case("changed claims", changed_claims(&good), &["invalid_signature", "changed after they were signed"]),
        case("an opaque text", "opaque-access-token".to_owned(), &["malformed", "It contains no dot"]),
        case("cut before the signature", good[..600].to_owned(), &["malformed", "not copied to its end", "signer ok"]),
        case(
            "cut in the signature",
            good[..good.len() - 30].to_owned(),
            &["malformed", "bytes instead of 64", "signer ok", "sign-in ok"],
        ),
        case("encrypted", "a.b.c.d.e".to_owned(), &["malformed", "encrypted token (JWE)"]),
        case(
            "an ID token of the provider",
            alb.token(&jane()).header("alg", "RS256").without_header("signer").claim("aud", "mock-client").sign(),
            &["unsupported_algorithm", "ID token or access token of the identity provider", "signer REJECTED"],
        ),
        case(
            "of Backstage",
            alb.token(&jane()).header("typ", "vnd.backstage.user").sign(),
            &["unsupported_type", "This is a Backstage token"],
        ),
        case(
            "of Verified Access",
            alb.token(&jane()).header("alg", "ES384").sign(),
            &["unsupported_algorithm", "AWS Verified Access"],
        ),
        case("with a key of its own", alb.token(&jane()).header("jwk", "x").sign(), &["unsupported_header", "and jwk"]),
        case("a kid in upper case", alb.token(&jane()).header("kid", "C6F14C2F").sign(), &["malformed_key_id"]),
        case("no exp", alb.token(&jane()).without_header("exp").sign(), &["malformed_header", "sign-in ok"]),
        case(
            "members twice",
            alb.token(&jane()).raw_payload(alb.token(&jane()).payload_json().replacen('{', "{\"exp\":1,", 1)).sign(),
            &["duplicate_member", "claims REJECTED", "JOSE header ok"],
        ),
        case("no subject", alb.token(&jane()).without_claim("sub").sign(), &["malformed_claims", "claims REJECTED"]),
        case(
            "a guest",
            alb.sign(&jane().claim("email", "canary@partner.example")),
            &["Verdict: rejected with status 403, sign_in_refused", "signature ok", "claims ok"],
        ),
        case("no email", alb.sign(&jane().without("email")), &["status 403, user_not_found"]),
        case("too large", alb.sign(&jane().claim("x", "x".repeat(20_000))), &["too_large", "sign-in ok"]),
    ]
}

/// A claim changed, the signature kept.
fn changed_claims(token: &str) -> String {
    let mut segments = token.split('.');
    let (header, signature) = (segments.next().unwrap(), segments.nth(1).unwrap());
    let payload = MockAlb::new().sign(&User::jane());
    format!("{header}.{}.{signature}", payload.split('.').nth(1).unwrap())
}

#[tokio::test]
async fn the_sentences_are_the_layers_own() {
    let alb = MockAlb::new();
    for Refused { name, token, says } in refused(&alb) {
        let layer = layer_says(&alb, &token).await.expect_err(name);
        let ended = inspect_with_key(&alb, &token, &[]);
        assert_eq!(ended.code, 1, "{name}: {ended:?}");
        let said = ended.said();
        // The seconds of a lifetime pass between the two.
        let layer = layer.split(": exp is ").next().expect("a beginning");
        assert!(said.contains(&format!("The layer logs: {layer}")), "{name}: {layer} is not in {said}");
        for part in says {
            assert!(said.contains(part), "{name}: {part:?} is not in: {}", ended.stdout);
        }
        assert!(!said.contains("canary"), "{name}: {said}");
    }
}

#[test]
fn it_goes_on_after_the_first_thing_that_is_wrong() {
    let alb = MockAlb::new();
    let stranger = MockAlb::new();
    let token = stranger
        .token(&jane().claim("email", "canary@partner.example"))
        .header("alg", "none")
        .header("typ", "at+jwt")
        .header("kid", "1")
        .header("client", "another")
        .header("iss", "https://idp.example.org")
        .claim("iss", "https://idp.example.org")
        .expires_at(alb.unix_now() - 86_400)
        .sign();
    for more in [&[][..], &["--fetch-key"]] {
        let ended = inspect(&alb, &token, more);
        assert_eq!(ended.code, 1, "{ended:?}");
        let said = ended.said();
        for part in [
            "JOSE header REJECTED: the token's typ is not JWT",
            "REJECTED: the token's alg is not ES256",
            "REJECTED: the token's kid is not a lower-case UUID",
            "signer REJECTED",
            "issuer REJECTED",
            "client REJECTED",
            "time REJECTED",
            "claims ok, if the signature is valid",
            "sign-in REJECTED: the sign-in policy refuses this user: the email's domain is \"partner.example\"",
            "Verdict: rejected with status 401, unsupported_type",
            "There are 7 more problems",
        ] {
            assert!(said.contains(part), "{part:?} is not in: {}", ended.stdout);
        }
    }
}

#[test]
fn what_was_pasted_along_with_it_is_named() {
    let alb = MockAlb::new();
    let token = alb.sign(&jane());
    let (first, second) = token.split_at(200);
    for (input, says) in [
        (format!("x-amzn-oidc-data: {token}\r\n"), "The name x-amzn-oidc-data before the value was removed."),
        (format!("\n\n  {token}\n\n"), "White space around the value was removed."),
        (format!("{first}\n{second}"), "Line ends or spaces inside the value were removed"),
        (format!("Bearer {token}"), "this is a value of Authorization"),
        (format!("GET / HTTP/1.1\nX-Amzn-Oidc-Data: {token}\nhost: app\n"), "Of several lines"),
    ] {
        let ended = inspect_with_key(&alb, &input, &[]);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.said().contains(says), "{says:?} is not in: {}", ended.stdout);
    }
}

#[test]
fn a_token_as_an_argument_is_refused_and_not_repeated() {
    let alb = MockAlb::new();
    let token = alb.sign(&jane());
    for arguments in [vec!["inspect", &token], vec!["inspect", "--env", &token], vec!["inspect", "--", &token]] {
        let ended = run(program(&arguments), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains("every process of this machine"), "{ended:?}");
        assert!(!ended.stderr.contains(&token[..40]), "{ended:?}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    let listener =
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/50dc6c495c0c9188/f2f7dc8efc522ab2";
    let no_key = file("<html>403</html>");
    let signer = ["--signer", "arn:aws:x", "--issuer", "https://idp.example.com"];
    for (name, arguments, input, says) in [
        ("nothing pasted", vec![], "\n", "standard input is empty"),
        (
            "a listener",
            vec!["--signer", listener, "--issuer", "https://idp", "--client-id", "x"],
            "a",
            "is the ARN of a listener",
        ),
        ("no client", signer.to_vec(), "a", "has no client id"),
        ("a signer alone", vec!["--signer", "arn:aws:x"], "a", "--issuer <URL>"),
        ("two configurations", [&signer[..], &["--env"]].concat(), "a", "cannot be used with"),
        ("an empty environment", vec!["--env"], "a", "ALB_AUTH_SIGNERS is not set"),
        ("no file", vec!["--app-config", "no-such-file.yaml"], "a", "no-such-file.yaml"),
        ("no key file", vec!["--key", "no-such-file.pem"], "a", "no-such-file.pem cannot be read"),
        ("not a key", vec!["--key", path(&no_key)], "a", "not exactly one PEM block"),
        ("a key from nowhere", vec!["--fetch-key"], "a", "needs a configuration"),
        ("two keys", vec!["--key", "x.pem", "--fetch-key"], "a", "cannot be used with"),
    ] {
        let ended = run(program(&[&["inspect"], &arguments[..]].concat()), input);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{name}: {ended:?}");
        assert!(ended.stderr.contains(says), "{name}: {says:?} is not in: {}", ended.stderr);
    }
}

#[test]
fn without_a_configuration_the_token_is_shown_and_there_is_no_verdict() {
    let ended = run(program(&["inspect"]), &MockAlb::new().sign(&jane()));
    assert_eq!(ended.code, 3, "{ended:?}");
    let said = ended.said();
    for part in ["signature 88 characters, padded, 64 bytes", "Verdict: none, because no configuration was given"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    assert!(!said.contains("Checks"), "{said}");
}

#[test]
fn the_configuration_comes_from_where_the_application_has_it() {
    let alb = MockAlb::new();
    let key = key_file(&alb);
    let token = alb.sign(&jane());

    let mut by_environment = program(&["inspect", "--env", "--key", path(&key)]);
    by_environment.env("ALB_AUTH_SIGNERS", alb.signer()).env("ALB_AUTH_ISSUER", alb.issuer());
    by_environment.env("ALB_AUTH_CLIENT_IDS", alb.client_id()).env("ALB_AUTH_EMAIL_DOMAINS", "example.com");
    let ended = run(by_environment, &token);
    assert!(ended.code == 0 && ended.said().contains("against the environment"), "{ended:?}");

    let app_config = |resolver: &str| {
        file(&format!(
            "auth:\n  providers:\n    awsalb:\n      issuer: {}\n      signer: {}\n      clientIds: [{}]\n      signIn:\n        \
             resolvers:\n          - resolver: {resolver}\n",
            alb.issuer(),
            alb.signer(),
            alb.client_id()
        ))
    };
    let by_email = "emailLocalPartMatchingUserEntityName\n            allowedDomains: [example.com]\n            \
                    dangerouslyAllowSignInWithoutUserInCatalog: true";
    let asks_the_catalog = "emailMatchingUserEntityProfileEmail";
    for (resolver, says) in
        [(by_email, "As a user in the namespace default"), (asks_the_catalog, "without its signIn.resolvers")]
    {
        let settings = app_config(resolver);
        let ended = run(program(&["inspect", "--app-config", path(&settings), "--key", path(&key)]), &token);
        assert!(ended.code == 0 && ended.said().contains(says), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_endpoint_is_queried_only_on_request() {
    let alb = MockAlb::new().serve().await;
    let trusted = format!("{:?}", alb.trusted());
    let endpoint = trusted.split('"').find(|part| part.starts_with("http://127.")).expect("its address").to_owned();
    let at_endpoint = ["--key-endpoint", endpoint.as_str()];

    let ended = inspect(&alb, &alb.sign(&jane()), &at_endpoint);
    assert_eq!((ended.code, alb.key_fetches()), (3, 0), "{ended:?}");

    let fetch = [&at_endpoint[..], &["--fetch-key"]].concat();
    let expired = alb.token(&jane()).expires_at(alb.unix_now() - 3600).sign();
    let ended = inspect(&alb, &expired, &fetch);
    assert_eq!((ended.code, alb.key_fetches()), (1, 0), "refused before a key is asked for: {ended:?}");
    assert!(ended.said().contains("key not checked: not fetched"), "{ended:?}");

    let ended = inspect(&alb, &alb.sign(&jane()), &fetch);
    assert_eq!((ended.code, alb.key_fetches()), (0, 1), "{ended:?}");

    let stripped = inspect(&alb, &alb.sign(&jane()).replace('=', ""), &fetch);
    assert_eq!((stripped.code, alb.key_fetches()), (1, 2), "{stripped:?}");
    assert!(stripped.said().contains("With its padding restored the signature is valid"), "{stripped:?}");

    alb.withdraw(alb.kid());
    let unknown = inspect(&alb, &alb.sign(&jane()), &fetch);
    assert_eq!((unknown.code, alb.key_fetches()), (1, 3), "{unknown:?}");
    for part in ["status 401, unknown_key", "signature not checked: there is no key to check it with"] {
        assert!(unknown.said().contains(part), "{part:?} is not in: {}", unknown.stdout);
    }
}

/// The sender writes what is in a token, and it is shown on an operator's terminal.
#[test]
fn nothing_in_a_token_moves_the_cursor_of_a_terminal() {
    let alb = MockAlb::new();
    let token = alb
        .token(&jane().claim("\u{1b}[2Jclaim", "x").claim("note", "\u{1b}]0;title\u{7}\u{202e}\u{9b}2J"))
        .header("signer", "\u{1b}[31m\u{202e}\u{200f}")
        .header("\u{1b}[8m", "x")
        .sign();
    let ended = inspect_with_key(&alb, &token, &["--show-claims"]);
    assert_eq!(ended.code, 1);
    let strange: Vec<char> = ended.stdout.chars().filter(|c| *c != '\n' && !(' '..='~').contains(c)).collect();
    assert_eq!(strange, Vec::<char>::new(), "{}", ended.stdout);
}

#[test]
fn the_time_is_this_machines() {
    let alb = MockAlb::new();
    let before = SystemTime::now();
    let said = inspect(&alb, &alb.sign(&jane()), &[]).said();
    assert!(before.elapsed().unwrap() < Duration::from_secs(60), "the machine is too slow to tell");
    assert!(said.contains("exp in 2 min") || said.contains("exp in 1 min"), "{said}");
    assert!(said.contains(" s ago, if by a load balancer (exp minus 120 s)"), "{said}");
}
