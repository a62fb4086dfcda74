//! Mistakes: each message has what to write instead.

use std::io::Write as _;

use crate::cli::program::{program, run};

#[test]
fn mistakes_say_what_to_write() {
    let mut own = tempfile::NamedTempFile::new().unwrap();
    write!(own, "target: http://localhost:3000\nissuer: https://idp.example.com\n").unwrap();
    let mut demo = tempfile::NamedTempFile::new().unwrap();
    write!(demo, "target: http://localhost:3000\ndemo: {{ sign_in_as: jane }}\n").unwrap();
    let mut typo = tempfile::NamedTempFile::new().unwrap();
    write!(typo, "target: http://localhost:3000\nrule: []\n").unwrap();
    let mut value = tempfile::NamedTempFile::new().unwrap();
    write!(value, "target: http://localhost:3000\non_unauthenticated: dney\n").unwrap();
    let (own, demo, typo, value) = (own.path(), demo.path(), typo.path(), value.path());
    let [own, demo, typo, value] = [own, demo, typo, value].map(|path| path.to_str().unwrap());

    let target = ["--target", "http://localhost:3000"];
    let with_target = |more: &[&'static str]| [&target[..], more].concat();
    let idp = "https://idp.example.com";
    for (name, arguments, says) in [
        ("no target", vec![], vec!["--target http://localhost:3000", "alb-emulator --demo -- cargo run"]),
        ("an empty command", vec!["--demo", "--"], vec!["--target http://localhost:3000"]),
        ("a target with a path", vec!["--target", "http://localhost:3000/app"], vec!["without a path"]),
        ("a target of https", vec!["--target", "https://localhost:3000"], vec!["must be plain http"]),
        ("both providers", with_target(&["--demo", "--issuer", idp]), vec!["'--demo' cannot be used with '--issuer"]),
        ("a user of another provider", with_target(&["--as", "jane", "--issuer", idp]), vec!["cannot be used with"]),
        ("demo over a file", vec!["--config", own, "--as", "jane"], vec!["leave out one of the two"]),
        ("own over a file's demo", vec!["--config", demo, "--issuer", idp], vec!["leave out one of the two"]),
        ("no secret", with_target(&["--issuer", idp]), vec!["the client has no secret"]),
        (
            "a secret as an argument",
            with_target(&["--client-secret", "canary"]),
            vec!["every process", "--client-secret-file"],
        ),
        (
            "a secret that is not there",
            with_target(&["--client-secret-file", "no-such-file"]),
            vec!["no-such-file cannot be read"],
        ),
        ("some endpoints", with_target(&["--issuer", idp, "--token-endpoint", idp]), vec!["--authorization-endpoint"]),
        (
            "plain http of strangers",
            with_target(&["--issuer", "http://idp.example.com"]),
            vec!["must begin with https://"],
        ),
        (
            "nobody",
            with_target(&["--as", "bob", "--listen", "0", "--keys-listen", "0", "--provider-listen", "0"]),
            vec!["\"bob\"", "jane, carlos"],
        ),
        ("a rule without an action", with_target(&["--rule", "/api/*"]), vec!["PATH=ACTION", "/api/*=deny"]),
        ("a rule for no path", with_target(&["--rule", "api=deny"]), vec!["a path begins with /"]),
        ("a time without a unit that is known", with_target(&["--session-timeout", "1w"]), vec!["90s or 15m"]),
        ("no session at all", with_target(&["--session-timeout", "0"]), vec!["at least 1 s"]),
        ("keys for others", with_target(&["--keys-listen", "0.0.0.0:0"]), vec!["plain http proves nothing"]),
        ("an address without a port", with_target(&["--listen", "localhost"]), vec!["127.0.0.1:9000, or just a port"]),
        ("a scope without openid", with_target(&["--scope", "profile"]), vec!["has no openid"]),
        ("keep without a command", with_target(&["--keep"]), vec!["<COMMAND>..."]),
        ("redirects of no provider", with_target(&["--redirect-uri", idp]), vec!["is for --provider-only"]),
        ("a provider with a target", with_target(&["--provider-only"]), vec!["cannot be used with"]),
        ("no file", vec!["--config", "no-such-file.yaml"], vec!["no-such-file.yaml cannot be read"]),
        ("a typo in the file", vec!["--config", typo], vec![":2) ", "Did you mean rules?", " rules,"]),
        ("a typo", vec!["--targt", "http://localhost:3000"], vec!["--target"]),
        ("a typo in a value of the file", vec!["--config", value], vec![":2: ", "Did you mean deny?"]),
        ("a typo in a value", with_target(&["--on-unauthenticated", "dney"]), vec!["similar value exists: 'deny'"]),
        ("a typo in how", with_target(&["--client-authentication", "from"]), vec!["similar value exists: 'form'"]),
        ("a typo in a rule", with_target(&["--rule", "/api/*=dney"]), vec!["PATH=ACTION", "Did you mean deny?"]),
        ("a free port to print", vec!["--print-config", "env", "--keys-listen", "0"], vec!["--keys-listen"]),
        (
            "a free port of the provider",
            vec!["--print-config", "env", "--provider-listen", "0"],
            vec!["--provider-listen"],
        ),
        ("no home for the certificate", with_target(&["--tls"]), vec!["--tls=FOLDER"]),
    ] {
        let ended = run(program(&arguments), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{name}: {ended:?}");
        let stderr = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in says {
            assert!(stderr.contains(part), "{name}: {part:?} is not in: {stderr}");
        }
        assert!(!stderr.contains("canary"), "{name}: {stderr}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in ["--listen", "--keys-listen", "--provider-listen"] {
        let mut arguments =
            vec!["--target", "http://localhost:3000", "--listen", "0", "--keys-listen", "0", "--provider-listen", "0"];
        let place = arguments.iter().position(|argument| *argument == flag).unwrap();
        arguments[place + 1] = &port;
        let ended = run(program(&arguments), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{flag}: {ended:?}");
        assert!(
            ended.stderr.contains(&port)
                && ended.stderr.contains(&format!("name another port, or 0 for a free one ({flag})")),
            "{flag}: {ended:?}"
        );
    }
}
