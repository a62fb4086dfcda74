//! Envoy's `ext_authz`: checks as Envoy sends them, over gRPC and HTTP. gateways.rs runs Envoy itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tonic::transport::Channel;
use tower_alb_auth::test_util::User;

use self::messages::{
    AttributeContext, AttributeRequest, CheckRequest, CheckResponse, HeaderMap, HeaderValue, HttpRequest, HttpResponse,
};
use crate::site::{Site, raw, status};

#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "../../src/auth_proxy/ext_authz/messages.rs"]
mod messages;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

const LINES: &str = "
ext_authz_listen: 127.0.0.1:0
ext_authz_http_listen: 127.0.0.1:0
headers: { X-Forwarded-User: '{email}', X-Groups: '{groups?}' }
exempt: [GET /healthz]
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// A connection to the port of gRPC.
pub struct Checks(tonic::client::Grpc<Channel>);

impl Checks {
    pub async fn at(site: &Site) -> Self {
        let address = site.proxy.addresses().ext_authz.expect("an address");
        let channel = Channel::from_shared(format!("http://{address}")).expect("an address");
        Self(tonic::client::Grpc::new(channel.connect().await.expect("a channel")))
    }

    async fn call(&mut self, path: &'static str, request: CheckRequest) -> Result<CheckResponse, tonic::Status> {
        self.0.ready().await.expect("ready");
        let path = http::uri::PathAndQuery::from_static(path);
        let codec = tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default();
        self.0.unary(tonic::Request::new(request), path, codec).await.map(tonic::Response::into_inner)
    }

    pub async fn admits(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        self.admits_described(described(method, path, headers)).await
    }

    /// As Envoy describes it with `encode_raw_headers`: names, values and their bytes. `joined` are headers in the other form.
    pub async fn admits_raw(
        &mut self,
        method: &str,
        path: &str,
        raw: &[(&str, &str, &[u8])],
        joined: &[(&str, &str)],
    ) -> bool {
        let header = |(key, value, raw_value): &(&str, &str, &[u8])| HeaderValue {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            raw_value: raw_value.to_vec(),
        };
        let header_map = Some(HeaderMap { headers: raw.iter().map(header).collect() });
        self.admits_described(HttpRequest { header_map, ..described(method, path, joined) }).await
    }

    pub async fn admits_at(&mut self, host: &str, headers: &[(&str, &str)]) -> bool {
        self.admits_described(HttpRequest { host: host.to_owned(), ..described("GET", "/page", headers) }).await
    }

    async fn admits_described(&mut self, described: HttpRequest) -> bool {
        let response = self.check(Some(described)).await;
        let admits = matches!(response.http_response, Some(HttpResponse::Ok(_)));
        assert_eq!(response.status.expect("a status").code == 0, admits);
        admits
    }

    /// The HTTP status that Envoy sends, or 200 where it passes the request on.
    pub async fn status(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let response = self.check(Some(described(method, path, headers))).await;
        match &response.http_response {
            Some(HttpResponse::Ok(ok)) => {
                assert_eq!(response.status.as_ref().expect("a status").code, 0, "{ok:?}");
                200
            }
            _ => denial(response).0.try_into().expect("a status"),
        }
    }

    async fn check(&mut self, http: Option<HttpRequest>) -> CheckResponse {
        let request = AttributeRequest { http };
        let attributes = Some(AttributeContext { request: Some(request) });
        self.call(CHECK, CheckRequest { attributes }).await.expect("a response")
    }
}

async fn check(site: &Site, http: Option<HttpRequest>) -> CheckResponse {
    Checks::at(site).await.check(http).await
}

fn described(method: &str, path: &str, headers: &[(&str, &str)]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let pseudo = [(":path", path), (":method", method)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        host: "app.example.com".to_owned(),
        headers: headers.chain(pseudo).collect::<HashMap<_, _>>(),
        header_map: None,
    }
}

/// The status of a denial, and the headers of it.
#[track_caller]
fn denial(response: CheckResponse) -> (i32, i32, BTreeMap<String, String>) {
    let code = response.status.expect("a status").code;
    assert_ne!(code, 0, "no code admits what is denied");
    let Some(HttpResponse::Denied(denied)) = response.http_response else { panic!("{:?}", response.http_response) };
    let headers = denied.headers.into_iter().filter_map(|option| option.header);
    (denied.status.expect("a status").code, code, headers.map(|header| (header.key, header.value)).collect())
}

/// What is set, and what is removed.
#[track_caller]
fn admission(response: &CheckResponse) -> (BTreeMap<String, String>, BTreeSet<String>) {
    assert_eq!(response.status.as_ref().expect("a status").code, 0, "{response:?}");
    let Some(HttpResponse::Ok(ok)) = &response.http_response else { panic!("{:?}", response.http_response) };
    let set = ok.headers.iter().map(|option| {
        assert_eq!(option.append_action, messages::AppendAction::OverwriteIfExistsOrAdd as i32);
        let header = option.header.clone().expect("a header");
        (header.key, header.value)
    });
    (set.collect(), ok.headers_to_remove.iter().cloned().collect())
}

