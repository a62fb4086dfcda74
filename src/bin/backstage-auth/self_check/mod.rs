//! A sign-in from end to end: a local load balancer with a demo provider in front, another backend behind, and a client that
//! acts as a browser.

mod browser;

use std::{error::Error, net::SocketAddr};

use axum::{
    Json, Router,
    http::{HeaderMap, Method, StatusCode, header},
    response::IntoResponse,
    routing::{any, get},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tower_alb_auth::{
    config::AppConfig,
    emulator::{Emulator, EmulatorConfig},
};

use self::browser::Browser;
use crate::{
    assemble::{Assembled, assemble},
    cli::Serve,
};

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Returns whether every step had the expected result.
pub async fn walk(mut arguments: Serve) -> Anything<bool> {
    arguments.upstream = Some(another_backend().await?);
    let listener = tower_alb_auth::listen("127.0.0.1:0").await?;
    let target = format!("http://{}", listener.local_addr()?);
    let emulator = Emulator::start(EmulatorConfig::on_free_ports().target(target)).await?;
    let text = app_config(&emulator);
    let files = AppConfig::from_text("app-config.yaml", &text, |_| None)?;
    let Assembled { service, maintenance: _maintenance, .. } = assemble(&files, &arguments, None)?;
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let mut walk = Walk { url: emulator.url().to_owned(), provider: emulator.issuer().to_owned(), sound: true };
    walk.without_a_session().await?;
    walk.jane().await?;
    walk.guest().await?;
    walk.upstream_and_health().await?;
    emulator.shutdown().await;
    Ok(walk.sound)
}

/// The `app-config.yaml` of a Backstage behind this load balancer.
fn app_config(emulator: &Emulator) -> String {
    let (url, issuer, signer) = (emulator.url(), emulator.issuer(), emulator.signer());
    let (client_id, keys) = (emulator.client_id(), emulator.key_endpoint());
    format!(
        "
app: {{ baseUrl: {url} }}
backend: {{ baseUrl: {url} }}
auth:
  providers:
    awsalb:
      issuer: {issuer}
      signer: {signer}
      clientIds: [{client_id}]
      keyEndpoint: {keys}
      signOutUrl: {issuer}/logout
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
"
    )
}

/// A backend with the other sign-in providers and a catalog that contains Jane.
async fn another_backend() -> std::io::Result<String> {
    let jane = json!({
        "kind": "User",
        "metadata": { "name": "jane.doe" },
        "spec": { "profile": { "email": "jane.doe@example.com" } },
        "relations": [{ "type": "memberOf", "targetRef": "group:default/team-a" }],
    });
    let catalog = async move |headers: HeaderMap| match headers.contains_key(header::AUTHORIZATION) {
        true => Json(jane).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    };
    let listener = tower_alb_auth::listen("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/api/catalog/entities/by-name/{kind}/default/jane.doe", get(catalog))
        .fallback(any(async || "another backend"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

struct Walk {
    url: String,
    provider: String,
    sound: bool,
}

impl Walk {
    async fn without_a_session(&mut self) -> Anything<()> {
        let page = Browser::default().get(&format!("{}/", self.url)).await?.body;
        self.expect("a client without a session gets the page of the provider", &page.contains("Who signs in?"), &true);
        Ok(())
    }

    async fn jane(&mut self) -> Anything<()> {
        let mut browser = self.signed_in("jane").await?;
        let session: Value = serde_json::from_str(&browser.get(&self.auth("/awsalb/refresh")).await?.body)?;
        let user = &session["backstageIdentity"]["identity"]["userEntityRef"];
        self.expect("Jane gets a session", user, &json!("user:default/jane.doe"));
        let owns = &session["backstageIdentity"]["identity"]["ownershipEntityRefs"];
        let team = json!(["user:default/jane.doe", "group:default/team-a"]);
        self.expect("she owns as her team, which the catalog knows", owns, &team);

        let token = session["backstageIdentity"]["token"].as_str().unwrap_or_default();
        let keys: Value = serde_json::from_str(&browser.get(&self.auth("/.well-known/jwks.json")).await?.body)?;
        self.expect("the key that back ends verify it by is published", &keys["keys"][0]["alg"], &json!("ES256"));
        let bearer = [(header::AUTHORIZATION, &*format!("Bearer {token}"))];
        let info = browser.send(Method::GET, &self.auth("/v1/userinfo"), &bearer, String::new()).await?;
        let info: Value = serde_json::from_str(&info.body)?;
        self.expect("userinfo knows whose token it is", &info["claims"]["sub"], &json!("user:default/jane.doe"));

        let origin = [(header::ORIGIN, &*self.url)];
        let goodbye = browser.send(Method::POST, &self.auth("/awsalb/logout"), &origin, String::new()).await?;
        self.expect("she signs out, at the provider too", &goodbye.url.path(), &"/logout");
        let page = browser.get(&format!("{}/", self.url)).await?.body;
        self.expect("after that the provider asks again", &page.contains("Who signs in?"), &true);
        Ok(())
    }

    async fn guest(&mut self) -> Anything<()> {
        let refused = self.signed_in("guest").await?.get(&self.auth("/awsalb/refresh")).await?;
        self.expect("a guest of another domain gets none", &refused.status, &StatusCode::FORBIDDEN);
        Ok(())
    }

    async fn upstream_and_health(&mut self) -> Anything<()> {
        let mut browser = self.signed_in("admin").await?;
        let other = browser.get(&self.auth("/github/start")).await?.body;
        self.expect("another provider is the upstream's", &other.as_str(), &"another backend");
        let ready = browser.get(&format!("{}/.backstage/health/v1/readiness", self.url)).await?.body;
        self.expect("it is ready, in Backstage's shape", &ready.as_str(), &r#"{"status":"ok"}"#);
        Ok(())
    }

    fn auth(&self, path: &str) -> String {
        format!("{}/api/auth{path}", self.url)
    }

    /// A new browser in which this user has signed in.
    async fn signed_in(&self, user: &str) -> Anything<Browser> {
        let mut browser = Browser::default();
        let page = browser.get(&format!("{}/", self.url)).await?.body;
        let (_, rest) = page.split_once("name=\"ticket\" value=\"").ok_or("this is no login page")?;
        let (ticket, _) = rest.split_once('"').ok_or("the form has no end")?;
        let form = format!("ticket={}&user={user}", utf8_percent_encode(ticket, NON_ALPHANUMERIC));
        let as_form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
        browser.send(Method::POST, &format!("{}/login", self.provider), &as_form, form).await?;
        Ok(browser)
    }

    fn expect<T: PartialEq + std::fmt::Debug + ?Sized>(&mut self, what: &str, got: &T, promised: &T) {
        let sound = got == promised;
        self.sound &= sound;
        println!("{:<5}  {what}\n       {got:?}", if sound { "ok" } else { "WRONG" });
        if !sound {
            println!("       promised: {promised:?}");
        }
    }
}
