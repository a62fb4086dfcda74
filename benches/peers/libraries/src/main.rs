//! What one verification costs with this layer and with Rust libraries that verify such a token, in one process and on one thread:
//! `cargo run --release -- [ROUNDS] [TOKENS]`.
//!
//! Each call has a token that was never seen before. Rounds of all libraries are interleaved, and the figure is the median of the CPU
//! time of the rounds. The layer is called as a service, with the headers of a request, and applies its sign-in policy; each library is
//! called by the function that its own middleware calls. The libraries get copies without padding, because they reject it.
//! A library that accepts the signature of another token ends the run.
//! axum-jwt-auth 0.7 is left out: jsonwebtoken 10 below it rejects the number `exp` in the JOSE header of a load balancer's token.

use std::{collections::HashMap, convert::Infallible, error::Error, fmt::Write, hint::black_box};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use cpu_time::ProcessTime;
use http::{HeaderMap, Method, Request, Response, Uri};
use huskarl_resource_server::{
    core::{
        Error as HuskarlError,
        http::{HttpClient, HttpResponse, Idempotency},
        platform::MaybeSendBoxFuture,
    },
    validator::custom::CustomValidator,
};
use serde::Deserialize;
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    BackstageIdentity,
    test_util::{MockAlb, User},
};
use tower_mcp::oauth::TokenValidator;

type Failure = Box<dyn Error>;

/// What each library reads of the claims.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    sub: String,
    email: String,
    #[allow(dead_code, reason = "libraries ask for it")]
    exp: u64,
}

/// For a library that reads the registered claims itself.
#[derive(Clone, Debug, Deserialize)]
struct Email {
    email: String,
}

/// The tokens of one round: as the load balancer writes them, and without padding.
struct Tokens {
    padded: Vec<String>,
    unpadded: Vec<String>,
}

/// The key of the load balancer in the form that a library takes.
struct Key {
    pem: String,
    jwks: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(9), |text| text.parse())?;
    let number: usize = arguments.next().map_or(Ok(2000), |text| text.parse())?;
    let alb = MockAlb::new();
    let pem = alb.public_key_pem();
    let jwks = jwks(&pem, alb.kid())?;
    let key = Key { pem, jwks };
    let mut rows: Vec<(&str, Vec<f64>)> = NAMES.iter().map(|name| (*name, Vec::new())).collect();
    let mut verifiers = Verifiers::new(&alb, &key).await?;
    let known = tokens(&alb, 2);
    let forged = Tokens { padded: vec![forged(&known.padded)?], unpadded: vec![forged(&known.unpadded)?] };
    for name in NAMES {
        verifiers.verify(name, &known).await?;
        if verifiers.verify(name, &forged).await.is_ok() {
            return Err(format!("{name} accepts a token with the signature of another one").into());
        }
    }
    // The first round fetches keys and fills what is kept for a later call, and does not count.
    for round in 0..=rounds {
        let tokens = tokens(&alb, number);
        for (name, times) in &mut rows {
            let started = ProcessTime::now();
            verifiers.verify(name, &tokens).await?;
            let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(number)?);
            if round > 0 {
                times.push(micros);
            }
        }
    }
    let mut page = String::from("| library | CPU a call | beside the layer |\n|---|---|---|\n");
    let layer = median(&mut rows[0].1);
    for (name, times) in &mut rows {
        let micros = median(times);
        writeln!(page, "| {name} | {micros:.1} us | {:.2} x |", micros / layer)?;
    }
    print!("{page}");
    Ok(())
}

const NAMES: &[&str] = &[
    "this layer, as a service",
    "aws-lc-rs, the signature alone",
    "jsonwebtoken 12, by hand",
    "jwt-authorizer 0.15",
    "huskarl-resource-server 0.11",
    "tower-mcp 0.25, `JwtValidator`",
];

struct Verifiers {
    layer: tower_alb_auth::AlbAuthLayer,
    raw: aws_lc_rs::signature::UnparsedPublicKey<Vec<u8>>,
    jsonwebtoken: (jsonwebtoken::DecodingKey, jsonwebtoken::Validation),
    jwt_authorizer: jwt_authorizer::Authorizer<Claims>,
    huskarl: CustomValidator<Email>,
    tower_mcp: tower_mcp::oauth::JwtValidator,
}

impl Verifiers {
    async fn new(alb: &MockAlb, key: &Key) -> Result<Self, Failure> {
        let issuer = alb.issuer();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        validation.set_issuer(&[issuer]);
        Ok(Self {
            layer: alb.layer(),
            raw: aws_lc_rs::signature::UnparsedPublicKey::new(
                &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
                point(&key.pem)?,
            ),
            jsonwebtoken: (jsonwebtoken::DecodingKey::from_ec_pem(key.pem.as_bytes())?, validation),
            jwt_authorizer: jwt_authorizer::JwtAuthorizer::from_ec_pem_text(&key.pem)
                .validation(jwt_authorizer::Validation::new().iss(&[issuer]))
                .build()
                .await?,
            huskarl: CustomValidator::builder()
                .with_claims::<Email>()
                .authorization_server(issuer)
                .iss(issuer)
                .require_iat(false)
                .require_jti(false)
                .jwks_uri("https://keys.example.com/jwks.json".parse()?)
                .jwks_source(Keys(key.jwks.clone()))
                .build()
                .await?,
            tower_mcp: tower_mcp::oauth::JwtValidator::from_ec_pem(key.pem.as_bytes())?.expected_issuer(issuer),
        })
    }

