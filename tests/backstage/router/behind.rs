//! An auth backend behind `router_with_fallback`, which signs in clients of its own: its documents and those of this one.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{Json, Router, extract::Request, response::IntoResponse as _, routing::any};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tower_alb_auth::{
    EntityRef,
    backstage::{BackstageAuth, TokenIssuer, Upstream, router_with_fallback},
    test_util::{MockAlb, TestClock, User},
};

use tracing::Level;

use crate::{
    router::site::{ORIGIN, Site, listen},
    support::traced::Traced,
};

const HOPS: &str = "x-tower-alb-auth-hops";

/// As a stock auth backend of 0.31 with client id metadata documents writes it.
fn document() -> Value {
    let at = |path: &str| format!("{ORIGIN}/api/auth{path}");
    json!({
        "issuer": at(""),
        // As the service behind has it, and not as this one would write it.
        "token_endpoint": at("/v2/token"),
        "userinfo_endpoint": at("/v1/userinfo"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "offline_access"],
        "token_endpoint_auth_methods_supported": ["none"],
        "claims_supported": ["sub"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "authorization_endpoint": at("/v1/authorize"),
        "code_challenge_methods_supported": ["S256"],
        "revocation_endpoint": at("/v1/revoke"),
        "client_id_metadata_document_supported": true,
    })
}

/// Another auth backend, with its own keys, and the number of requests for them.
#[derive(Clone)]
struct Other {
    tokens: TokenIssuer,
    answers: Answers,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Answers {
    Documents,
    OtherIssuer,
    Pages,
    Status(u16),
    PrivateKeys,
}

impl Other {
    fn new(answers: Answers) -> Self {
        // The time of the site: 2026-01-01T00:00:00Z.
        let clock = TestClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
        let tokens = TokenIssuer::builder(format!("{ORIGIN}/api/auth")).clock(clock).build().expect("sound");
        Self { tokens, answers, asked: Arc::default() }
    }

    fn app(&self) -> Router {
        let other = self.clone();
        Router::new().fallback(any(move |request: Request| {
            let other = other.clone();
            let path = request.uri().path().to_owned();
            let names = request.headers().keys().map(|name| name.to_string()).collect();
            async move { other.answer(&path, names).await }
        }))
    }

    async fn answer(&self, path: &str, headers: Vec<String>) -> axum::response::Response {
        let of_the_client =
            headers.iter().any(|name| matches!(&**name, "cookie" | "authorization" | "x-of-the-client"));
        if of_the_client && (path.ends_with("jwks.json") || path.ends_with("configuration")) {
            return (StatusCode::IM_A_TEAPOT, "a header of the client").into_response();
        }
        match (self.answers, path) {
            (
                Answers::Status(status),
                "/api/auth/.well-known/jwks.json" | "/api/auth/.well-known/openid-configuration",
            ) => StatusCode::from_u16(status).expect("a status").into_response(),
            (Answers::Pages, _) => ([(header::CONTENT_TYPE, "text/html")], "<!doctype html>").into_response(),
            (answers, "/api/auth/.well-known/openid-configuration") => {
                let mut document = document();
                if answers == Answers::OtherIssuer {
                    document["issuer"] = json!("http://localhost:7007/api/auth");
                }
                Json(document).into_response()
            }
            (answers, "/api/auth/.well-known/jwks.json") => {
                self.asked.fetch_add(1, Ordering::SeqCst);
                let keys = self.tokens.public_keys().await.expect("keys");
                let mut keys: Vec<Value> =
                    keys.iter().map(|key| serde_json::from_str(key.json()).expect("JSON")).collect();
                if answers == Answers::PrivateKeys {
                    keys.iter_mut().for_each(|key| key["d"] = json!("canary"));
                }
                Json(json!({ "keys": keys })).into_response()
            }
            (_, path) => format!("other {path}").into_response(),
        }
    }

    async fn token(&self, user: &str) -> String {
        let user: EntityRef = user.parse().expect("a ref");
        self.tokens.user_token(&user, &[]).await.expect("a token").expose().to_owned()
    }
}

/// In front of this, through an [`Upstream`].
async fn in_front_of(other: &Other) -> Site {
    let upstream = Upstream::at(format!("http://{}", listen(other.app()).await)).build().expect("sound");
    Site::serve(
        MockAlb::layer,
        |auth| auth,
        |auth| Router::new().nest("/api/auth", router_with_fallback(auth, upstream.clone())).fallback_service(upstream),
    )
    .await
}

async fn json_at(site: &Site, path: &str) -> Value {
    let answer = site.call(site.request(path).header("cookie", "a=b").header("x-of-the-client", "x")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

fn kids(set: &Value) -> Vec<&str> {
    set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a kid")).collect()
}

#[tokio::test]
async fn the_document_is_the_one_behind_with_this_issuer_and_its_key_set() {
    for answers in [Answers::Documents, Answers::OtherIssuer] {
        let (traced, _guard) = Traced::begin();
        let site = in_front_of(&Other::new(answers)).await;
        for path in ["/.well-known/openid-configuration", "/.well-known/openid-configuration/"] {
            let found = json_at(&site, path).await;
            let mut expected = document();
            expected["id_token_signing_alg_values_supported"] = json!(["RS256", "ES256"]);
            expected["claims_supported"] = json!(["sub", "ent"]);
            assert_eq!(found, expected, "{path}");
        }
        let warned = traced.lines(Level::WARN);
        let expected = usize::from(answers == Answers::OtherIssuer);
        assert_eq!(warned.iter().filter(|line| line.contains("names the issuer")).count(), expected, "{warned:?}");
    }
}

/// So that a loop through several services ends: each finds its own mark.
#[tokio::test]
async fn the_marks_of_a_request_go_on_with_the_one_that_it_causes() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let of_service = Arc::clone(&seen);
    let service = Router::new().fallback(any(move |request: Request| {
        let marks = request.headers().get_all(HOPS).iter().map(|mark| mark.to_str().expect("a text").to_owned());
        of_service.lock().unwrap().extend(marks);
        async { StatusCode::NOT_FOUND }
    }));
    let upstream = Upstream::at(format!("http://{}", listen(service).await)).build().expect("sound");
    let app = |auth| Router::new().nest("/api/auth", router_with_fallback(auth, upstream));
    let site = Site::serve(MockAlb::layer, |auth| auth, app).await;
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        let request = site.request(path).header(HOPS, "00000000000000aa").header(HOPS, "00000000000000bb");
        assert_eq!(site.call(request).await.status, 200, "{path}");
        let marks = std::mem::take(&mut *seen.lock().unwrap());
        for mark in ["00000000000000aa", "00000000000000bb"] {
            assert!(marks.iter().any(|seen| seen == mark), "{path}: {marks:?}");
        }
        assert!(marks.len() > 2, "{path}: the mark of this service: {marks:?}");
    }
}

#[tokio::test]
async fn the_key_set_verifies_the_tokens_of_both() {
    let other = Other::new(Answers::Documents);
    let site = in_front_of(&other).await;
    let (ours, theirs) = (site.token(&User::jane()).await, other.token("user:default/jane.doe").await);
    let set = json_at(&site, "/.well-known/jwks.json").await;
    let kid = |token: &str| {
        let header = token.split('.').next().expect("a header");
        let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).expect("base64");
        serde_json::from_slice::<Value>(&header).expect("JSON")["kid"].as_str().expect("a kid").to_owned()
    };
    assert_eq!(kids(&set), [kid(&ours), kid(&theirs)], "the own key is the first");
    // A back end that asks this issuer's userinfo for a client of the one behind.
    for token in [&ours, &theirs] {
        let info = site.user_info(token).await;
        assert_eq!((info.status.as_u16(), info.body.contains("user:default/jane.doe")), (200, true), "{}", info.body);
    }
    let stranger = Other::new(Answers::Documents).token("user:default/jane.doe").await;
    assert_eq!(site.user_info(&stranger).await.status, 401, "a key that neither publishes");
    assert_eq!(site.user_info(&other.token("user:default/unknown").await).await.status, 404);
}

/// Clients of the service behind are not those who make up kids, which the budget of store queries is for.
#[tokio::test]
async fn f_64_many_tokens_of_the_service_behind_spend_nothing_of_the_budget_for_unknown_kids() {
    let other = Other::new(Answers::Documents);
    let site = in_front_of(&other).await;
    for number in 0..40 {
        let token = other.token("user:default/jane.doe").await;
        assert_eq!(
            site.user_info(&token).await.status,
            404,
            "token {number}: valid, and of a user without a session here"
        );
    }
    // The budget is there for a key that neither has listed yet.
    let stranger = Other::new(Answers::Documents);
    assert_eq!(site.user_info(&stranger.token("user:default/jane.doe").await).await.status, 401);
    // A key of this service is found, although the backend behind is queried first.
    assert_eq!(site.user_info(&site.token(&User::jane()).await).await.status, 200);
}

#[tokio::test]
async fn one_request_for_keys_behind_is_enough_for_many_here() {
    let other = Other::new(Answers::Documents);
    let site = in_front_of(&other).await;
    other.token("user:default/jane.doe").await;
    for _ in 0..20 {
        json_at(&site, "/.well-known/jwks.json").await;
    }
    let asked = other.asked.load(Ordering::SeqCst);
    assert!((1..=2).contains(&asked), "{asked}");
}

#[tokio::test]
async fn what_is_no_auth_backend_changes_neither_document() {
    for answers in [Answers::Pages, Answers::Status(404), Answers::Status(401), Answers::Status(302)] {
        let site = in_front_of(&Other::new(answers)).await;
        site.token(&User::jane()).await;
        let found = json_at(&site, "/.well-known/openid-configuration").await;
        assert_eq!(found["token_endpoint_auth_methods_supported"], json!([]));
        assert!(found.get("revocation_endpoint").is_none());
        assert_eq!(kids(&json_at(&site, "/.well-known/jwks.json").await).len(), 1);
    }
}

#[tokio::test]
async fn an_outage_behind_leaves_the_own_keys_and_no_document() {
    let site = in_front_of(&Other::new(Answers::Status(503))).await;
    site.token(&User::jane()).await;
    let answer = site.get("/.well-known/openid-configuration").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (503, true));
    assert_eq!(kids(&json_at(&site, "/.well-known/jwks.json").await).len(), 1);
}

