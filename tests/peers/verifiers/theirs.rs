//! Verifiers that others wrote, each of many tokens.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Once,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{aws_lc, verify},
    errors::{Error, ErrorKind},
};
use serde_json::Value;
use tower_alb_auth::test_util::MockAlb;

use super::{LEEWAY, Seen, Verdict};
use crate::programs::process::peers;

/// Public keys by kid, as PEM.
pub fn public_keys(albs: &[MockAlb; 3]) -> BTreeMap<String, String> {
    albs[..2].iter().map(|alb| (alb.kid().to_owned(), alb.public_key_pem())).collect()
}

/// A program that reads tokens from its input until the end of the test.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn jose(albs: &[MockAlb; 3]) -> Self {
        let mut command = Command::new("node");
        command.args(["tokens-jose.mjs", albs[0].issuer()]);
        Self::start(command, albs)
    }

    pub fn pyjwt(albs: &[MockAlb; 3]) -> Self {
        let mut command = Command::new(peers().join("venv/bin/python"));
        command.args(["tokens_pyjwt.py", albs[0].issuer()]);
        Self::start(command, albs)
    }

    fn start(mut command: Command, albs: &[MockAlb; 3]) -> Self {
        let mut child = command
            .current_dir(peers())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it is installed");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut peer = Self { child, input, output };
        peer.write(&public_keys(albs));
        peer
    }

    fn write(&mut self, value: &impl serde::Serialize) {
        let line = serde_json::to_string(value).expect("JSON");
        writeln!(self.input, "{line}").expect("it reads");
    }

    /// It reads the whole line before it writes one, so neither waits for the other.
    pub fn verdicts(&mut self, tokens: &[String]) -> Vec<Verdict> {
        self.write(&tokens);
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it writes");
        let verdicts: Vec<Value> = serde_json::from_str(&line).expect("verdicts");
        assert_eq!(verdicts.len(), tokens.len());
        verdicts.iter().map(verdict).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn verdict(value: &Value) -> Verdict {
    match value["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(seen(&value["claims"])),
    }
}

fn seen(claims: &Value) -> Seen {
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    let exp = claims["exp"].as_u64();
    Seen { sub: text("sub"), iss: text("iss"), email: text("email"), name: text("name"), exp }
}

/// The crate of that name, in this process.
pub struct JsonWebToken {
    keys: BTreeMap<String, DecodingKey>,
    validation: Validation,
    /// For what it is given without padding.
    own: (EncodingKey, DecodingKey),
}

impl JsonWebToken {
    pub fn new(albs: &[MockAlb; 3]) -> Self {
        static PROVIDER: Once = Once::new();
        // Another test of this binary may have been first, with the same one.
        PROVIDER.call_once(|| _ = aws_lc::DEFAULT_PROVIDER.install_default());
        let key = |pem: String| DecodingKey::from_ec_pem(pem.as_bytes()).expect("a public key");
        let keys = public_keys(albs).into_iter().map(|(kid, pem)| (kid, key(pem))).collect();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_issuer(&[albs[0].issuer()]);
        let own = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key pair");
        let encoding = EncodingKey::from_ec_pem(own.serialize_pem().as_bytes()).expect("a private key");
        Self { keys, validation, own: (encoding, key(own.public_key_pem())) }
    }

    pub fn verdict(&self, token: &str) -> Verdict {
        self.decode(token).map(|claims| seen(&claims)).map_err(|error| {
            let shown = format!("{:?}", error.kind());
            let end = shown.find(|c: char| !c.is_alphanumeric()).unwrap_or(shown.len());
            shown[..end].to_owned()
        })
    }

    /// It refuses padding. The signature of a token with padding is verified over the bytes as they came; header and claims are
    /// then read from a token without it, with a signature of its own.
    fn decode(&self, token: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = token.split('.').map(without_padding).collect();
        let kid = jsonwebtoken::decode_header(segments.join("."))?.kid.unwrap_or_default();
        let key = self.keys.get(&kid).ok_or(ErrorKind::InvalidKeyFormat)?;
        if !token.contains('=') {
            return Ok(jsonwebtoken::decode(token, key, &self.validation)?.claims);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(ErrorKind::InvalidToken)?;
        if !verify(without_padding(signature), signed.as_bytes(), key, Algorithm::ES256)? {
            return Err(ErrorKind::InvalidSignature.into());
        }
        let signed = segments[..segments.len() - 1].join(".");
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.own.0, Header::new(Algorithm::ES256).alg)?;
        Ok(jsonwebtoken::decode(format!("{signed}.{signature}"), &self.own.1, &self.validation)?.claims)
    }
}

/// Without padding that is canonical; any other stays.
fn without_padding(segment: &str) -> &str {
    match segment.len() % 4 {
        0 => segment.strip_suffix("==").or_else(|| segment.strip_suffix('=')).unwrap_or(segment),
        _ => segment,
    }
}