    async fn verify(&mut self, name: &str, tokens: &Tokens) -> Result<(), Failure> {
        match name {
            "this layer, as a service" => {
                let handler = service_fn(|request: Request<()>| async move {
                    let identity = request.extensions().get::<BackstageIdentity>().expect("an identity");
                    black_box(identity.claims().email());
                    Ok::<_, Infallible>(Response::new(()))
                });
                let service = self.layer.layer(handler);
                for token in &tokens.padded {
                    let request = Request::builder().header("x-amzn-oidc-data", token).body(())?;
                    let response = service.clone().oneshot(request).await?;
                    ensure(response.status() == 200, name)?;
                }
            }
            "aws-lc-rs, the signature alone" => {
                for token in &tokens.padded {
                    let (message, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
                    let signature = base64::engine::general_purpose::URL_SAFE.decode(signature)?;
                    self.raw.verify(message.as_bytes(), &signature).map_err(|_| "a wrong signature")?;
                }
            }
            "jsonwebtoken 12, by hand" => {
                let (key, validation) = &self.jsonwebtoken;
                for token in &tokens.unpadded {
                    read(jsonwebtoken::decode::<Claims>(token, key, validation)?.claims);
                }
            }
            "jwt-authorizer 0.15" => {
                for token in &tokens.unpadded {
                    read(self.jwt_authorizer.check_auth(token).await?.claims);
                }
            }
            "huskarl-resource-server 0.11" => {
                let uri = Uri::from_static("https://app.example.com/");
                for token in &tokens.unpadded {
                    let mut headers = HeaderMap::new();
                    headers.insert("authorization", format!("Bearer {token}").parse()?);
                    let result = self.huskarl.validate_request(&headers, &Method::GET, &uri, None).await;
                    let valid = result.outcome?.ok_or("no token was found")?;
                    black_box((&valid.sub, &valid.claims.email));
                }
            }
            "tower-mcp 0.25, `JwtValidator`" => {
                for token in &tokens.unpadded {
                    let claims = self.tower_mcp.validate_token(token).await.map_err(|error| format!("{error:?}"))?;
                    ensure(black_box(claims).sub.is_some(), name)?;
                }
            }
            _ => unreachable!("a name of NAMES"),
        }
        Ok(())
    }
}

fn ensure(holds: bool, name: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("{name} rejects a valid token").into()) }
}

fn read(claims: Claims) {
    black_box((claims.sub, claims.email));
}

/// A client that has the answer already.
struct Keys(String);

impl HttpClient for Keys {
    fn execute(
        &self,
        _: Request<bytes::Bytes>,
        _: Idempotency,
    ) -> MaybeSendBoxFuture<'_, Result<HttpResponse, HuskarlError>> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let response = HttpResponse { status: http::StatusCode::OK, headers, body: self.0.clone().into() };
        Box::pin(async move { Ok(response) })
    }
}

fn tokens(alb: &MockAlb, number: usize) -> Tokens {
    let users: HashMap<usize, User> =
        (0..100).map(|user| (user, User::entra(&format!("user{user}")).claim("padding", "x".repeat(100)))).collect();
    let token = |index: usize| alb.token(&users[&(index % 100)]);
    Tokens {
        padded: (0..number).map(|index| token(index).sign()).collect(),
        unpadded: (0..number).map(|index| token(index).unpadded().sign()).collect(),
    }
}

/// The claims of the first token with the signature of the second.
fn forged(tokens: &[String]) -> Result<String, Failure> {
    let [claims, other] = tokens else { return Err("expected two tokens".into()) };
    let parts = claims.rsplit_once('.').zip(other.rsplit_once('.'));
    let ((signed, _), (_, signature)) = parts.ok_or("a token without a signature")?;
    Ok(format!("{signed}.{signature}"))
}

/// The uncompressed point: the last 65 bytes of the SubjectPublicKeyInfo.
fn point(pem: &str) -> Result<Vec<u8>, Failure> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(text)?;
    let start = der.len().checked_sub(65).ok_or("a short key")?;
    Ok(der[start..].to_vec())
}

fn jwks(pem: &str, kid: &str) -> Result<String, Failure> {
    let point = point(pem)?;
    let (x, y) = point[1..].split_at(32);
    let key = serde_json::json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    Ok(serde_json::json!({ "keys": [key] }).to_string())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
