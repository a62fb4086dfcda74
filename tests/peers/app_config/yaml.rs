//! YAML at its edges: what the two readers make of numbers, truth values, texts and documents.

use super::{Case, cases::over};

/// Texts and what looks like one, as a token, of which there have to be 8 characters.
const TEXTS: &[&str] = &[
    "canary-1 # comment",
    "canary#1x",
    "\"canary\\x41bcd\"",
    "\"canary\\u0041bcd\"",
    "'canary''q'",
    "!!str 12345678",
    "12345678",
    "0x12345678",
    "1_234_567_8",
    "0b10101010",
    "0o12345670",
    "12:30:45:00",
    "2026-11-30",
    "1e3e5e7e9",
    "+12345678",
    ".12345678",
    "12345678.",
    ".inf-token",
    "NullNull",
    "\"tab\\there1\"",
    "canary\n        folded",
    ">-\n        canary-\n        folded",
    "|\n        canary-literal\n",
    ">+\n        canary-keep\n\n",
    "\"canary\\\n        -joined\"",
    "&a canary-12",
    "canary:x12",
    "@canary12",
    "`canary12",
    "%canary12",
    "!canary123",
    "!x canary-12",
    "=canary12",
    "<canary12>",
    "canary-12,",
    "[canary-12]",
    "canary-é12",
    "\"canary\\/x1\"",
    "\"canary\\e1234\"",
    "canary-12 #",
    "-canary-12",
    "?canary-12",
    ":canary-12",
    "canary- 12",
    "\"canary\" \"12\"",
    "canary-12: x",
    "!!binary Y2FuYXJ5MTI=",
    "!!int \"12345678\"",
    "!!null canary12",
    "''",
    "~",
    "1234567890123456789012345",
    "12e345678",
    "0.12345678901234567890",
];

const FLAGS: &[&str] = &[
    "True",
    "TRUE",
    "tRUE",
    "yes",
    "Y",
    "on",
    "01",
    "1.0",
    "0x1",
    "0o1",
    "+1",
    "1e0",
    "\"1 \"",
    ".1",
    "0.0",
    "-0",
    "~",
    "Null",
    "''",
    "!!bool yes",
    "!!str true",
    "!!bool \"true\"",
    "1_0",
    "0b1",
    "off",
    "NO",
    ".nan",
];

const PORTS: &[&str] = &[
    "7_007",
    "0o15537",
    "7007.0",
    "\"7007.0\"",
    "70.07e2",
    "'  7007 '",
    "+7007",
    "007007",
    "0b1",
    ".inf",
    "'0b1111'",
    "'7_007'",
    "7007 # c",
    "\"7007\\n\"",
    "0x1B5F",
    "-0",
    "1e400",
    "!!str 7007",
    "!!float 7007",
];

const DOCUMENTS: &[(&str, &str)] = &[
    ("quoted keys", "\"auth\": { 'providers': { \"awsalb\": { \"issuer\": https://q.example.com } } }\n"),
    ("complex key", "? auth\n: { providers: { awsalb: { issuer: https://q.example.com } } }\n"),
    ("a list as a key", "? [a]\n: b\n"),
    ("true as a key", "auth: { true: x }\n"),
    ("a number as a key", "auth: { 8080: x }\n"),
    ("null as a key", "auth: { ~: x }\n"),
    ("an empty key", "auth: { \"\": x }\n"),
    ("a key with blanks", "\"auth \": { providers: { awsalb: { issuer: https://q.example.com } } }\n"),
    ("JSON", "{\"auth\": {\"providers\": {\"awsalb\": {\"issuer\": \"https:\\/\\/q.example.com\"}}}}"),
    (
        "JSON with tabs",
        "{\n\t\"auth\": {\n\t\t\"providers\": {\"awsalb\": {\"issuer\": \"https://q.example.com\"}}\n\t}\n}",
    ),
    ("a document end", "auth: { providers: { awsalb: { issuer: https://q.example.com } } }\n...\n"),
    ("a comment behind the end", "auth: {}\n...\n# x\n"),
    ("directives", "%YAML 1.2\n---\nauth: {}\n"),
    ("a tag directive", "%TAG ! tag:x,2026:\n---\nauth: {}\n"),
    ("an alias to nothing", "auth: *nowhere\n"),
    ("an anchor on an object", "x: &x { issuer: https://q.example.com }\nauth: { providers: { awsalb: *x } }\n"),
    ("a key twice in a list", "x: [{ a: 1, a: 2 }]\n"),
    ("carriage returns", "auth:\r  omitIdentityTokenOwnershipClaim: false\r"),
    ("no line feed at the end", "auth: { omitIdentityTokenOwnershipClaim: false }"),
    ("next line", "auth: { omitIdentityTokenOwnershipClaim: false }\n"),
    ("a line separator in a text", "app: { title: \"a b\" }\n"),
    ("a NUL", "app: { title: \"a\\0b\" }\n"),
    ("a control character", "app: { title: ab }\n"),
    ("an emoji", "app: { title: 😀 }\n"),
    ("a trailing comma", "auth: { omitIdentityTokenOwnershipClaim: false, }\n"),
    ("an unclosed brace", "auth: { omitIdentityTokenOwnershipClaim: false\n"),
    ("wrong indentation", "auth:\n  a: 1\n b: 2\n"),
    ("a text alone", "hello\n"),
    ("a number alone", "5\n"),
    ("documents separated at the top", "---\n---\nauth: {}\n"),
    ("a set", "!!set { a, b }\n"),
    ("an ordered map", "!!omap [ a: 1 ]\n"),
];

pub fn yaml() -> Vec<Case> {
    let texts = TEXTS.iter().map(|text| {
        let file = format!(
            "backend:\n  auth:\n    externalAccess:\n    - type: static\n      options:\n       subject: s\n       token: {text}\n"
        );
        over(&format!("a text {text}"), &file, &[])
    });
    let flags = FLAGS.iter().map(|flag| {
        over(&format!("a flag {flag}"), &format!("auth:\n  omitIdentityTokenOwnershipClaim: {flag}\n"), &[])
    });
    let ports = PORTS
        .iter()
        .map(|port| over(&format!("a port {port}"), &format!("backend:\n  listen:\n    port: {port}\n"), &[]));
    let documents = DOCUMENTS.iter().map(|(name, text)| over(name, text, &[]));
    texts.chain(flags).chain(ports).chain(documents).collect()
}
