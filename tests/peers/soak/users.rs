//! Honest users. Each request is one of a user of its own, and its response has to name that user.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::client::conn::http2::SendRequest;
use serde_json::Value;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower_alb_auth::test_util::User;

use super::{
    ledger::{NO_RESPONSE, Status, TARGETS, Target},
    site::Site,
};
use crate::{our_programs::tls, verifiers::random::Random};

/// How many users there are.
pub const USERS: usize = 500;
/// One session of so many requests the user's information.
const SESSIONS_WITH_USERINFO: usize = 3;
/// Requests that one token makes.
const REQUESTS_A_TOKEN: usize = 7;
/// How long a client waits: longer than each timeout of the services.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// What a request came to: the user that the response names, or the status.
type Outcome = Result<String, (Status, String)>;

/// One client after another, until the site ends.
pub async fn honest(site: Arc<Site>, seed: u64, pause: Duration) {
    let mut random = Random::of(seed);
    let mut clients = Clients::new();
    loop {
        let name = format!("user-{}", random.below(USERS));
        let token = site.alb().sign(&user(&name));
        // Most requests come over connections that are open already, as those of a load balancer; some do not.
        if random.one_in(4) {
            clients = Clients::new();
        }
        for _ in 0..REQUESTS_A_TOKEN {
            request(&site, &mut clients, &mut random, &name, &token).await;
            tokio::time::sleep(pause).await;
        }
    }
}

pub fn user(name: &str) -> User {
    User::empty().claim("sub", format!("subject-of-{name}")).claim("email", format!("{name}@example.com"))
}

/// Connections are kept from one request to the next, as a load balancer does.
pub struct Clients {
    http: reqwest::Client,
    tls: Option<(u64, SendRequest<String>)>,
    grpc: Option<(u64, HealthClient<tonic::transport::Channel>)>,
}

impl Clients {
    pub fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(MAX_WAIT).build().expect("a client");
        Self { http, tls: None, grpc: None }
    }
}

async fn request(site: &Site, clients: &mut Clients, random: &mut Random, name: &str, token: &str) {
    let target = *random.of_list(&TARGETS);
    let began = Instant::now();
    let outcome = match target {
        Target::BackstageA | Target::BackstageB => session(site, clients, target, name, token, random).await,
        Target::ProxyA => echoed(clients, &site.url(target), name, token).await,
        Target::Axum | Target::Clocked => echoed(clients, &site.url(target), name, token).await,
        Target::ProxyB => over_tls(site, clients, token).await,
        Target::Grpc => over_grpc(site, clients, token).await,
    };
    record(site, target, name, began, outcome);
}

fn record(site: &Site, target: Target, name: &str, began: Instant, outcome: Outcome) {
    let expected = match target {
        Target::ProxyA | Target::ProxyB | Target::Grpc => format!("{name}@example.com"),
        _ => format!("user:default/{name}"),
    };
    match outcome {
        Ok(found) if found == expected => site.ledger.served(target, began),
        Ok(found) => site.ledger.wrong_identity(target, &expected, &found),
        Err((status, what)) => site.ledger.failed(target, status, began, &what),
    }
}

fn none(error: impl std::fmt::Debug) -> (Status, String) {
    (NO_RESPONSE, format!("{error:?}"))
}

