//! What Backstage's own reader makes of files and variables: the rules, each by what is trusted then. The peer test `app_config`
//! compares the same with that reader.

use std::{fs, path::Path};

use tower_alb_auth::{ConfigError, config::AppConfig};

use crate::app_config::{COMPLETE, SIGNER};

const PROVIDER: &str = "auth:\n  providers:\n    awsalb:\n";

/// What is trusted, or what is wrong, by these files in this environment.
fn load(files: &[(&str, &str)], named: &[&str], variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let read = AppConfig::load_from(named.iter().map(|name| folder.path().join(name)), variables.iter().copied());
    summary(read).replace(&format!("{}/", folder.path().display()), "")
}

fn summary(read: Result<AppConfig, ConfigError>) -> String {
    let built = read.and_then(|config| config.alb_auth()).and_then(|builder| builder.build());
    built.map_or_else(|error| error.to_string(), |config| config.summary())
}

fn over(later: &str, variables: &[(&str, &str)]) -> String {
    let later = format!("{PROVIDER}{later}");
    load(&[("base.yaml", COMPLETE), ("later.yaml", &later)], &["base.yaml", "later.yaml"], variables)
}

#[test]
fn s_88_a_default_holds_where_the_variable_is_not_set_or_empty_and_over_an_earlier_file_too() {
    let later = "      issuer: ${ISSUER:-https://prod.example.com}\n";
    for (variables, issuer) in [
        (&[][..], "https://prod.example.com"),
        (&[("ISSUER", "")], "https://prod.example.com"),
        (&[("ISSUER", " \n")], "https://prod.example.com"),
        (&[("ISSUER", "https://set.example.com\n")], "https://set.example.com"),
    ] {
        let said = over(later, variables);
        assert!(said.contains(&format!("issuer {issuer}, client")), "{variables:?}: {said}");
    }
    let empty = over("      issuer: ${ISSUER:-}\n", &[]);
    assert!(empty.contains("issuer https://idp.example.com, client"), "{empty}");
}

#[test]
fn s_61_a_default_is_in_no_message() {
    for later in [
        "      issuer: { $file: '${DIRECTORY:-canary}/issuer.txt' }\n",
        "      issuer: { $include: '${DIRECTORY:-canary}/issuer.yaml' }\n",
        "      issuer: { $include: '${DIRECTORY:-canary}' }\n",
        "      issuer: '${ISSUER-canary}'\n",
        "      issuer: '${ISSUER:?canary}'\n",
        "      clientIds: ['${CLIENT_ID:=canary}']\n",
        "      clientIds: [{ $env: 'CLIENT_ID-canary' }]\n",
    ] {
        let later = format!("{PROVIDER}{later}");
        let said = load(&[("later.yaml", &later)], &["later.yaml"], &[]);
        assert!(said.starts_with("the configuration cannot be used") && !said.contains("canary"), "{later}: {said}");
    }
}

#[test]
fn s_88_white_space_around_variables_and_after_files_is_left_out() {
    let text = format!(
        "{PROVIDER}      issuer: ${{ISSUER}}\n      signer: {{ $env: SIGNER }}\n      clientIds: ['${{CLIENT}}']\n      \
         signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            allowedDomains: \
         [{{ $file: domain.txt }}]\n            dangerouslyAllowSignInWithoutUserInCatalog: ${{WAIVED}}\n"
    );
    let said = load(
        &[("a.yaml", &text), ("domain.txt", "example.com \r\n\u{feff}\n")],
        &["a.yaml"],
        &[
            ("ISSUER", "\thttps://a.example.com\n"),
            ("SIGNER", &format!("{SIGNER}\n")),
            ("CLIENT", "c\u{a0}\n"),
            ("WAIVED", "On\n"),
        ],
    );
    assert!(said.contains("issuer https://a.example.com, client c; sign-in by email's local part"), "{said}");
}

