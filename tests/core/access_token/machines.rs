//! Bearer tokens of machines, which the target verifies again.

use std::{convert::Infallible, time::Duration};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_alb_auth::{
    AuthError, AuthErrorKind, BackstageIdentity, Claims, MachineIdentity, MachineLayer,
    config::MachineTokens,
    test_util::{MockAlb, TestClock, User},
};

use crate::support::issuer::{Issuer, SigningKey, encode};

const AUDIENCE: &str = "api://orders";
const CLIENT: &str = "nightly-report";

/// An issuer of machines, and a load balancer of users.
struct Site {
    issuer: Issuer,
    alb: MockAlb,
    clock: TestClock,
    machines: MachineLayer,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: String,
    error: Option<AuthError>,
    challenge: Option<HeaderValue>,
}

impl Site {
    async fn start() -> Self {
        let (issuer, clock) = (Issuer::start().await, TestClock::new());
        let machines = MachineLayer::new(tokens(&issuer).clock(clock.clone())).expect("sound");
        Self { issuer, alb: MockAlb::new().with_clock(&clock), clock, machines }
    }

    fn claims(&self) -> Value {
        let now = self.alb.unix_now();
        json!({"iss": self.issuer.url, "aud": AUDIENCE, "client_id": CLIENT, "sub": CLIENT, "iat": now, "exp": now + 3600})
    }

    /// The token with these members instead; null removes one.
    fn token(&self, changes: Value) -> String {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().expect("an object") {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let key = self.issuer.key();
        key.sign(&json!({"alg": "RS256", "kid": key.kid, "typ": "at+jwt"}), &claims)
    }

    /// Through the layer of users, which is optional, and that of machines inside.
    async fn call(&self, request: Request<String>) -> Answer {
        let service = ServiceBuilder::new().layer(self.alb.layer().optional()).layer(self.machines.clone());
        answer(service.service_fn(handler), request).await
    }

    async fn bearer(&self, token: &str) -> Answer {
        self.call(with_bearer(&[&format!("Bearer {token}")])).await
    }
}

fn tokens(issuer: &Issuer) -> MachineTokens {
    MachineTokens::new(&issuer.url).audience(AUDIENCE).client(CLIENT).client("backup")
}

fn with_bearer(values: &[&str]) -> Request<String> {
    let mut request = Request::new(String::new());
    for value in values {
        request.headers_mut().append(AUTHORIZATION, value.parse().expect("a header value"));
    }
    request
}

/// Says who the caller is, and which headers of a load balancer arrived.
async fn handler(request: Request<String>) -> Result<Response<String>, Infallible> {
    let extensions = request.extensions();
    let user = extensions.get::<BackstageIdentity>().map(|user| user.user_entity_ref().to_string());
    let machine = MachineIdentity::of(extensions).map(|machine| machine.client_id().to_owned());
    let claims = Claims::of(extensions).is_some();
    let headers = request.headers().keys().filter(|name| name.as_str().contains("amzn")).count();
    Ok(Response::new(format!("{user:?} {claims} {machine:?} {headers}")))
}

async fn answer<S>(service: S, request: Request<String>) -> Answer
where
    S: Service<Request<String>, Response = Response<String>, Error = Infallible>,
{
    let (parts, body) = service.oneshot(request).await.expect("infallible").into_parts();
    let challenge = parts.headers.get(WWW_AUTHENTICATE).cloned();
    Answer { status: parts.status, body, error: parts.extensions.get::<AuthError>().cloned(), challenge }
}

impl Answer {
    #[track_caller]
    fn assert_refused(&self, kind: AuthErrorKind, case: &str) {
        let found = self.error.as_ref().map(AuthError::kind);
        assert_eq!((self.status, found), (kind.status(), Some(kind)), "{case}: {self:?}");
        if kind.status() == StatusCode::UNAUTHORIZED {
            assert_eq!(self.body, crate::support::UNIFORM_401, "{case}");
            let challenge = self.challenge.as_ref().expect("a challenge");
            assert_eq!(challenge, "Bearer realm=\"machines\"", "{case}: RFC 6750 section 3");
        }
    }
}

const MACHINE: &str = r#"None false Some("nightly-report") 0"#;

#[tokio::test]
async fn s_149_a_machine_is_a_machine_and_never_a_user() {
    let site = Site::start().await;
    // The first fetches the keys; the others are remembered.
    for _ in 0..3 {
        let answer = site.bearer(&site.token(json!({}))).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, MACHINE));
    }
    assert_eq!(site.issuer.key_fetches(), 1);
    // The claims of a user in a machine's token make none.
    let posing = site.token(json!({"sub": "jane", "email": "jane@example.com", "preferred_username": "jane"}));
    assert_eq!(site.bearer(&posing).await.body, MACHINE);
    let scheme = with_bearer(&[&format!("bEARER {}", site.token(json!({})))]);
    assert_eq!(site.call(scheme).await.body, MACHINE);
    let other = site.bearer(&site.token(json!({"client_id": null, "azp": "backup", "scope": "a"}))).await;
    assert_eq!(other.body, r#"None false Some("backup") 0"#);
    // Alone, without a layer of users, headers that nothing verified do not arrive.
    let mut alone = with_bearer(&[&format!("Bearer {}", site.token(json!({})))]);
    for name in ["x-amzn-oidc-identity", "x_amzn_oidc_data", "x-amzn-oidc-accesstoken"] {
        alone.headers_mut().insert(name, "forged".parse().unwrap());
    }
    assert_eq!(answer(site.machines.layer(service_fn(handler)), alone).await.body, MACHINE);
}