#[tokio::test]
async fn s_107_a_check_admits_by_a_good_token_and_edits_the_headers() {
    let site = Site::with(LINES).await;
    let token = site.token();
    let forged = [
        ("x-amzn-oidc-data", token.as_str()),
        ("x-amzn-oidc-accesstoken", "a"),
        ("x_amzn_oidc_identity", "admin"),
        ("x-forwarded-user", "admin"),
        ("x_forwarded_user", "admin"),
        ("x-groups", "admin"),
        ("remote-user", "admin"),
        ("x-original-url", "/admin/x"),
        ("cookie", "a=b"),
        ("authorization", "Bearer a"),
    ];
    let response = check(&site, Some(described("GET", "/page?x=1", &forged))).await;
    let (set, removed) = admission(&response);
    assert_eq!(set, BTreeMap::from([("x-forwarded-user".to_owned(), "jane.doe@example.com".to_owned())]));
    let expected = [
        "remote-user",
        "x-amzn-oidc-accesstoken",
        "x-amzn-oidc-data",
        "x-groups",
        "x-original-url",
        "x_amzn_oidc_identity",
        "x_forwarded_user",
    ];
    assert_eq!(removed, expected.map(str::to_owned).into());
    let metadata = response.dynamic_metadata.expect("metadata").fields;
    assert_eq!(metadata["entity"].text.as_deref(), Some("user:default/jane.doe"));
    assert_eq!(metadata["issuer"].text.as_deref(), Some(site.alb.issuer()));
    assert!(metadata["subject"].text.is_some());

    // Without a user on an optional path: everything is removed, nothing is set.
    let response = check(&site, Some(described("GET", "/public/x", &forged[1..]))).await;
    let (set, removed) = admission(&response);
    assert_eq!(set, BTreeMap::new());
    assert!(removed.contains("x-forwarded-user") && !removed.contains("cookie"), "{removed:?}");
    assert_eq!(response.dynamic_metadata, None);
}

