//! S-157: where a private key is in the memory of a running program, which is what a core dump of it has.
//!
//! A loaded key is there once, in the form and the place where AWS-LC computes with it. The test finds it there, so it is known to
//! find keys. What must not be there are other copies: the text of the file, its bytes, or what was decoded on the way.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    our_programs::{auth_proxy, backstage_auth, command, tls, trust_of_backstage, trust_of_proxy, write},
    support::process::Program,
};

/// A P-256 key as a PEM file, and what a copy of it looks like in memory.
struct Key {
    pem: String,
    public_pem: String,
    body: String,
    /// The private number, as files have it.
    number: [u8; 32],
}

impl Key {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let (pem, public_pem) = (pair.serialize_pem(), pair.public_key_pem());
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(&body).expect("base64");
        // PKCS #8 of P-256: the private number stands at 36 (RFC 5958, RFC 5915).
        let number = der[36..68].try_into().expect("32 bytes");
        Self { pem, public_pem, body, number }
    }

    /// How often memory has the key as AWS-LC keeps it: words of 64 bits, the lowest first.
    fn in_use(&self, memory: &[u8]) -> usize {
        let mut words = self.number;
        words.reverse();
        count(memory, &words)
    }

    /// How often memory has a half of the key in a form in which it is read, written or decoded.
    fn copies(&self, memory: &[u8]) -> Vec<(&'static str, usize)> {
        let hex: String = self.number.iter().map(|byte| format!("{byte:02x}")).collect();
        // Base64 of the bytes 36 to 47 and 51 to 67, which are in one line of the file each.
        let (first_line, second_line) = (&self.body[48..64], &self.body[68..90]);
        let halves = self.number.split_at(16);
        [
            ("bytes, first half", halves.0),
            ("bytes, second half", halves.1),
            ("base64, first line", first_line.as_bytes()),
            ("base64, second line", second_line.as_bytes()),
            ("hexadecimal", &hex.as_bytes()[..32]),
        ]
        .into_iter()
        .map(|(form, needle)| (form, count(memory, needle)))
        .filter(|(_, found)| *found > 0)
        .collect()
    }
}

fn count(memory: &[u8], needle: &[u8]) -> usize {
    let (first, rest) = needle.split_first().expect("not empty");
    let mut found = 0;
    for (at, byte) in memory.iter().enumerate() {
        if byte == first && memory[at + 1..].starts_with(rest) {
            found += 1;
        }
    }
    found
}

/// Everything that the program can write to: its data, heaps and stacks. Pages of zeros, of which most of it consists, are left out.
fn memory(program: &Program) -> Vec<u8> {
    const PAGE: usize = 4096;
    let id = program.id();
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).expect("it runs");
    let mut source = File::open(format!("/proc/{id}/mem")).expect("it is ours");
    let mut memory = Vec::new();
    let mut page = [0; PAGE];
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a mapping");
        if !rest.starts_with("rw") {
            continue;
        }
        let number = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
        let (from, to) = range.split_once('-').map(|(from, to)| (number(from), number(to))).expect("a range");
        source.seek(SeekFrom::Start(from)).expect("a position");
        for _ in 0..(to - from) / 4096 {
            // A mapping may have ended since.
            if source.read_exact(&mut page).is_err() {
                break;
            }
            if page != [0; PAGE] {
                memory.extend_from_slice(&page);
            }
        }
    }
    memory
}

/// The program of the tests, or the one in the folder that the variable names, for a release build.
fn program(name: &str, of_tests: &str) -> Command {
    match std::env::var_os("PROGRAMS") {
        Some(folder) => command(Path::new(&folder).join(name).to_str().expect("UTF-8")),
        None => command(of_tests),
    }
}

fn assert_once(key: &Key, memory: &[u8], what: &str) {
    assert_eq!(key.copies(memory), [], "{what}");
    assert_eq!(key.in_use(memory), 1, "{what}");
}