/// The rule for requests with both: the user counts, and an invalid user is not replaced by a machine.
#[tokio::test]
async fn s_149_a_request_of_a_user_is_decided_by_its_user_alone() {
    let site = Site::start().await;
    let jane = User::jane();
    let (good, bad) = (format!("Bearer {}", site.token(json!({}))), "Bearer nothing".to_owned());
    let user = r#"Some("user:default/jane.doe") true None 0"#;
    for bearer in [Some(&good), Some(&bad), None] {
        let mut request: Request<String> = site.alb.request("/").user(&jane).into();
        if let Some(bearer) = bearer {
            request.headers_mut().insert(AUTHORIZATION, bearer.parse().unwrap());
        }
        assert_eq!(site.call(request).await.body, user, "{bearer:?}");
    }
    assert_eq!(site.issuer.key_fetches(), 0, "the bearer token of a user is not read");
    for data in ["forged", "", &MockAlb::new().sign(&jane)] {
        let mut request = with_bearer(&[&good]);
        request.headers_mut().insert("x-amzn-oidc-data", data.parse().unwrap());
        assert_eq!(site.call(request.clone()).await.status, 401, "{data}");
        // Where no layer verifies users.
        let alone = answer(site.machines.layer(service_fn(handler)), request).await;
        alone.assert_refused(AuthErrorKind::AccessTokenInvalid, data);
    }
    // Inside of the layer of users, or around it.
    let around = ServiceBuilder::new().layer(site.machines.clone()).layer(site.alb.layer().optional());
    let mut request: Request<String> = site.alb.request("/").user(&jane).into();
    request.headers_mut().insert(AUTHORIZATION, good.parse().unwrap());
    answer(around.service_fn(handler), request).await.assert_refused(AuthErrorKind::AccessTokenInvalid, "around");
}