#[test]
fn s_88_variables_that_begin_with_app_config_win_over_all_files() {
    let with = |variables: &[(&str, &str)]| over("      clientIds: [later]\n", variables);
    let said = with(&[
        ("APP_CONFIG_auth_providers_awsalb_issuer", "https://var.example.com"),
        ("APP_CONFIG_auth_providers_awsalb_clientIds", "[\"one\", \"two\"]"),
    ]);
    assert!(said.contains("issuer https://var.example.com, client one or two;"), "{said}");
    let whole = with(&[("APP_CONFIG_auth", r#"{"providers": {"awsalb": {"issuer": "https://json.example.com"}}}"#)]);
    assert!(whole.contains("issuer https://json.example.com, client later;"), "{whole}");
    let empty = with(&[("APP_CONFIG_auth_providers_awsalb_issuer", "")]);
    assert!(empty.contains("issuer https://idp.example.com"), "{empty}");
    // Neither trimmed nor searched for variables.
    let literal = with(&[("APP_CONFIG_auth_providers_awsalb_clientIds", "[\" ${X}\"]"), ("X", "x")]);
    assert!(literal.contains("client  ${X};"), "{literal}");
}

#[test]
fn variables_that_set_no_key_are_named_and_their_values_are_not_shown() {
    let all: Vec<String> = [
        &[("APP_CONFIG_auth_providers_awsalb_issuer", "null")][..],
        &[("APP_CONFIG_auth__x", "canary"), ("APP_CONFIG_", "canary"), ("APP_CONFIG_1", "canary")],
        &[("APP_CONFIG_auth", "canary"), ("APP_CONFIG_auth_x", "canary")],
        &[("APP_CONFIG_auth_x", "canary"), ("APP_CONFIG_auth_x_y", "canary")],
    ]
    .into_iter()
    .map(|variables| over("      clientIds: [a]\n", variables).replace("the configuration cannot be used\n- ", ""))
    .collect();
    let all = all.join("\n");
    assert!(!all.contains("canary"), "{all}");
    insta::assert_snapshot!(all, @r"
    APP_CONFIG_auth_providers_awsalb_issuer is null, which Backstage refuses: unset it
    APP_CONFIG_ does not name a key of the files, as every variable that begins with APP_CONFIG_ has to: write the key's path with _ for each dot, such as APP_CONFIG_app_baseUrl, or unset it
    - APP_CONFIG_1 does not name a key of the files, as every variable that begins with APP_CONFIG_ has to: write the key's path with _ for each dot, such as APP_CONFIG_app_baseUrl, or unset it
    - APP_CONFIG_auth__x does not name a key of the files, as every variable that begins with APP_CONFIG_ has to: write the key's path with _ for each dot, such as APP_CONFIG_app_baseUrl, or unset it
    APP_CONFIG_auth_x sets a key that another variable sets, or one above or below it: unset all but one of the variables that begin with APP_CONFIG_ for it
    APP_CONFIG_auth_x_y sets a key that another variable sets, or one above or below it: unset all but one of the variables that begin with APP_CONFIG_ for it
    ");
}

#[test]
fn s_88_null_counts_as_absent_and_hides_what_an_earlier_file_has() {
    let said = over("      issuer: null\n      clientIds: ~\n", &[]);
    assert!(said.contains("lacks issuer, clientIds (issuer, clientIds is null)"), "{said}");
    let whole = load(&[("a.yaml", COMPLETE), ("b.yaml", "auth: null\n")], &["a.yaml", "b.yaml"], &[]);
    assert!(whole.contains("there is no auth.providers.awsalb"), "{whole}");
    let null = load(&[("a.yaml", COMPLETE), ("b.yaml", "~\n")], &["a.yaml", "b.yaml"], &[]);
    assert!(null.contains("issuer https://idp.example.com"), "an empty file: {null}");
}

#[test]
fn s_88_an_object_over_a_text_is_refused_as_backstage_refuses_it() {
    let said = load(
        &[("a.yaml", "auth:\n  providers:\n    awsalb: text\n"), ("b.yaml", COMPLETE)],
        &["a.yaml", "b.yaml"],
        &[],
    );
    assert!(
        said.contains("auth.providers.awsalb (a.yaml:3) must be an object of settings, as in the later file"),
        "{said}"
    );
    let three = |first: &str| {
        load(
            &[("a.yaml", first), ("b.yaml", "auth: null\n"), ("c.yaml", COMPLETE)],
            &["a.yaml", "b.yaml", "c.yaml"],
            &[],
        )
    };
    let hidden = three("auth:\n  providers:\n    awsalb: text\n");
    assert!(hidden.contains("issuer https://idp.example.com"), "{hidden}");
    let found = three("auth: text\n");
    assert!(found.contains("auth (a.yaml:1) must be an object of settings, as in the later file"), "{found}");
}

#[test]
fn s_88_booleans_are_read_as_backstage_reads_them() {
    let strict = |value: &str| {
        let later = format!("      requireVerifiedEmail: {value}\n      acceptMissingEmailVerified: true\n");
        over(&later, &[("ON", "On\n")]).contains("both are true")
    };
    for on in ["true", "TRUE", "'true'", "yes", "Y", "on", "1", "'1'", "' YES '", "1.0", "0x1", "${ON}", "${OFF:-on}"] {
        assert!(strict(on), "{on}");
    }
    for off in ["false", "'false'", "no", "N", "off", "0", "'0'", "${UNSET:-off}"] {
        assert!(!strict(off), "{off}");
    }
    for wrong in ["maybe", "2", "''", "[]", "{}", "truE1"] {
        let said = over(&format!("      requireVerifiedEmail: {wrong}\n"), &[]);
        assert!(said.contains("requireVerifiedEmail (later.yaml:4) must be true or false"), "{wrong}: {said}");
    }
}

#[test]
fn s_88_a_merge_key_is_a_key() {
    let said = load(
        &[("a.yaml", &format!("common: &c\n  issuer: https://idp.example.com\n{PROVIDER}      <<: *c\n"))],
        &["a.yaml"],
        &[],
    );
    assert!(said.contains("auth.providers.awsalb.<< (a.yaml:6) is a merge key"), "{said}");
    assert!(said.contains("lacks issuer"), "{said}");
    let version = load(&[("a.yaml", "%YAML 1.1\n---\nauth: yes\n")], &["a.yaml"], &[]);
    assert!(version.contains("a.yaml:1: the directive %YAML names another version than 1.2"), "{version}");
}

#[test]
fn numbers_are_no_texts() {
    let said = over("      issuer: 5\n", &[]);
    assert!(said.contains("issuer (later.yaml:4) must be a text, and is a number: write it in quotes"), "{said}");
    let digits = over("      clientIds: [312345678901234567]\n", &[]);
    assert!(digits.contains("client 312345678901234567;"), "no key of Backstage's: {digits}");
}

#[test]
fn an_include_is_followed_once_and_json_is_json() {
    let including = |target: &str| format!("{PROVIDER}      $include: {target}\n");
    let chain =
        load(&[("a.yaml", &including("b.yaml")), ("b.yaml", "$include: c.yaml\n"), ("c.yaml", "{}")], &["a.yaml"], &[]);
    assert!(chain.contains("$include names b.yaml, which is an include itself"), "{chain}");
    let json = load(&[("a.yaml", &including("b.json")), ("b.json", "issuer: x\n")], &["a.yaml"], &[]);
    assert!(json.contains("b.json:1 is not JSON from column 1 on"), "{json}");
    let empty = load(&[("a.yaml", &including("b.yaml")), ("b.yaml", "\n")], &["a.yaml"], &[]);
    assert!(empty.contains("auth.providers.awsalb (b.yaml) must be an object of settings, and is null"), "{empty}");
    let text = load(&[("a.yaml", "$include: b.yaml#x\n"), ("b.yaml", "x: canary\n")], &["a.yaml"], &[]);
    assert!(text.contains("b.yaml:1 is a text and not an object of settings"), "{text}");
}

#[test]
fn s_88_the_default_files_are_those_of_backstage() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    let found = |below: &str, environments: Option<&str>| -> Vec<String> {
        let files = AppConfig::default_files(folder.path().join(below), environments);
        let name = |file: &Path| {
            file.strip_prefix(folder.path()).map_or_else(|_| "elsewhere".to_owned(), |file| file.display().to_string())
        };
        files.iter().map(|file| name(file)).collect()
    };
    assert_eq!(found("", None), ["app-config.yaml"]);
    for name in ["local", "production", "production.local", "test", "test.local", "other"] {
        write(&format!("app-config.{name}.yaml"), "");
    }
    assert_eq!(found("", None), ["app-config.yaml", "app-config.local.yaml"]);
    assert_eq!(
        found("", Some(" production,, test ,missing")),
        [
            "app-config.yaml",
            "app-config.production.yaml",
            "app-config.test.yaml",
            "app-config.local.yaml",
            "app-config.production.local.yaml",
            "app-config.test.local.yaml"
        ]
    );
    write("packages/backend/package.json", "{}");
    assert_eq!(found("packages/backend", None), ["packages/backend/app-config.yaml"]);
    write("package.json", r#"{"workspaces": {"packages": ["packages/*"]}}"#);
    assert_eq!(found("packages/backend", None), ["app-config.yaml", "app-config.local.yaml"]);
}

/// The first run shows them all.
#[test]
fn one_mistake_hides_no_other() {
    let said = load(
        &[(
            "a.yaml",
            &format!(
                "{PROVIDER}      issuer: 'https://idp .example.com'\n      signer: \
                 arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/edge/50dc6c495c0c9188/0467ef3c8400ae65\n      \
                 clientIds: [\"a\\nb\"]\n      signIn: {{ resolvers: [{{ resolver: byMagic }}] }}\n"
            ),
        )],
        &["a.yaml"],
        &[],
    );
    for part in [
        "auth.providers.awsalb.issuer (a.yaml:4): an issuer is an absolute URL without spaces",
        "auth.providers.awsalb.signer (a.yaml:5): ",
        "auth.providers.awsalb.clientIds (a.yaml:6): a client id is empty",
        "resolvers[0].resolver (a.yaml:7) is \"byMagic\"",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let missing = load(
        &[("a.yaml", &format!("{PROVIDER}      issuer: 'https://idp .example.com'\n      region: eu-central-1\n"))],
        &["a.yaml"],
        &[],
    );
    assert!(missing.contains("lacks signer, clientIds, signIn.resolvers"), "{missing}");
    assert!(missing.contains("an issuer is an absolute URL without spaces"), "{missing}");
    assert!(!missing.contains("invalid") && !missing.contains("unknown/"), "no placeholder is shown: {missing}");
}

/// The reader takes more forms for numbers than the core schema of YAML 1.2 has.
#[test]
fn s_88_numbers_of_yaml_1_1_are_texts() {
    for id in ["0b1010", "0B1", "0X1F", "-0x1F", "+0o17"] {
        let said = over(&format!("      clientIds: [{id}]\n"), &[]);
        assert!(said.contains(&format!("client {id};")), "{id}: {said}");
    }
    for flag in ["0b1", "0X1", "+0x1"] {
        let said = over(&format!("      requireVerifiedEmail: {flag}\n"), &[]);
        assert!(said.contains("requireVerifiedEmail (") && said.contains("must be true or false"), "{flag}: {said}");
    }
}

#[test]
fn s_88_what_backstage_reads_otherwise_is_refused_with_its_line() {
    for (text, line, part) in [
        ("auth:\r  providers: {}\r", 1, "a carriage return stands without a line feed"),
        ("auth: {}\r\nx: 1\n\ny: \"a\rb\"\n", 4, "a carriage return stands without a line feed"),
        ("auth: {}\nx: !!binary Y2FuYXJ5\n", 2, "the tag !!binary makes bytes of a text"),
    ] {
        let said = AppConfig::from_text("a.yaml", text, |_| None).map(drop).expect_err(text).to_string();
        assert!(
            said.contains(part) && said.contains(&format!("a.yaml:{line}")) && !said.contains("Y2Fu"),
            "{text:?}: {said}"
        );
    }
    assert!(AppConfig::from_text("a.yaml", "auth: {}\r\n# end\r\n", |_| None).is_ok());
}
