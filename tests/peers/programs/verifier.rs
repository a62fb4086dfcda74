//! A verifier of load balancers' tokens in another language: it says whether the emulator signs as a load balancer does, and
//! not only as this crate believes it does.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};
use tower_alb_auth::{
    emulator::IdentityProvider,
    test_util::{MockAlb, User},
};

use crate::programs::{browser::Site, process::peers};

/// Whom the verifier trusts.
struct Trusted {
    key_endpoint: String,
    signer: String,
    issuer: String,
    client_id: String,
}

/// A program that verifies a token: its interpreter and its file.
#[derive(Clone)]
struct Program {
    interpreter: PathBuf,
    /// In front of the file.
    options: Vec<String>,
    file: PathBuf,
}

impl Program {
    fn aws_jwt_verify() -> Self {
        Self { interpreter: "node".into(), options: Vec::new(), file: "verify.mjs".into() }
    }

    /// A snippet of examples/verify.
    fn snippet(interpreter: impl Into<PathBuf>, file: &str) -> Self {
        Self {
            interpreter: interpreter.into(),
            options: Vec::new(),
            file: Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verify").join(file),
        }
    }
}

impl Program {
    fn with_options<'o>(mut self, options: impl IntoIterator<Item = &'o str>) -> Self {
        self.options.extend(options.into_iter().map(str::to_owned));
        self
    }
}

/// Where Debian has the classes of Jackson.
const JACKSON: &str =
    "/usr/share/java/jackson-databind.jar:/usr/share/java/jackson-core.jar:/usr/share/java/jackson-annotations.jar";

/// Whether it accepts the token, and what it said.
async fn verify(program: &Program, trusted: &Trusted, token: &str) -> (bool, String) {
    let mut child = Command::new(&program.interpreter)
        .current_dir(peers())
        .args(&program.options)
        .arg(&program.file)
        .args([&trusted.key_endpoint, &trusted.signer, &trusted.issuer, &trusted.client_id])
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("it is installed");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(token.as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("an end");
    (output.status.success(), String::from_utf8(output.stdout).expect("UTF-8"))
}

async fn accepts_this_and_nothing_else(program: Program, trusted: Trusted, token: &str, subject: &str) {
    let (accepted, said) = verify(&program, &trusted, token).await;
    assert!(accepted, "{said}");
    let payload: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(payload["sub"], subject);

    let middle = token.len() / 2;
    let flipped = if &token[middle..=middle] == "A" { "B" } else { "A" };
    let changed = format!("{}{flipped}{}", &token[..middle], &token[middle + 1..]);
    assert!(!verify(&program, &trusted, &changed).await.0, "one character is another");
    for (case, trusted) in [
        ("signer", Trusted { signer: trusted.signer.replace("0000", "1111"), ..copy(&trusted) }),
        ("issuer", Trusted { issuer: "https://other.example".to_owned(), ..copy(&trusted) }),
        ("client", Trusted { client_id: "other".to_owned(), ..copy(&trusted) }),
    ] {
        assert!(!verify(&program, &trusted, token).await.0, "another {case}");
    }
}

fn copy(trusted: &Trusted) -> Trusted {
    Trusted {
        key_endpoint: trusted.key_endpoint.clone(),
        signer: trusted.signer.clone(),
        issuer: trusted.issuer.clone(),
        client_id: trusted.client_id.clone(),
    }
}

/// With a token of the emulator.
async fn accepts_the_emulators_tokens(program: Program) {
    let demo = IdentityProvider::demo(([127, 0, 0, 1], 0).into()).sign_in_as("jane");
    let site = Site::start(|config| config.provider(demo)).await;
    assert_eq!(site.browser().get(site.emulator.url()).send().await.expect("an answer").status(), 200);
    let trusted = Trusted {
        key_endpoint: site.emulator.key_endpoint().to_owned(),
        signer: site.emulator.signer().to_owned(),
        issuer: site.emulator.issuer().to_owned(),
        client_id: site.emulator.client_id().to_owned(),
    };
    let token = site.token();
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE};
        serde_json::from_slice::<Value>(&URL_SAFE.decode(payload).expect("padded")).expect("JSON")
    };
    accepts_this_and_nothing_else(program, trusted, &token, payload["sub"].as_str().expect("a sub")).await;
}

#[tokio::test]
#[ignore = "peer: the npm package aws-jwt-verify, installed by .ci/peers"]
async fn the_package_aws_jwt_verify_accepts_the_emulators_tokens() {
    accepts_the_emulators_tokens(Program::aws_jwt_verify()).await;
}

#[tokio::test]
#[ignore = "peer: Node.js"]
async fn the_snippet_for_node_accepts_the_emulators_tokens() {
    accepts_the_emulators_tokens(Program::snippet("node", "verify.mjs")).await;
}

#[tokio::test]
#[ignore = "peer: the Python package PyJWT, installed by .ci/peers"]
async fn the_snippet_for_python_accepts_the_emulators_tokens() {
    accepts_the_emulators_tokens(Program::snippet(peers().join("venv/bin/python"), "verify.py")).await;
}

#[tokio::test]
#[ignore = "peer: Go, installed by .ci/peers"]
async fn the_snippet_for_go_accepts_the_emulators_tokens() {
    accepts_the_emulators_tokens(Program::snippet("go", "verify.go").with_options(["run"])).await;
}

#[tokio::test]
#[ignore = "peer: Java 17 and Jackson, installed by .ci/peers"]
async fn the_snippet_for_java_accepts_the_emulators_tokens() {
    accepts_the_emulators_tokens(Program::snippet("java", "Verify.java").with_options(["-cp", JACKSON])).await;
}

#[tokio::test]
#[ignore = "peer: the npm package aws-jwt-verify, installed by .ci/peers"]
async fn the_package_aws_jwt_verify_accepts_the_tokens_of_the_mock() {
    let alb = MockAlb::new().serve().await;
    let trusted = Trusted {
        key_endpoint: alb.config().key_endpoints()[0].to_string(),
        signer: alb.signer().to_owned(),
        issuer: alb.issuer().to_owned(),
        client_id: alb.client_id().to_owned(),
    };
    let user = User::jane().claim("sub", "subject-7");
    accepts_this_and_nothing_else(Program::aws_jwt_verify(), trusted, &alb.sign(&user), "subject-7").await;
}