#[tokio::test]
async fn s_157_backstage_auth_has_its_signing_keys_in_one_place_only() {
    let (alb, folder, user, plugin) =
        (MockAlb::new().serve().await, tempfile::tempdir().expect("a folder"), Key::new(), Key::new());
    let endpoint = alb.config().key_endpoints()[0].to_string();
    for (name, key) in [("user", &user), ("plugin", &plugin)] {
        write(&folder, &format!("{name}.pem"), &key.pem);
        write(&folder, &format!("{name}.pub"), &key.public_pem);
    }
    let files = |name: &str| {
        format!("static: {{ keys: [{{ keyId: {name}, privateKeyFile: {name}.pem, publicKeyFile: {name}.pub }}] }}")
    };
    let settings = format!(
        "app: {{ baseUrl: 'http://127.0.0.1:7007' }}\nbackend:\n  baseUrl: http://127.0.0.1:7007\n  auth:\n    \
         pluginKeyStore: {{ type: static, {} }}\nauth:\n  keyStore: {{ provider: static, {} }}\n  providers:\n    awsalb:\n{}",
        files("plugin"),
        files("user"),
        trust_of_backstage(&alb, &endpoint),
    ) + "      signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            \
         allowedDomains: [example.com]\n            dangerouslyAllowSignInWithoutUserInCatalog: true\n";
    write(&folder, "app-config.yaml", settings);
    let mut command = program("backstage-auth", env!("CARGO_BIN_EXE_backstage-auth"));
    command.current_dir(folder.path()).args(["--listen", "127.0.0.1:0", "--without-catalog"]);
    let program = backstage_auth(command);

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://{}/api/auth/awsalb/refresh", program.address("Listens at"));
    for _ in 0..3 {
        let request = client.get(&url).header("x-requested-with", "XMLHttpRequest");
        let response = request.header("x-amzn-oidc-data", alb.sign(&User::jane())).send().await.expect("a response");
        assert_eq!(response.status(), 200, "{:?}", program.log());
    }
    let memory = memory(&program);
    assert_once(&user, &memory, "the key of user tokens");
    assert_once(&plugin, &memory, "the key of plugin tokens");
}

#[tokio::test]
async fn s_157_alb_auth_proxy_has_the_keys_of_assertions_and_of_tls_in_one_place_only() {
    let (alb, folder, assertion) = (MockAlb::new().serve().await, tempfile::tempdir().expect("a folder"), Key::new());
    let of_listener = Key::new();
    let of_tls = rcgen::KeyPair::from_pem(&of_listener.pem).expect("a key");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.self_signed(&of_tls))
        .expect("a certificate");
    write(&folder, "certificate.pem", certificate.pem());
    write(&folder, "tls.pem", &of_listener.pem);
    fs::create_dir(folder.path().join("keys")).expect("a folder");
    fs::write(folder.path().join("keys/one.pem"), &assertion.pem).expect("written");
    let endpoint = alb.config().key_endpoints()[0].to_string();
    let settings = trust_of_proxy(&alb, &endpoint)
        + "upstream: http://127.0.0.1:9\nlisten: 127.0.0.1:0\ntls_certificate: certificate.pem\ntls_key: tls.pem\n\
           assertion_issuer: http://127.0.0.1:1\nassertion_audience: grafana\nassertion_keys: keys\n";
    write(&folder, "proxy.yaml", settings);
    let mut command = program("alb-auth-proxy", env!("CARGO_BIN_EXE_alb-auth-proxy"));
    command.current_dir(folder.path()).args(["--config", "proxy.yaml"]);
    let program = auth_proxy(command);

    let address = program.address("Reverse proxy");
    for _ in 0..3 {
        let mut connection = tls(address, &[certificate.der().clone()]).await.expect("a connection");
        let request = http::Request::get("https://localhost/").header("x-amzn-oidc-data", alb.sign(&User::jane()));
        let response = connection.send_request(request.body(String::new()).expect("a request")).await;
        // No service is behind it: the request got as far as an assertion.
        assert_eq!(response.expect("a response").status(), 502, "{:?}", program.log());
    }
    let memory = memory(&program);
    assert_once(&assertion, &memory, "the key of assertions");
    assert_once(&of_listener, &memory, "the key of TLS");
}