/// Envoy passes them on otherwise. Those of the load balancer stay.
#[tokio::test]
async fn s_220_other_spellings_of_headers_that_frame_a_request_are_named_to_envoy() {
    let site = Site::with(LINES).await;
    let sent = [
        ("content-length", "4"),
        ("content_length", "0"),
        ("transfer.encoding", "chunked"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x_forwarded_for", "192.0.2.1"),
    ];
    let response = check(&site, Some(described("GET", "/public/x", &sent))).await;
    let (_, removed) = admission(&response);
    assert_eq!(removed, ["content_length", "transfer.encoding", "x_forwarded_for"].map(str::to_owned).into());
}

#[tokio::test]
async fn s_107_whatever_else_a_check_contains_is_denied() {
    let site = Site::with(LINES).await;
    let token = site.token();
    let jane = [("x-amzn-oidc-data", token.as_str())];
    let invalid = format!("{token}x");
    let twice = format!("{token},{token}");
    for (what, http, expected) in [
        ("no request", None, 401),
        ("no headers", Some(HttpRequest::default()), 401),
        ("no token", Some(described("GET", "/page", &[])), 401),
        ("an invalid token", Some(described("GET", "/page", &[("x-amzn-oidc-data", &invalid)])), 401),
        ("an invalid token, optional", Some(described("GET", "/public/x", &[("x-amzn-oidc-data", &invalid)])), 401),
        ("two tokens", Some(described("GET", "/page", &[("x-amzn-oidc-data", &twice)])), 401),
        ("a requirement", Some(described("GET", "/admin/x", &jane)), 403),
        ("in other letters", Some(described("GET", "/ADMIN/x", &jane)), 403),
        ("by a dot segment", Some(described("GET", "/public/../admin/x", &jane)), 403),
        ("the path of a health check", Some(described("GET", "/.alb-auth-proxy/live", &[])), 401),
        ("another method", Some(described("POST", "/healthz", &[])), 401),
        ("no path", Some(described("GET", "", &jane)), 403),
        ("no method", Some(described("", "/page", &jane)), 403),
        ("an absolute path", Some(described("GET", "http://a/public/x", &[])), 401),
        ("a gRPC call", Some(described("POST", "/page", &[("content-type", "application/grpc")])), 401),
    ] {
        let (http, code, headers) = denial(check(&site, http).await);
        assert_eq!(http, expected, "{what}");
        assert_eq!(code, if expected == 401 { 16 } else { 7 }, "{what}");
        assert_eq!(headers.get("cache-control").map(String::as_str), Some("no-store"), "{what}");
        assert_eq!(headers.contains_key("www-authenticate"), expected == 401, "{what}");
        assert_eq!(headers.get("grpc-status").map(String::as_str), (what == "a gRPC call").then_some("16"), "{what}");
    }
    let attributes = Some(AttributeContext::default());
    for request in [CheckRequest::default(), CheckRequest { attributes }] {
        let response = Checks::at(&site).await.call(CHECK, request).await.expect("a response");
        assert_eq!(denial(response).0, 401);
    }
    let (set, _) = admission(&check(&site, Some(described("GET", "/healthz", &[]))).await);
    assert!(set.is_empty(), "an exempt path");
}

/// Envoy with `encode_raw_headers`: each value by itself.
#[tokio::test]
async fn s_107_two_tokens_in_raw_headers_are_denied() {
    let site = Site::with(LINES).await;
    let raw = |tokens: usize| {
        let header = |_| HeaderValue {
            key: "x-amzn-oidc-data".to_owned(),
            value: String::new(),
            raw_value: site.token().into_bytes(),
        };
        let header_map = Some(HeaderMap { headers: (0..tokens).map(header).collect() });
        Some(HttpRequest { header_map, ..described("GET", "/page", &[]) })
    };
    admission(&check(&site, raw(1)).await);
    assert_eq!(denial(check(&site, raw(2)).await).0, 401);
}

/// A header whose value no HTTP library accepts is removed all the same, and too many headers are no request.
#[tokio::test]
async fn s_107_headers_that_cannot_be_read_are_not_left_to_envoy() {
    let site = Site::with(LINES).await;
    let token = site.token();
    let odd = [("x-amzn-oidc-data", token.as_str()), ("x_forwarded_user", "ad\u{1}min")];
    let (_, removed) = admission(&check(&site, Some(described("GET", "/page", &odd))).await);
    assert!(removed.contains("x_forwarded_user"), "{removed:?}");
    let odd = [("x-amzn-oidc-data", "\u{1}")];
    assert_eq!(denial(check(&site, Some(described("GET", "/public/x", &odd))).await).0, 401);
    let header = |number: usize| (format!("x-{number}"), String::new());
    let mut many = described("GET", "/healthz", &[]);
    many.headers.extend((0..40_000).map(header));
    assert_eq!(denial(check(&site, Some(many)).await).0, 401);
}

#[tokio::test]
async fn s_107_the_port_of_grpc_has_one_method() {
    let site = Site::with(LINES).await;
    let mut checks = Checks::at(&site).await;
    let error = checks.call("/envoy.service.auth.v2.Authorization/Check", CheckRequest::default()).await;
    assert_eq!(error.expect_err("no such method").code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn s_107_over_http_the_query_is_the_request_and_names_what_to_remove() {
    let site = Site::with(LINES).await;
    let address = site.proxy.addresses().ext_authz_http.expect("an address");
    let ask = async |method: &str, path: &str, lines: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{lines}\r\n");
        raw(address, request.as_bytes()).await
    };
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    let admin = User::jane().claim("roles", ["admin"]);
    let admin = format!("x-amzn-oidc-data: {}\r\n", site.alb.sign(&admin));
    let forged = "x-forwarded-user: admin\r\nx_forwarded_user: admin\r\nx-forwarded-uri: /healthz\r\nx-forwarded-method: GET\r\n\
                  x-forwarded-host: a\r\nx-envoy-auth-headers-to-remove: cookie\r\n";
    for (method, path, lines, expected) in [
        ("GET", "/page", jane.clone(), 200),
        ("GET", "/page", format!("{jane}{forged}"), 200),
        ("GET", "/page", forged.to_owned(), 401),
        ("GET", "/healthz", forged.to_owned(), 200),
        ("POST", "/healthz", forged.to_owned(), 401),
        ("GET", "/public/x", forged.to_owned(), 200),
        ("GET", "/public/../admin/x", forged.to_owned(), 401),
        ("GET", "/admin/x", jane.clone(), 403),
        ("GET", "/ADMIN/x", format!("{jane}{forged}"), 403),
        ("GET", "/admin/x", admin.clone(), 200),
        ("GET", "/page", format!("{jane}host: other\r\n"), 403),
        ("GET", "/public/x", "host: other\r\n".to_owned(), 401),
        ("GET", "/.alb-auth-proxy/live", String::new(), 401),
        ("POST", "/envoy.service.auth.v3.Authorization/Check", "content-type: application/grpc\r\n".to_owned(), 401),
        ("OPTIONS", "/page", "origin: https://a.example\r\naccess-control-request-method: POST\r\n".to_owned(), 401),
    ] {
        let response = ask(method, path, &lines).await;
        assert_eq!(status(&response), expected, "{method} {path} {lines}: {response}");
    }
    let response = ask("GET", "/page", &format!("{jane}{forged}")).await;
    assert!(response.contains("\r\nx-forwarded-user: jane.doe@example.com\r\n"), "{response}");
    let removed =
        response.lines().find_map(|line| line.strip_prefix("x-envoy-auth-headers-to-remove: ")).expect("names");
    let removed: BTreeSet<&str> = removed.split(',').collect();
    assert_eq!(removed, ["x-amzn-oidc-data", "x-forwarded-host", "x-forwarded-uri", "x_forwarded_user"].into());
}