/// A request that waits for the service behind delays what it is for: keys here, or a user at `/v1/userinfo`.
#[tokio::test]
async fn f_76_a_service_behind_that_hangs_delays_one_request_for_keys_and_not_each() {
    let (requested, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let hanging = Router::new().fallback(any(move || {
        let _ = requested.send(());
        std::future::pending::<StatusCode>()
    }));
    let upstream = Upstream::at(format!("http://{}", listen(hanging).await)).build().expect("sound");
    let app = |auth| Router::new().nest("/api/auth", router_with_fallback(auth, upstream));
    let site = Site::serve(MockAlb::layer, |auth| auth, app).await;
    site.token(&User::jane()).await;
    let own_key = async || assert_eq!(kids(&json_at(&site, "/.well-known/jwks.json").await).len(), 1, "the own key");
    tokio::join!(own_key(), async {
        requests.recv().await.expect("a request for the key set");
        // The 5 s that it has, by the clock of tokio.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
    });
    for _ in 0..2 {
        own_key().await;
    }
    assert!(requests.try_recv().is_err(), "no other request");
}

#[tokio::test]
async fn s_63_a_private_member_behind_is_not_published_here() {
    let other = Other::new(Answers::PrivateKeys);
    let site = in_front_of(&other).await;
    other.token("user:default/jane.doe").await;
    site.token(&User::jane()).await;
    let set = json_at(&site, "/.well-known/jwks.json").await;
    assert_eq!(kids(&set).len(), 1);
    assert!(!set.to_string().contains("canary"));
}

#[tokio::test]
async fn other_documents_of_the_folder_go_on_and_the_two_do_not_in_any_spelling() {
    let site = in_front_of(&Other::new(Answers::Documents)).await;
    for path in ["/.well-known/oauth-client/cli.json", "/.well-known/oauth-authorization-server"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, format!("other /api/auth{path}")));
    }
    for path in ["/.well-known/JWKS.json", "/.well-known/%6awks.json", "/.well-known/OpenID-Configuration"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

/// An upstream that is this service itself: a mistake that must not make requests without end.
#[tokio::test]
async fn a_service_that_leads_back_here_gets_the_own_documents_at_once() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = place.local_addr().expect("an address");
    place.set_nonblocking(true).expect("a socket");
    let alb = MockAlb::new();
    let tokens = TokenIssuer::builder(format!("{ORIGIN}/api/auth")).build().expect("sound");
    let auth = BackstageAuth::builder(alb.layer().handle(), tokens).build().expect("sound");
    let upstream = Upstream::at(format!("http://{address}")).build().expect("sound");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = Router::new().nest("/api/auth", router_with_fallback(auth, upstream)).layer(
        axum::middleware::map_request(move |request: Request| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { request }
        }),
    );
    let listener = tokio::net::TcpListener::from_std(place).expect("a listener");
    tokio::spawn(async move { axum::serve(listener, app).await });
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        asked.store(0, Ordering::SeqCst);
        let answer = reqwest::get(format!("http://{address}/api/auth{path}")).await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{path}: the request and the one that it causes");
    }
}
