//! The same requests to Backstage's own awsalb provider and to ours. `docs/MIGRATING.md` says what comes of it.

use std::{collections::BTreeSet, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};
use tower_alb_auth::test_util::{KeyServerMode, MockAlb, User};

use crate::stock_backstage::both::{Ask, Both, CatalogIs, EMAIL};

/// A row of the table: what is asked, and what each of them answers.
type Row = [String; 3];

async fn row(both: &Both, what: &str, ask: Ask) -> Row {
    let [stock, ours] = both.answers(&ask).await;
    if stock.body.get("error").is_some() && stock.status == ours.status {
        assert_eq!(without_reason(stock.body.clone()), without_reason(ours.body.clone()), "{what}");
    }
    [what.to_owned(), stock.in_short(), ours.in_short()]
}

/// The stock provider says why; ours says that to its operator alone.
fn without_reason(mut body: Value) -> Value {
    let error = body["error"].as_object_mut().expect("an error");
    error.remove("message").expect("a message");
    error.remove("cause");
    body
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn the_table_of_the_page_about_migrating_is_what_both_answer() {
    let mut rows = Vec::new();
    let both = Both::start(CatalogIs::There).await;
    for (what, ask) in requests(&both) {
        rows.push(row(&both, what, ask).await);
    }
    rows.push(["`/v1/userinfo` with a user's token".to_owned(), user_info(&both, 0).await, user_info(&both, 1).await]);
    for (what, mode) in [
        ("the key endpoint responds with 500", KeyServerMode::Status(500)),
        ("the key endpoint returns no key", KeyServerMode::Answer(b"nonsense".to_vec())),
    ] {
        let mut both = Both::start(CatalogIs::There).await;
        both.alb.set_key_server(mode);
        both.alb.rotate();
        rows.push(row(&both, what, both.jane()).await);
    }
    let both = Both::start(CatalogIs::Away).await;
    rows.push(row(&both, "the catalog does not respond", both.jane()).await);

    let described = described();
    let said: Vec<Row> = described.iter().map(|cells| [0, 1, 2].map(|index| cells[index].clone())).collect();
    let table: Vec<String> = rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    assert!(said == rows, "the table should be:\n{}", table.join("\n"));
    for cells in described {
        assert_eq!(cells[3].is_empty(), cells[1] == cells[2], "what differs is explained: {cells:?}");
    }
}

/// The rows of the page's table, as cells.
fn described() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/MIGRATING.md");
    let page = fs::read_to_string(page).expect("the page");
    let rows = page.lines().skip_while(|line| *line != "|---|---|---|---|").skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn requests(both: &Both) -> Vec<(&'static str, Ask)> {
    let jane = both.jane();
    let token = jane.headers["x-amzn-oidc-data"].to_str().expect("ASCII").to_owned();
    // Of the same region and so by the same keys, but another load balancer.
    let another = MockAlb::with_keys_of(&both.alb).sign(&User::jane());
    let other_words = both.token(|token| token.claim("nonce", 1)).headers["x-amzn-oidc-data"].clone();
    let other_signature = other_words.to_str().expect("ASCII").rsplit('.').next().expect("a signature").to_owned();
    let spliced = format!("{}.{other_signature}", token.rsplit_once('.').expect("three parts").0);
    let elsewhere = |ask: Ask| ask.with("origin", "https://elsewhere.example").with("sec-fetch-site", "cross-site");
    vec![
        ("a signed-in user", jane.clone()),
        ("the same by POST", jane.clone().by(Method::POST)),
        ("by PUT", jane.clone().by(Method::PUT)),
        ("with a slash at the end", jane.clone().at("/api/auth/awsalb/refresh/")),
        ("with a query", jane.clone().at("/api/auth/awsalb/refresh?env=production")),
        ("an email in other letter case", both.user("Jane.Doe@EXAMPLE.com")),
        ("a user found by name, not by email", both.user("twin.one@example.com")),
        ("no `x-amzn-oidc-data`", jane.clone().without("x-amzn-oidc-data")),
        ("two of them", jane.clone().and("x-amzn-oidc-data", &token)),
        ("a token that has expired", both.token(|token| token.expires_at(both.alb.unix_now() - 3600))),
        ("a token with another's signature", jane.clone().with("x-amzn-oidc-data", &spliced)),
        ("a token of another load balancer", jane.clone().with("x-amzn-oidc-data", &another)),
        ("a token of another issuer", both.token(|token| token.claim("iss", "https://other.example"))),
        (
            "a token with an unknown key",
            both.token(|token| token.header("kid", "00000000-0000-4000-8000-000000000000")),
        ),
        ("a token for another client", both.token(|token| token.header("client", "another-application"))),
        ("`x-amzn-oidc-identity` of another user", jane.clone().with("x-amzn-oidc-identity", "somebody-else")),
        ("no `x-amzn-oidc-accesstoken`", jane.clone().without("x-amzn-oidc-accesstoken")),
        ("no claim `picture`, and an opaque access token", both.token(|token| token.without_claim("picture"))),
        ("no claim `email`", both.token(|token| token.without_claim("email"))),
        ("`email_verified` is false", both.token(|token| token.claim("email_verified", false))),
        ("a user who is not in the catalog", both.user("nobody@example.com")),
        ("the same, of a domain that is not allowed", both.user("nobody@elsewhere.example")),
        ("an email that two users have", both.user("twins@example.com")),
        ("a request from a page of another site", elsewhere(jane.clone())),
        ("`/awsalb/start`", jane.clone().at("/api/auth/awsalb/start")),
        ("`/awsalb/handler/frame`", jane.clone().at("/api/auth/awsalb/handler/frame")),
        ("`/awsalb/logout` by POST", jane.clone().at("/api/auth/awsalb/logout").by(Method::POST)),
        ("`/guest/refresh`, not in development", Ask::path("/guest/refresh")),
        ("an unknown provider", Ask::path("/github/refresh")),
        ("`/.well-known/jwks.json`", Ask::path("/.well-known/jwks.json")),
        ("the same by POST", Ask::path("/.well-known/jwks.json").by(Method::POST)),
        ("`/.well-known/openid-configuration`", Ask::path("/.well-known/openid-configuration")),
        ("`/v1/userinfo` without a token", Ask::path("/v1/userinfo")),
        ("`/v1/userinfo` with an invalid token", Ask::path("/v1/userinfo").with("authorization", "Bearer x.y.z")),
    ]
}

/// Asks the first or the second with a token of its own.
async fn user_info(both: &Both, which: usize) -> String {
    let session = &both.answers(&both.jane()).await[which].body;
    let bearer = format!("Bearer {}", session["backstageIdentity"]["token"].as_str().expect("a token"));
    let answer = &both.answers(&Ask::path("/v1/userinfo").with("authorization", &bearer)).await[which];
    let owns = json!(["user:default/jane.doe", "group:default/team-a"]);
    assert_eq!(answer.body["claims"]["sub"], "user:default/jane.doe");
    assert_eq!(answer.body["claims"]["ent"], owns);
    answer.in_short()
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn a_session_differs_in_what_the_page_about_migrating_says() {
    let both = Both::start(CatalogIs::There).await;
    let [mut stock, mut ours] = both.answers(&both.jane()).await;
    let tokens = [&mut stock, &mut ours].map(|answer| answer.body["backstageIdentity"]["token"].take());
    let [theirs, here] = tokens.map(|token| parts(token.as_str().expect("a token")));
    assert_eq!(theirs.header, here.header);
    assert_eq!(theirs.claims, here.claims);

    // In addition ours has the name, for pages written by hand.
    assert_eq!(
        ours.body["backstageIdentity"].as_object_mut().expect("an object").remove("id"),
        Some(json!("jane.doe"))
    );
    let [stock_info, our_info] = [&mut stock, &mut ours].map(|answer| answer.body["providerInfo"].take());
    // Whole seconds of what is left: one is lost or not.
    for answer in [&mut stock, &mut ours] {
        let left = answer.body["backstageIdentity"]["expiresInSeconds"].take();
        assert!((3599..=3600).contains(&left.as_u64().expect("a number")), "{left}");
    }
    assert_eq!(stock.body, ours.body, "all else is the same");
    // There the date at which the token ends, here what is left.
    let [date, left] = [&stock_info, &our_info].map(|info| info["expiresInSeconds"].as_u64().expect("a number"));
    assert!((1..=120).contains(&left), "{left}");
    assert!((date - both.alb.unix_now()).abs_diff(left) <= 1, "{date} {left}");
    assert!(stock_info["accessToken"].is_string());
    assert_eq!(our_info.as_object().expect("an object").len(), 1);

    assert_eq!(stock.header("content-type"), ours.header("content-type"));
    assert_eq!((stock.header("cache-control"), ours.header("cache-control")), (None, Some("no-store")));
    // What the stock root service sends with everything.
    assert!(stock.header("content-security-policy").is_some() && ours.header("content-security-policy").is_none());
    assert_eq!(stock.header("x-content-type-options"), ours.header("x-content-type-options"));

    let keys = both.answers(&Ask::path("/.well-known/jwks.json")).await;
    let [mut stock_keys, our_keys] = keys.map(|answer| members(&answer.body["keys"][0]));
    // Ours names its end, until which the row of the key is renewed.
    assert!(stock_keys.insert("exp".to_owned()));
    assert_eq!(stock_keys, our_keys);
    let [stock, ours] = both.answers(&Ask::path("/.well-known/openid-configuration")).await;
    assert_eq!(members(&stock.body), members(&ours.body));
}

/// What both sign: the header but for the key's id, and the names of the claims.
struct Parts {
    header: Value,
    claims: BTreeSet<String>,
}

fn parts(token: &str) -> Parts {
    let mut decoded = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON"));
    let (mut header, claims) = (decoded.next().expect("a header"), decoded.next().expect("claims"));
    header["kid"].take();
    Parts { header, claims: members(&claims) }
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

/// Both run by one file in these tests, so there is nothing to change on the way back; what was signed here is another's there.
#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn going_back_costs_each_page_its_token_where_no_database_is_shared() {
    let both = Both::start(CatalogIs::There).await;
    let token = both.ours.token(&both.alb, &User::jane().claim("email", EMAIL)).await;
    assert_eq!(both.stock.whoami(&token).await.0, 401);
    let [again, _] = both.answers(&both.jane()).await;
    let token = again.body["backstageIdentity"]["token"].as_str().expect("a token").to_owned();
    assert_eq!(both.stock.whoami(&token).await.0, 200);
}
