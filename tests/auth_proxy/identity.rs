//! Identity headers: those of clients never reach the service, those of the user do.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower_alb_auth::test_util::User;

use crate::site::{LONG, Site, status};

/// Names that services read as a user, in the spellings that servers fold together.
pub fn spellings() -> Vec<String> {
    let names = ["X-Forwarded-User", "X-WEBAUTH-USER", "Remote-User", "X-Auth-Request-Email", "X-Remote-Groups"];
    let mut spellings: Vec<String> = names.into_iter().flat_map(spellings_of).collect();
    spellings.extend(
        [
            "X-Amzn-Oidc-Identity",
            "x_amzn_oidc_identity",
            "x_amzn_oidc_data",
            "X-Amzn_Oidc-Data",
            "x.amzn.oidc.data",
            "x-amzn.oidc-identity",
            "x!amzn~oidc|accesstoken",
            "x-amzn-oidc-accesstoken",
            "X-Forwarded-Email",
            "X-Forwarded-Preferred-Username",
            "X-Forwarded-Groups",
            "Cf-Access-Authenticated-User-Email",
            "X-Goog-Authenticated-User-Email",
            "X-MS-CLIENT-PRINCIPAL-NAME",
            "Tailscale-User-Login",
            "kubeflow-userid",
            "OIDC_CLAIM_sub",
            "Oidc-Claim-Email",
            "X-Consumer-Username",
            "X-Credential-Identifier",
            "X-User-Info",
            "X-Forwarded-Client-Cert",
            "X-SSL-Client-S-DN",
            "SSL_CLIENT_VERIFY",
            "X-Amzn-Mtls-Clientcert-Subject",
            "x_amzn_mtls_clientcert",
        ]
        .map(str::to_owned),
    );
    spellings
}

/// This name, in the same way.
fn spellings_of(name: &str) -> Vec<String> {
    let mixed = name.replacen('-', "_", 1);
    let folded = ['_', '.', '~', '!', '+', '|'].map(|other| name.replace('-', &other.to_string()));
    [name.to_owned(), name.to_lowercase(), name.to_uppercase(), mixed].into_iter().chain(folded).collect()
}

/// With a name that the operator sets.
fn spellings_with_team() -> Vec<String> {
    let mut spellings = spellings();
    spellings.extend(spellings_of("X-Team"));
    spellings
}

/// S-94. The marker is the value, so a spelling that this test does not know of would be found too.
#[tokio::test]
async fn s_94_identity_headers_of_a_client_never_reach_the_service() {
    let site = Site::with(
        "headers: { X-Team: 'team-{email}' }\nrules: [{ path: /public/*, access: optional }]\nexempt: [/healthz]\n",
    )
    .await;
    let spellings = spellings_with_team();
    assert!(spellings.len() >= 40, "{}", spellings.len());
    let token = site.token();
    for name in &spellings {
        let forged = format!("{name}: forged-admin\r\n{name}: forged-twice\r\n");
        let is_of_alb = name.to_lowercase() == "x-amzn-oidc-identity";
        for (path, lines) in [
            ("/page", format!("x-amzn-oidc-data: {token}\r\n{forged}")),
            ("/public/page", forged.clone()),
            ("/healthz", forged.clone()),
        ] {
            let response = site.get(path, &lines).await;
            if path == "/page" && is_of_alb {
                // An identity that is not the signed subject.
                assert_eq!((status(&response), site.log.take().len()), (401, 0), "{name}");
                continue;
            }
            assert_eq!(status(&response), 200, "{name} {path}: {response}");
            let seen = site.log.only();
            let found: Vec<_> =
                seen.headers.iter().filter(|(_, value)| value.as_bytes().starts_with(b"forged")).collect();
            assert!(found.is_empty(), "{name} {path}: {found:?}");
            let team = seen.headers.get("x-team").map(|value| value.to_str().expect("ASCII"));
            assert_eq!(team, (path == "/page").then_some("team-jane.doe@example.com"), "{name} {path}");
        }
    }
}