/// A body of status 200.
async fn body(request: reqwest::RequestBuilder) -> Result<Value, (Status, String)> {
    let response = request.send().await.map_err(none)?;
    let status = response.status().as_u16();
    let text = response.text().await.map_err(none)?;
    if status != 200 {
        return Err((status, text.chars().take(200).collect()));
    }
    serde_json::from_str(&text).map_err(|error| (status, format!("{error}: {text}")))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn echoed(clients: &Clients, url: &str, name: &str, token: &str) -> Outcome {
    let seen = body(clients.http.get(format!("{url}/of/{name}")).header("x-amzn-oidc-data", token)).await?;
    // The response to another request would be another user's.
    if seen["path"] != format!("/of/{name}") {
        return Ok(format!("the request for {}", seen["path"]));
    }
    Ok(text(&seen["user"]))
}

/// A session at one replica, and what the other one says of its token.
async fn session(
    site: &Site,
    clients: &Clients,
    target: Target,
    name: &str,
    token: &str,
    random: &mut Random,
) -> Outcome {
    let url = site.url(target);
    let request = clients.http.get(format!("{url}/api/auth/awsalb/refresh"));
    let request = request.header("x-requested-with", "XMLHttpRequest").header("x-amzn-oidc-data", token);
    let session = body(request).await?;
    let identity = &session["backstageIdentity"];
    let issued = text(&identity["token"]);
    let payload = issued.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let named = text(&identity["identity"]["userEntityRef"]);
    if claims["sub"] != named {
        return Ok(format!("{named} with a token of {}", claims["sub"]));
    }
    if !random.one_in(SESSIONS_WITH_USERINFO) {
        return Ok(named);
    }
    let other = if target == Target::BackstageA { Target::BackstageB } else { Target::BackstageA };
    let began = Instant::now();
    let info = body(clients.http.get(format!("{}/api/auth/v1/userinfo", site.url(other))).bearer_auth(&issued)).await;
    record(site, other, name, began, info.map(|info| text(&info["claims"]["sub"])));
    Ok(named)
}

/// One connection serves until it ends or the replica is another one.
async fn over_tls(site: &Site, clients: &mut Clients, token: &str) -> Outcome {
    let start = site.start_of(Target::ProxyB);
    let mut held = clients.tls.take().filter(|(of, sender)| *of == start && !sender.is_closed());
    let exchange = async {
        let (_, sender) = match &mut held {
            Some(held) => held,
            None => held.insert((start, tls(site.address(Target::ProxyB), &site.certificates()).await?)),
        };
        let request = http::Request::get("https://localhost/of/x").header("x-amzn-oidc-data", token);
        let response = sender.send_request(request.body(String::new())?).await?;
        let status = response.status().as_u16();
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await?.to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, String::from_utf8_lossy(&bytes).into_owned()))
    };
    let (status, body) = tokio::time::timeout(MAX_WAIT, exchange).await.map_err(none)?.map_err(none)?;
    // A new connection now and then, so that handshakes are a part of the traffic.
    clients.tls = held.filter(|_| body.len() % 3 != 0);
    if status != 200 {
        return Err((status, body));
    }
    let seen: Value = serde_json::from_str(&body).map_err(none)?;
    Ok(text(&seen["user"]))
}

async fn over_grpc(site: &Site, clients: &mut Clients, token: &str) -> Outcome {
    let start = site.start_of(Target::Grpc);
    let mut held = clients.grpc.take().filter(|(of, _)| *of == start);
    let exchange = async {
        let (_, client) = match &mut held {
            Some(held) => held,
            None => {
                let channel = tonic::transport::Channel::from_shared(format!("http://{}", site.address(Target::Grpc)));
                let channel = channel.expect("an address").connect().await.map_err(none)?;
                held.insert((start, HealthClient::new(channel)))
            }
        };
        let mut request = tonic::Request::new(HealthCheckRequest { service: String::new() });
        request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
        client.check(request).await.map_err(|status| match status.metadata().get("content-type") {
            // A status of the proxy or the service; without metadata it is the connection's.
            Some(_) => (http_status(status.code()), format!("{status:?}")),
            None => none(status),
        })
    };
    let response = tokio::time::timeout(MAX_WAIT, exchange).await.map_err(none)??;
    let seen = response.metadata().get("x-seen").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    clients.grpc = held;
    Ok(seen)
}

/// As docs/SERVICES.md has it, the other way round.
fn http_status(code: tonic::Code) -> Status {
    match code {
        tonic::Code::Unauthenticated => 401,
        tonic::Code::PermissionDenied => 403,
        tonic::Code::Unavailable => 503,
        _ => 500,
    }
}
