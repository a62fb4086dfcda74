//! Requests that must be refused beside every fault: forged, foreign, garbage, without a token, and of a user who is shut out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower_alb_auth::test_util::MockAlb;

pub use super::kind::{KINDS, Kind};
use super::{
    doubles::FOREIGN,
    ledger::{ALL_THE_TIME, Status, Target},
    site::{DENIED, Site},
    users::user,
};
use crate::verifiers::random::Random;

/// Where HTTP/1.1 without TLS is spoken.
const PLAIN: [Target; 5] = [Target::BackstageA, Target::BackstageB, Target::ProxyA, Target::Axum, Target::Clocked];

/// A kid that does not exist.
pub fn unknown_kid(random: &mut Random) -> String {
    let [a, b] = [random.next(), random.next()];
    format!("0{:07x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 36, a & 0xffff, b & 0xfff, (b >> 12) & 0xfff, b >> 16)
}

/// A kid of another load balancer.
pub fn foreign_kid(number: usize) -> String {
    format!("{FOREIGN}0000-4000-8000-{number:012x}")
}

/// A token that must not be admitted, signed by a key of the attacker's.
pub fn token(kind: Kind, alb: &MockAlb, attacker: &MockAlb, random: &mut Random) -> String {
    let signed = |kid: &str| {
        let builder = attacker.token(&user("admin")).header("kid", kid).header("signer", alb.signer());
        builder.header("iss", alb.issuer()).header("client", alb.client_id()).claim("iss", alb.issuer()).sign()
    };
    match kind {
        Kind::Forged => signed(alb.kid()),
        Kind::UnknownKid => signed(&unknown_kid(random)),
        Kind::ForeignKid => signed(&foreign_kid(random.below(10_000))),
        Kind::ForeignSigner => attacker.sign(&user("admin")),
        Kind::Denied => alb.sign(&user(DENIED)),
        Kind::Garbage => {
            let length = 1 + random.below(3_000);
            (0..length).map(|_| char::from(33 + u8::try_from(random.below(94)).expect("below 94"))).collect()
        }
        Kind::Headers | Kind::Bytes => String::new(),
    }
}

/// One request after another, until the site ends.
pub async fn hostile(site: Arc<Site>, seed: u64, pause: Duration) {
    let mut random = Random::of(seed);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
    loop {
        let (kind, target) = (*random.of_list(&KINDS), *random.of_list(&PLAIN));
        let began = Instant::now();
        let response = match kind {
            Kind::Bytes => bytes(&site, target, &mut random).await,
            _ => request(&client, &site, target, kind, &mut random).await,
        };
        match response {
            Response::Status(status) if kind.refusals().contains(&status) => site.ledger.refused(kind, ALL_THE_TIME),
            // There is no HTTP to respond to.
            Response::Closed if kind == Kind::Bytes => site.ledger.refused(kind, ALL_THE_TIME),
            Response::Status(status) => site.ledger.admitted(kind.name(), target, status),
            Response::Closed | Response::Missing => site.ledger.broken(kind, target, began),
        }
        tokio::time::sleep(pause).await;
    }
}

/// What came back.
enum Response {
    Status(Status),
    /// The service took the connection and the bytes, and closed it.
    Closed,
    Missing,
}

async fn request(client: &reqwest::Client, site: &Site, target: Target, kind: Kind, random: &mut Random) -> Response {
    let path = if target == Target::BackstageA || target == Target::BackstageB {
        *random.of_list(&["/api/auth/awsalb/refresh", "/api/auth/v1/userinfo"])
    } else {
        "/of/admin"
    };
    let mut request = client.get(format!("{}{path}", site.url(target))).header("x-requested-with", "XMLHttpRequest");
    request = if kind == Kind::Headers {
        let value = "admin@example.com";
        request
            .header("x-webauth-user", value)
            .header("x-forwarded-user", value)
            .header("x-amzn-oidc-identity", "admin")
    } else {
        let token = token(kind, &site.alb(), &site.attacker, random);
        match path {
            // A load balancer's token, in the place of Backstage's own.
            "/api/auth/v1/userinfo" => request.bearer_auth(&token).header("x-amzn-oidc-data", token),
            _ => request.header("x-amzn-oidc-data", token),
        }
    };
    request.send().await.map_or(Response::Missing, |response| Response::Status(response.status().as_u16()))
}

async fn bytes(site: &Site, target: Target, random: &mut Random) -> Response {
    let some: Vec<u8> = (0..1 + random.below(600)).map(|_| u8::try_from(random.below(256)).expect("a byte")).collect();
    let exchange = async {
        let Ok(mut stream) = TcpStream::connect(site.address(target)).await else { return Response::Missing };
        // The service may respond and close before all bytes are there.
        let _ = stream.write_all(&some).await;
        let _ = stream.shutdown().await;
        let mut response = Vec::new();
        // A connection that is closed while bytes are unread is reset.
        let _ = stream.read_to_end(&mut response).await;
        let status = String::from_utf8_lossy(&response).split(' ').nth(1).and_then(|status| status.parse().ok());
        status.map_or(Response::Closed, Response::Status)
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await.unwrap_or(Response::Missing)
}
