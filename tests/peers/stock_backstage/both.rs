//! Backstage's own awsalb provider and ours, asked the same.

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tower_alb_auth::{
    backstage::TokenIssuer,
    config::AppConfig,
    sign_in::Catalog,
    test_util::{MockAlb, TokenBuilder, User},
};

use crate::{
    programs::process::free_port,
    stock_backstage::{
        auth_backend::{Place, Server, auth_backend},
        stock::{EXTERNAL_TOKEN, Stock},
    },
};

const REFRESH: &str = "/api/auth/awsalb/refresh";
pub const EMAIL: &str = "jane.doe@example.com";

/// Both, behind the same load balancer, with the same catalog, by the same settings.
pub struct Both {
    pub alb: MockAlb,
    pub stock: Stock,
    pub ours: Server,
}

/// Where a part is that may be missing.
pub enum CatalogIs {
    There,
    Away,
}

impl Both {
    pub async fn start(catalog: CatalogIs) -> Self {
        let alb = MockAlb::new().serve().await;
        let keys = alb.config().key_endpoints()[0].to_string();
        let away = format!("http://127.0.0.1:{}/api/catalog", free_port());
        let (plugins, discovery) = match catalog {
            CatalogIs::There => ("catalog,auth,whoami", json!({})),
            CatalogIs::Away => ("auth", json!({ "endpoints": [{ "target": away, "plugins": ["catalog"] }] })),
        };
        let awsalb = json!({
            "issuer": alb.issuer(),
            "signer": alb.signer(),
            "region": alb.signer().split(':').nth(3),
            "signIn": { "resolvers": [
                { "resolver": "emailMatchingUserEntityProfileEmail" },
                { "resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["example.com"] },
            ] },
            // What ours reads in addition.
            "clientIds": [alb.client_id()],
            "keyEndpoint": keys,
            "sessionCookieName": "AWSELBAuthSessionCookie",
            "exposeAccessToken": false,
            "requireVerifiedEmail": false,
        });
        let settings = json!({ "discovery": discovery, "auth": { "providers": { "awsalb": awsalb, "guest": {} } } });
        let file = AppConfig::from_text("app-config.yaml", &settings.to_string(), |_| None).expect("a sound file");
        let stock = Stock::start(plugins, settings, Some(&keys)).await;

        let place = Place::take().await;
        let catalog = match catalog {
            CatalogIs::There => Catalog::at(format!("{}/api/catalog", stock.url)),
            CatalogIs::Away => Catalog::at(away),
        };
        let catalog = catalog.token(EXTERNAL_TOKEN).build().expect("sound");
        let config = file.alb_auth_in_catalog(&catalog).and_then(|builder| builder.build()).expect("sound");
        let tokens = TokenIssuer::builder(format!("{}/api/auth", place.url)).build().expect("sound");
        let (routes, _asked) = auth_backend(config, tokens);
        Self { ours: place.serve(routes), alb, stock }
    }

    /// What a load balancer sends on for Jane.
    pub fn jane(&self) -> Ask {
        self.user(EMAIL)
    }

    pub fn user(&self, email: &str) -> Ask {
        self.of(&User::jane().claim("email", email))
    }

    pub fn of(&self, user: &User) -> Ask {
        let headers = self.alb.request(REFRESH).user(user).body(()).into_parts().0.headers;
        Ask { method: Method::GET, path: REFRESH.to_owned(), headers }
    }

    /// Jane, by another token.
    pub fn token(&self, change: impl FnOnce(TokenBuilder<'_>) -> TokenBuilder<'_>) -> Ask {
        let token = change(self.alb.token(&User::jane().claim("email", EMAIL))).sign();
        self.jane().with("x-amzn-oidc-data", &token)
    }

    pub async fn answers(&self, ask: &Ask) -> [Answer; 2] {
        [ask.of(&self.stock.url).await, ask.of(&self.ours.url).await]
    }
}

#[derive(Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
}

impl Ask {
    pub fn path(path: &str) -> Self {
        Self { method: Method::GET, path: format!("/api/auth{path}"), headers: HeaderMap::new() }
    }

    pub fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    pub fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a value"));
        self
    }

    pub fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a value"));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub async fn of(&self, url: &str) -> Answer {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let request = client.request(self.method.clone(), format!("{url}{}", self.path)).headers(self.headers.clone());
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = serde_json::from_str(&answer.text().await.expect("a text")).unwrap_or(Value::Null);
        Answer { status, headers, body }
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The status, and the error's name where it is one.
    pub fn in_short(&self) -> String {
        match self.body["error"]["name"].as_str() {
            Some(name) => format!("{} {name}", self.status),
            None => self.status.to_string(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}
