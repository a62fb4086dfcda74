//! What users and other sites may try, through the whole service.

use serde_json::{Value, json};
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{service::settings::folder_with, support::backstage_auth::Service};

/// The service and the load balancer that it trusts, which here signs whatever a test wants.
struct Trusting {
    alb: MockAlb,
    service: Service,
    _folder: tempfile::TempDir,
}

impl Trusting {
    async fn start() -> Self {
        let alb = MockAlb::new().serve().await;
        let config = alb.config();
        let keys = config.key_endpoints().first().expect("an endpoint").to_string();
        let (issuer, signer, client_id) = (alb.issuer(), alb.signer(), alb.client_id());
        let folder = folder_with(&format!(
            "\
app:
  baseUrl: https://backstage.example.com
backend:
  baseUrl: https://backstage.example.com
auth:
  providers:
    awsalb:
      issuer: {issuer}
      signer: {signer}
      clientIds: [{client_id}]
      keyEndpoint: {keys}
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
            dangerouslyAllowSignInWithoutUserInCatalog: true
"
        ));
        let service = Service::start(folder.path(), &["--without-catalog", "--listen", "127.0.0.1:0"]);
        Self { alb, service, _folder: folder }
    }

    /// The session of the user of this token, with these additional headers.
    async fn ask(&self, token: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = reqwest::Client::new().get(self.service.at("/api/auth/awsalb/refresh"));
        for (name, value) in headers.iter().chain([&("x-amzn-oidc-data", token)]) {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        assert!(answer.headers().get("access-control-allow-origin").is_none_or(|origin| origin != "*"));
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn who(&self, user: &User) -> (u16, Value) {
        let (status, session) = self.ask(&self.alb.sign(user), &[]).await;
        (status, session["backstageIdentity"]["identity"]["userEntityRef"].clone())
    }
}

fn with_email(email: impl Into<Value>) -> User {
    User::jane().claim("email", email)
}

#[tokio::test]
async fn s_53_s_54_s_56_s_57_no_unusual_address_becomes_anybody() {
    let service = Trusting::start().await;
    assert_eq!(service.who(&with_email("jane.doe@example.com")).await, (200, json!("user:default/jane.doe")));
    for email in [
        "group:default/admins@example.com",
        "a/b@example.com",
        "..@example.com",
        "a%2fb@example.com",
        "@example.com",
        "-a@example.com",
        "a@evil.example@example.com",
        "a@notexample.com",
        "a@sub.example.com",
        "a@example.com.",
        "\"a@example.com\"@evil.example",
        "m\u{131}ke@example.com",
        "\u{430}dmin@example.com",
        "jane@\u{212a}example.com",
        "victim+x@example.com",
    ] {
        assert_eq!(service.who(&with_email(email)).await, (403, Value::Null), "{email}");
    }
}

#[tokio::test]
async fn s_55_an_address_that_is_not_verified_is_refused() {
    let service = Trusting::start().await;
    for verified in [json!(true), json!("true")] {
        let (status, _) = service.who(&User::jane().claim("email_verified", verified.clone())).await;
        assert_eq!(status, 200, "{verified}");
    }
    assert_eq!(service.who(&User::jane().without("email_verified")).await.0, 200);
    for not in [json!(false), json!("false"), json!(1), json!("TRUE "), Value::Null] {
        let (status, _) = service.who(&User::jane().claim("email_verified", not.clone())).await;
        assert_eq!(status, 403, "{not}");
    }
}

#[tokio::test]
async fn s_58_the_access_token_says_nothing() {
    let service = Trusting::start().await;
    // {"alg":"none"} and {"name":"Mallory","email":"admin@example.com"}
    let forged = "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiTWFsbG9yeSIsImVtYWlsIjoiYWRtaW5AZXhhbXBsZS5jb20ifQ.";
    let (status, session) = service.ask(&service.alb.sign(&User::jane()), &[("x-amzn-oidc-accesstoken", forged)]).await;
    assert_eq!((status, &session["profile"]["displayName"]), (200, &json!("Jane Doe")));
    assert!(!session.to_string().contains("Mallory") && !session.to_string().contains("eyJhbGciOiJub25lIn0"));
}

#[tokio::test]
async fn s_68_pages_of_another_site_get_nothing() {
    let service = Trusting::start().await;
    let token = service.alb.sign(&User::jane());
    for (headers, status) in [
        (&[("origin", "https://backstage.example.com")][..], 200),
        (&[("sec-fetch-site", "same-origin"), ("x-requested-with", "XMLHttpRequest")], 200),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
    ] {
        assert_eq!(service.ask(&token, headers).await.0, status, "{headers:?}");
    }
    let preflight = reqwest::Client::new()
        .request("OPTIONS".parse().unwrap(), service.service.at("/api/auth/awsalb/refresh"))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET");
    let preflight = preflight.send().await.expect("an answer");
    assert!(preflight.headers().get("access-control-allow-origin").is_none(), "{preflight:?}");
}

#[tokio::test]
async fn s_24_s_75_a_stranger_is_refused_and_learns_nothing() {
    let service = Trusting::start().await;
    let another = MockAlb::with_keys_of(&service.alb);
    let (status, answer) = service.ask(&another.sign(&User::jane()), &[]).await;
    assert_eq!((status, &answer["error"]["name"]), (401, &json!("AuthenticationError")));
    let (status, guest) =
        service.ask(&service.alb.sign(&User::entra("guest").claim("email", "guest@partner.example")), &[]).await;
    assert_eq!((status, &guest["error"]["name"]), (403, &json!("NotAllowedError")));
    for told in [answer.to_string(), guest.to_string()] {
        for word in ["partner.example", "signer", "arn:", "example.com"] {
            assert!(!told.contains(word), "{told}");
        }
    }
    // The operator reads what was expected and what was found.
    let log = service.service.wait_until_it_logs(another.signer());
    assert!(log.contains(service.alb.signer()), "{log}");
}

/// An auth backend is sent nothing long; what is behind it may be.
#[tokio::test]
async fn long_bodies_are_refused_by_the_auth_backend_alone() {
    use axum::{Router, routing::post};

    let count =
        post(async |body: axum::body::Bytes| body.len().to_string()).layer(axum::extract::DefaultBodyLimit::disable());
    let upstream = crate::service::upstream::serve(Router::new().route("/api/{*path}", count)).await;
    let folder = folder_with(crate::service::settings::SOUND);
    let arguments = ["--without-catalog", "--upstream", &upstream, "--listen", "127.0.0.1:0"];
    let service = Service::start(folder.path(), &arguments);
    let send = |path: &str| reqwest::Client::new().post(service.at(path)).body(vec![7; 1024 * 1024]).send();
    assert_eq!(send("/api/auth/github/refresh").await.expect("an answer").status(), 413);
    let passed = send("/api/techdocs/upload").await.expect("an answer");
    assert_eq!(passed.text().await.expect("a text"), (1024 * 1024).to_string());
}