/// AWS documents that a load balancer with mutual TLS sets them, and not what becomes of a client's own.
#[tokio::test]
async fn s_94_the_certificate_headers_of_a_load_balancer_are_kept_where_it_is_set() {
    for (lines, kept) in [("", false), ("keep_alb_headers: true\n", true)] {
        let site = Site::with(lines).await;
        let forged = format!(
            "x-amzn-oidc-data: {}\r\nX-Amzn-Mtls-Clientcert-Subject: CN=client\r\nX_Amzn_Mtls_Clientcert: forged\r\n\
             X-Amzn-Mtls-Other: forged\r\nX-SSL-Client-DN: forged\r\n",
            site.token()
        );
        assert_eq!(status(&site.get("/page", &forged).await), 200);
        let seen = site.log.only();
        assert_eq!(seen.headers.get("x-amzn-mtls-clientcert-subject").is_some(), kept, "{:?}", seen.headers);
        assert!(!seen.headers.values().any(|value| value == "forged"), "{:?}", seen.headers);
    }
}

/// Over HTTP/2 at the client's side, at the service's side, and at both.
#[tokio::test]
async fn s_94_nor_over_http_2() {
    let http1 = crate::site::client();
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let rules = "headers: { X-Team: 'team-{email}' }\nrules: [{ path: /public/*, access: optional }]\n";
    for (client, protocol) in [(&http2, "http1"), (&http2, "http2"), (&http1, "http2")] {
        let site = Site::with(&format!("{rules}upstream_protocol: {protocol}\n")).await;
        let token = site.token();
        for name in spellings_with_team().into_iter().filter(|name| !name.eq_ignore_ascii_case("x-amzn-oidc-identity"))
        {
            for (path, is_signed_in) in [("/page", true), ("/public/page", false)] {
                let mut request =
                    client.get(site.url(path)).header(&name, "forged-admin").header(&name, "forged-twice");
                if is_signed_in {
                    request = request.header("x-amzn-oidc-data", &token);
                }
                assert_eq!(request.send().await.expect("a response").status(), 200, "{name} {path}");
                let seen = site.log.only();
                let has_forged = seen.headers.values().any(|value| value.as_bytes().starts_with(b"forged"));
                assert!(!has_forged, "{name} {path} {protocol}: {:?}", seen.headers);
                let team = seen.headers.get("x-team").map(|value| value.to_str().expect("ASCII"));
                assert_eq!(team, is_signed_in.then_some("team-jane.doe@example.com"), "{name} {path}");
            }
        }
    }
}

#[tokio::test]
async fn s_94_nor_by_trailers_or_by_the_header_connection() {
    let site = Site::with("profile: grafana\n").await;
    let token = site.token();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: app.example.com\r\nconnection: close, x-webauth-user, x-webauth-email, x-forwarded-host\r\n\
         x-amzn-oidc-data: {token}\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         4\r\nbody\r\n0\r\nx-sum: 7\r\nx-webauth-user: forged\r\nx_forwarded_user: forged\r\nx-amzn-oidc-data: forged\r\n\r\n"
    );
    let response = site.raw(&request).await;
    assert_eq!(status(&response), 200, "{response}");
    let seen = site.log.only();
    assert_eq!(seen.headers["x-webauth-user"], "jane.doe@example.com", "Connection must not remove it");
    assert_eq!(seen.headers["x-forwarded-host"], "app.example.com");
    assert_eq!(seen.trailers.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["x-sum"]);
    assert_eq!(seen.body, b"body");
}

#[tokio::test]
async fn s_95_a_service_cannot_set_what_only_the_proxy_and_the_load_balancer_set() {
    let site = Site::with("profile: grafana\n").await;
    let response = site.get("/", &format!("x-amzn-oidc-data: {}\r\n", site.token())).await;
    assert_eq!(status(&response), 200);
    assert!(response.ends_with("from the service") && !response.contains("forged"), "{response}");
}

