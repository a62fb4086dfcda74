//! Our tokens, read by the library that Backstage's back ends read them by.

use std::process::Stdio;

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};
use tower_alb_auth::{
    backstage::TokenIssuer,
    test_util::{MockAlb, User},
};

use crate::{
    programs::process::peers,
    stock_backstage::auth_backend::{Place, auth_backend},
};

/// What the package jose says of a token, with the keys at this address.
async fn read(token: &str, keys: &str) -> Result<Value, String> {
    let mut child = Command::new("node")
        .arg(peers().join("backstage-backend/read-token.mjs"))
        .arg(keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("node is installed");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(token.as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("an end");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    if output.status.success() { Ok(serde_json::from_str(&said).expect("JSON")) } else { Err(said) }
}

#[tokio::test]
#[ignore = "peer: the npm package jose, installed by .ci/peers"]
async fn s_64_the_package_jose_verifies_a_token_and_the_limited_token_made_of_it() {
    for with_ent in [true, false] {
        let (alb, place) = (MockAlb::new(), Place::take().await);
        let tokens = TokenIssuer::builder(format!("{}/api/auth", place.url));
        let tokens = if with_ent { tokens.with_ownership_claim() } else { tokens };
        let (routes, _asked) = auth_backend(alb.config(), tokens.build().unwrap());
        let ours = place.serve(routes);
        let token = ours.token(&alb, &User::jane()).await;
        let keys = format!("{}/api/auth/.well-known/jwks.json", ours.url);
        let said = read(&token, &keys).await.expect("it verifies");

        let full = |part: &str| said["full"][part].as_str().expect("text").to_owned();
        let payload: Value = serde_json::from_str(&full("payload")).unwrap();
        let (iat, exp, uip) = (&payload["iat"], &payload["exp"], &payload["uip"]);
        let kid = serde_json::from_str::<Value>(&full("header")).unwrap()["kid"].clone();
        assert_eq!(full("header"), format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":{kid}}}"#));
        let ent = if with_ent { r#""ent":["user:default/jane.doe"],"# } else { "" };
        let expected = format!(
            r#"{{"iss":"{}/api/auth","sub":"user:default/jane.doe",{ent}"aud":"backstage","iat":{iat},"exp":{exp},"uip":{uip}}}"#,
            ours.url
        );
        assert_eq!(full("payload"), expected, "the order is part of it");
        assert_eq!(exp.as_u64().unwrap() - iat.as_u64().unwrap(), 3600);

        let limited = |part: &str| said["limited"][part].as_str().expect("text").to_owned();
        assert_eq!(limited("header"), format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":{kid}}}"#));
        assert_eq!(limited("payload"), format!(r#"{{"sub":"user:default/jane.doe","iat":{iat},"exp":{exp}}}"#));

        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let changed = format!("{header}.{payload}.{}", flipped(signature));
        assert!(read(&changed, &keys).await.expect_err("one character is another").contains("signature"));
    }
}

#[tokio::test]
#[ignore = "peer: the npm package jose, installed by .ci/peers"]
async fn the_package_jose_finds_no_key_of_ours_in_the_key_set_of_another() {
    let alb = MockAlb::new();
    let mut servers = Vec::new();
    for _ in 0..2 {
        let place = Place::take().await;
        let tokens = TokenIssuer::builder(format!("{}/api/auth", place.url)).build().unwrap();
        let (routes, _asked) = auth_backend(alb.config(), tokens);
        servers.push(place.serve(routes));
    }
    let (one, other) = (&servers[0], &servers[1]);
    let token = one.token(&alb, &User::jane()).await;
    // So that there is a key at all.
    other.token(&alb, &User::jane()).await;
    let refused = read(&token, &format!("{}/api/auth/.well-known/jwks.json", other.url)).await;
    assert!(refused.expect_err("another's keys").contains("no applicable key"));
}

/// Another signature of the same form.
fn flipped(signature: &str) -> String {
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{other}{}", &signature[1..])
}