#[tokio::test]
async fn s_149_a_stale_machine_in_the_extensions_is_removed() {
    let site = Site::start().await;
    let caught = std::sync::Arc::new(std::sync::Mutex::new(None));
    let catching = |request: Request<String>| {
        *caught.lock().unwrap() = MachineIdentity::of(request.extensions()).cloned();
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    };
    let request = with_bearer(&[&format!("Bearer {}", site.token(json!({})))]);
    answer(site.machines.layer(service_fn(catching)), request).await;
    let stale: MachineIdentity = caught.lock().unwrap().take().expect("a machine");
    assert!(!format!("{stale:?}").contains(AUDIENCE));
    let mut request: Request<String> = site.alb.request("/").user(&User::jane()).into();
    request.extensions_mut().insert(stale.clone());
    assert_eq!(site.call(request).await.body, r#"Some("user:default/jane.doe") true None 0"#);
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(stale);
    site.call(request).await.assert_refused(AuthErrorKind::AccessTokenMissing, "stale");
}

#[tokio::test]
async fn s_149_only_a_token_of_the_issuer_for_this_service_and_these_clients_is_accepted() {
    use AuthErrorKind::{AccessTokenInvalid, AccessTokenMissing};
    let site = Site::start().await;
    let now = site.alb.unix_now();
    let good = site.token(json!({}));
    assert_eq!(site.bearer(&good).await.status, 200);
    let key = site.issuer.key();
    let claims = site.claims();
    let head = |header: Value| key.sign(&header, &claims);
    let (signed, signature) = good.rsplit_once('.').expect("a signature");
    let other_claims = encode(
        json!({"iss": site.issuer.url, "aud": AUDIENCE, "client_id": "backup", "sub": "b", "exp": now + 60})
            .to_string(),
    );
    let foreign = SigningKey::rsa("first");
    for (case, token) in [
        ("another issuer", site.token(json!({"iss": "https://evil.example"}))),
        ("an issuer that begins alike", site.token(json!({"iss": format!("{}/", site.issuer.url)}))),
        ("no issuer", site.token(json!({"iss": null}))),
        ("another audience", site.token(json!({"aud": "api://other"}))),
        ("no audience", site.token(json!({"aud": null}))),
        ("an audience that contains it", site.token(json!({"aud": "api://orders api://other"}))),
        ("another client", site.token(json!({"client_id": "stranger"}))),
        ("no client", site.token(json!({"client_id": null}))),
        ("two clients, one of which is another", site.token(json!({"azp": "stranger"}))),
        ("clients in a list", site.token(json!({"client_id": [CLIENT]}))),
        ("expired", site.token(json!({"exp": now - 31}))),
        ("no exp", site.token(json!({"exp": null}))),
        ("nbf ahead", site.token(json!({"nbf": now + 60}))),
        ("an ID token", site.token(json!({"token_use": "id"}))),
        ("an ID token by its hash", site.token(json!({"at_hash": "x"}))),
        ("a refresh token", site.token(json!({"typ": "Refresh"}))),
        ("a foreign key of the same kid", foreign.sign(&foreign.header(), &claims)),
        ("an unknown kid", head(json!({"alg": "RS256", "kid": "second"}))),
        ("no kid", head(json!({"alg": "RS256"}))),
        ("ES256 of an RSA key", head(json!({"alg": "ES256", "kid": "first"}))),
        ("PS256", head(json!({"alg": "PS256", "kid": "first"}))),
        ("HS256", head(json!({"alg": "HS256", "kid": "first"}))),
        ("no algorithm", head(json!({"alg": "none", "kid": "first"}))),
        ("crit", head(json!({"alg": "RS256", "kid": "first", "crit": ["exp"]}))),
        ("another type", head(json!({"alg": "RS256", "kid": "first", "typ": "vnd.backstage.user"}))),
        ("other claims", format!("{}.{other_claims}.{signature}", signed.split('.').next().unwrap())),
        ("no signature", format!("{signed}.")),
        ("padding", format!("{good}=")),
        ("nothing", String::new()),
        ("the token of a load balancer", site.alb.sign(&User::jane())),
    ] {
        site.bearer(&token).await.assert_refused(AccessTokenInvalid, case);
    }
    for (case, values) in [
        ("none", vec![]),
        ("two headers", vec![format!("Bearer {good}"), format!("Bearer {good}")]),
        ("Basic", vec![format!("Basic {good}")]),
        ("no scheme", vec![good.clone()]),
        ("a tab", vec![format!("Bearer\t{good}")]),
        ("only the scheme", vec!["Bearer".to_owned()]),
    ] {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        site.call(with_bearer(&values)).await.assert_refused(AccessTokenMissing, case);
    }
    for case in [format!("Bearer  {good}"), format!("Bearer {good}, Bearer {good}"), format!("Bearer {good} x")] {
        site.call(with_bearer(&[&case])).await.assert_refused(AccessTokenInvalid, "more than a token");
    }
    // A remembered token expires too, after the leeway.
    site.clock.advance(Duration::from_secs(3_629));
    assert_eq!(site.bearer(&good).await.status, 200);
    site.clock.advance(Duration::from_secs(1));
    site.bearer(&good).await.assert_refused(AccessTokenInvalid, "after its expiry");
}

/// Anyone can send a made-up kid, so its fetches have a budget, and a withdrawn key ends remembered tokens.
#[tokio::test]
async fn s_149_made_up_kids_cause_no_fetches_without_end() {
    let site = Site::start().await;
    let good = site.token(json!({}));
    assert_eq!(site.bearer(&good).await.status, 200);
    let key = site.issuer.key();
    site.clock.advance(Duration::from_secs(61));
    for number in 0..20 {
        let token = key.sign(&json!({"alg": "RS256", "kid": format!("made-up-{number}")}), &site.claims());
        site.bearer(&token).await.assert_refused(AuthErrorKind::AccessTokenInvalid, "made up");
    }
    assert_eq!(site.issuer.key_fetches(), 2);
    assert_eq!(site.bearer(&good).await.status, 200);
    // The keys are replaced: the remembered token counts no more once they are fetched.
    let next = SigningKey::rsa("next");
    site.issuer.set_keys([next.clone()]);
    site.clock.advance(Duration::from_secs(61));
    let rotated = next.sign(&json!({"alg": "RS256", "kid": "next", "typ": "at+jwt"}), &site.claims());
    assert_eq!(site.bearer(&rotated).await.body, MACHINE);
    site.bearer(&good).await.assert_refused(AuthErrorKind::AccessTokenInvalid, "withdrawn");
}

#[tokio::test]
async fn s_149_keys_out_of_reach_are_503_and_no_way_in() {
    let site = Site::start().await;
    site.issuer.fail_with(Some(StatusCode::BAD_GATEWAY));
    let answer = site.bearer(&site.token(json!({}))).await;
    answer.assert_refused(AuthErrorKind::AccessTokenKeysUnavailable, "out of reach");
    assert!(answer.error.expect("an error").retry_delay().is_some());
    site.issuer.fail_with(None);
    site.clock.advance(Duration::from_secs(10));
    assert_eq!(site.bearer(&site.token(json!({}))).await.body, MACHINE);
}

#[tokio::test]
async fn s_149_settings_without_audience_or_client_do_not_build() {
    let found = |tokens: MachineTokens| match MachineLayer::new(tokens) {
        Ok(_) => String::new(),
        Err(error) => error.problems().iter().map(|problem| format!("{problem}\n")).collect(),
    };
    let https = "https://login.example.com";
    let complete = |issuer: &str| MachineTokens::new(issuer).audience(AUDIENCE).client(CLIENT);
    let nothing = found(MachineTokens::new("http://login.example.com"));
    for expected in ["have no audience", "have no client", "which is an https URL, or an http one on this machine"] {
        assert!(nothing.contains(expected), "{expected}: {nothing}");
    }
    assert!(found(MachineTokens::new(https).client(CLIENT)).contains("no audience"));
    assert!(found(MachineTokens::new(https).audience(AUDIENCE)).contains("no client"));
    assert!(found(complete(https).client("")).contains("a client is empty"));
    assert!(found(complete(https).audience("")).contains("an audience is empty"));
    for issuer in ["", "login.example.com", "http://10.0.0.1", "http://idp.localhost", "https://user@login.example.com"]
    {
        assert_ne!(found(complete(issuer)), "", "{issuer}");
    }
    for url in ["http://login.example.com/keys", "file:///keys", ""] {
        assert_ne!(found(complete(https).jwks_uri(url)), "", "{url}");
    }
    assert_eq!(found(complete(https)), "");
    assert_eq!(found(complete(https).jwks_uri("https://login.example.com/keys")), "");
}