#[tokio::test]
async fn s_96_a_claim_that_does_not_fit_into_a_header_is_refused_and_not_changed() {
    let lines =
        "headers: { X-Team: '{team}', X-Name: '{name?|percent}', X-Groups: '{groups?}', X-Who: '{entity.name}' }\n";
    let site = Site::with(lines).await;
    let jane = || User::jane().claim("team", "red");
    let of_user = async |user: User| {
        let token = site.alb.sign(&user);
        let response = site.get("/", &format!("x-amzn-oidc-data: {token}\r\n")).await;
        (status(&response), site.log.take().pop())
    };
    let (code, seen) = of_user(jane().claim("name", "J\u{e4}ne, D\u{f6}e").claim("groups", ["a", "b"])).await;
    let seen = seen.expect("a request");
    assert_eq!(code, 200);
    for (name, value) in
        [("x-team", "red"), ("x-name", "J%C3%A4ne%2C%20D%C3%B6e"), ("x-groups", "a,b"), ("x-who", "jane.doe")]
    {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    let (_, seen) = of_user(jane().without("name")).await;
    assert!(!seen.expect("a request").headers.contains_key("x-name"), "it may be missing");
    for (what, user) in [
        ("missing", User::jane()),
        ("empty", jane().claim("team", "")),
        ("null", jane().claim("team", serde_json::Value::Null)),
        ("a number", jane().claim("team", 7)),
        ("a line end", jane().claim("team", "red\r\nx-webauth-user: admin")),
        ("a tab", jane().claim("team", "red\tblue")),
        ("not ASCII", jane().claim("team", "r\u{e9}d")),
        ("a space at the end", jane().claim("team", "red ")),
        ("a space before", jane().claim("team", " red")),
        ("too long", jane().claim("team", "r".repeat(5_000))),
        ("a comma in a list of one", jane().claim("groups", ["a,admins"])),
        ("a comma in a list", jane().claim("groups", ["a,admins", "b"])),
        ("a number in a list", jane().claim("groups", serde_json::json!(["a", 1]))),
    ] {
        let (code, seen) = of_user(user).await;
        assert_eq!((code, seen.is_none()), (403, true), "{what}");
    }
}

/// Otherwise a user could choose the email of another one at a provider that does not verify it.
#[tokio::test]
async fn s_96_an_unverified_email_is_no_header() {
    let alb_lines = "profile: grafana\n";
    let site = Site::with(alb_lines).await;
    let token = site.alb.sign(&User::jane().claim("email_verified", false));
    let response = site.get("/", &format!("x-amzn-oidc-data: {token}\r\n")).await;
    assert_eq!((status(&response), site.log.take().len()), (403, 0));
}

#[tokio::test]
async fn the_service_sees_the_forwarding_headers_of_the_load_balancer() {
    let site = Site::with("keep_alb_headers: true\n").await;
    let token = site.token();
    let lines = format!(
        "x-amzn-oidc-data: {token}\r\nx-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\nx-forwarded-port: 443\r\n\
         x-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\nx-original-url: /admin\r\nx-rewrite-url: /admin\r\n\
         authorization: Basic YTpi\r\ncookie: a=b\r\n"
    );
    assert_eq!(status(&site.get("/a%2Fb?c=d&e", &lines).await), 200);
    let seen = site.log.only();
    assert_eq!(seen.uri.to_string(), "/a%2Fb?c=d&e");
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-host", "app.example.com"),
        ("host", "app.example.com"),
        ("authorization", "Basic YTpi"),
        ("cookie", "a=b"),
        ("x-amzn-oidc-data", token.as_str()),
    ] {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    for name in ["forwarded", "x-original-url", "x-rewrite-url", "connection"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}

/// A connection is not bound to a user: two tokens on one connection are two users.
#[tokio::test]
async fn each_request_of_a_connection_has_its_own_user() {
    let site = Site::with("profile: grafana\n").await;
    let mut stream = tokio::net::TcpStream::connect(site.address).await.expect("a connection");
    for (user, code) in [(Some("jane.doe"), "200"), (None, "401"), (Some("amy.pond"), "200")] {
        let line =
            user.map(|user| format!("x-amzn-oidc-data: {}\r\n", site.alb.sign(&User::entra(user)))).unwrap_or_default();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{line}\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut response = String::new();
        while !response.ends_with("from the service") && !response.ends_with(".\n") {
            let mut some = vec![0; 4096];
            let read = tokio::time::timeout(LONG, stream.read(&mut some)).await.expect("in time").expect("bytes");
            assert!(read > 0, "{user:?}: {response}");
            response.push_str(&String::from_utf8_lossy(&some[..read]));
        }
        assert!(response.starts_with(&format!("HTTP/1.1 {code}")), "{user:?}: {response}");
        if let Some(user) = user {
            assert_eq!(site.log.only().headers["x-webauth-user"], format!("{user}@example.com"));
        }
    }
}
