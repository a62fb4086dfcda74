//! The JOSE header of a load balancer, against its rules written over another reader of JSON.

use tower_alb_auth::fuzzing::token::{self, Header};

use crate::reading::{Json, is_kid};

/// Members that change how a token is read, or where its key comes from.
const MISLEADING: [&str; 10] = ["crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"];

pub(crate) fn run(data: &[u8]) {
    let read = token::header(data);
    if Json::read(data).is_some_and(|json| json.has_number_object()) {
        return;
    }
    assert_eq!(read, expected(data));
}

/// The rules of docs/THREATS.md, without those that need a configuration.
pub(crate) fn expected(data: &[u8]) -> Option<Header> {
    let json = Json::strict_object(data, 16, 128, 1024)?;
    let text = |name: &str| json.member(name).map(|value| value.text().map(str::to_owned));
    let seconds = |name: &str| json.member(name).map(Json::seconds);
    let is_misleading = MISLEADING.iter().any(|name| json.member(name).is_some());
    let is_jwt = text("typ").is_none_or(|typ| typ.is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")));
    let kid = text("kid")??;
    if is_misleading || !is_jwt || text("alg")?? != "ES256" || !is_kid(&kid) {
        return None;
    }
    // A time of another type is no missing one.
    let or_zero = |name: &str| seconds(name).unwrap_or(Some(0));
    Some(Header {
        kid,
        signer: text("signer"),
        issuer: text("iss"),
        client: text("client"),
        not_before: or_zero("nbf")?.max(or_zero("iat")?),
        expires_at: seconds("exp")??,
    })
}
