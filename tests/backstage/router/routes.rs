//! Every route of the reference, to the byte.

use std::time::Duration;

use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower_alb_auth::{
    SignOut,
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::{MockAlb, User},
};

use crate::router::site::{Site, json, listen, said, shown};

#[tokio::test]
async fn a_session_is_as_the_stock_front_end_reads_it() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.refresh(&User::jane()).await), @r##"
    200
    cache-control: no-store
    content-length: 862
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"profile":{"email":"jane.doe@example.com","picture":"https://graph.microsoft.com/v1.0/me/photo/$value","displayName":"Jane Doe"},"providerInfo":{"expiresInSeconds":120},"backstageIdentity":{"id":"jane.doe","token":"<JWT>","identity":{"type":"user","userEntityRef":"user:default/jane.doe","ownershipEntityRefs":["user:default/jane.doe"]},"expiresInSeconds":3600}}
    "##);
}

#[tokio::test]
async fn s_41_the_provider_info_says_how_many_seconds_are_left() {
    let site = Site::new().await;
    let token = site.alb.sign(&User::jane());
    for (later, left) in [(0, 120), (3, 117), (117, 0), (20, 0)] {
        site.clock.advance(Duration::from_secs(later));
        let answer = site.call(site.request("/awsalb/refresh").token(&token)).await;
        assert_eq!(json(&answer)["providerInfo"]["expiresInSeconds"], left, "{answer:?}");
    }
}

#[tokio::test]
async fn method_query_slash_and_body_make_no_difference_to_a_session() {
    let site = Site::new().await;
    let usual = shown(&site.refresh(&User::jane()).await);
    for path in ["/awsalb/refresh/", "/awsalb/refresh?", "/awsalb/refresh?optional&scope=%2f&env=development"] {
        for method in [Method::GET, Method::POST] {
            let request = site.request(path).method(method).user(&User::jane());
            assert_eq!(shown(&site.call(request).await), usual, "{path}");
        }
    }
    let request = site.request("/awsalb/refresh").method(Method::HEAD).user(&User::jane());
    let head = shown(&site.call(request).await);
    assert_eq!(head.trim_end(), usual.split("\n\n").next().unwrap(), "HEAD has the headers, and no body");
}

#[tokio::test]
async fn a_refresh_sets_no_cookie() {
    let site = Site::new().await;
    for answer in [site.refresh(&User::jane()).await, site.get("/awsalb/refresh").await] {
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn without_a_sign_in_there_is_no_session() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.get("/awsalb/refresh?code=secret").await), @r##"
    401
    cache-control: no-store
    content-length: 181
    content-type: application/json; charset=utf-8
    vary: origin
    www-authenticate: AlbOidc
    x-content-type-options: nosniff

    {"error":{"name":"AuthenticationError","message":"This needs a sign-in through the load balancer."},"request":{"method":"GET","url":"/awsalb/refresh"},"response":{"statusCode":401}}
    "##);
}

#[tokio::test]
async fn there_is_nothing_to_start() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.get("/awsalb/start?env=production").await), @r##"
    501
    cache-control: no-store
    content-length: 196
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"NotImplementedError","message":"The load balancer signs users in; this route is not implemented."},"request":{"method":"GET","url":"/awsalb/start"},"response":{"statusCode":501}}
    "##);
    let frame = site.get("/awsalb/handler/frame").await;
    let post = site.call(site.request("/awsalb/handler/frame").method(Method::POST)).await;
    assert_eq!((frame.status.as_u16(), post.status.as_u16()), (501, 501));
}

#[tokio::test]
async fn signing_out_expires_the_session() {
    let site = Site::new().await;
    let answer = site.call(site.request("/awsalb/logout").method(Method::POST)).await;
    insta::assert_snapshot!(shown(&answer), @r##"
    204
    cache-control: no-store
    set-cookie: AWSALBAuthNonce=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly
    set-cookie: AWSELBAuthSessionCookie-0=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly
    set-cookie: AWSELBAuthSessionCookie-1=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly
    set-cookie: AWSELBAuthSessionCookie-2=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly
    set-cookie: AWSELBAuthSessionCookie-3=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly
    vary: origin
    "##);
}

#[tokio::test]
async fn signing_out_sends_the_browser_on() {
    let sign_out = SignOut::builder().cookie_name("portal").end_session("https://idp.example.com/logout").build();
    let site = Site::with(|auth| auth.sign_out(sign_out.expect("a sound configuration"))).await;
    let answer = site.call(site.request("/awsalb/logout/").method(Method::POST)).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("https://idp.example.com/logout")));
    assert!(answer.header("set-cookie").expect("a cookie").starts_with("portal-0=; Path=/; Expires="));
}

#[tokio::test]
async fn discovery_says_what_a_stock_backend_says() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.get("/.well-known/openid-configuration").await), @r##"
    200
    cache-control: public, max-age=5
    content-length: 675
    content-type: application/json; charset=utf-8
    etag: "skaW442uirBjtQOtSdYBv26RaSIQFbMFunB7fEyhUSw"
    vary: origin
    x-content-type-options: nosniff

    {"issuer":"https://backstage.example.com/api/auth","token_endpoint":"https://backstage.example.com/api/auth/v1/token","userinfo_endpoint":"https://backstage.example.com/api/auth/v1/userinfo","jwks_uri":"https://backstage.example.com/api/auth/.well-known/jwks.json","response_types_supported":["code","id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"],"scopes_supported":["openid"],"token_endpoint_auth_methods_supported":[],"claims_supported":["sub","ent"],"grant_types_supported":["authorization_code"],"authorization_endpoint":"https://backstage.example.com/api/auth/v1/authorize","code_challenge_methods_supported":["S256"]}
    "##);
}

#[tokio::test]
async fn a_provider_that_is_not_here_is_named() {
    let site = Site::new().await;
    insta::assert_snapshot!(shown(&site.get("/github/start?scope=x").await), @r##"
    404
    cache-control: no-store
    content-length: 156
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"NotFoundError","message":"Unknown auth provider 'github'"},"request":{"method":"GET","url":"/github/start"},"response":{"statusCode":404}}
    "##);
    for (path, message) in [
        ("/awsalb/unknown", "Unknown auth provider 'awsalb'"),
        ("/awsalb", "Unknown auth provider 'awsalb'"),
        ("/v1/token", "Unknown auth provider 'v1'"),
        ("/.well-known/other", "There is no such route."),
        ("/%3Cscript%3E/start", "There is no such route."),
        ("/a'b/start", "There is no such route."),
        ("", "There is no such route."),
    ] {
        let (status, name, sentence) = said(&site.get(path).await);
        assert_eq!((status, name.as_str(), sentence.as_str()), (404, "NotFoundError", message), "{path}");
    }
}

#[tokio::test]
async fn s_73_an_odd_path_is_an_unknown_one() {
    let site = Site::new().await;
    for path in [
        "//awsalb/refresh",
        "/awsalb//refresh",
        "/awsalb/refresh//",
        "/awsalb%2frefresh",
        "/awsalb/%72efresh",
        "/awsalb/refresh%00",
        "/awsalb/./refresh",
        "/awsalb/x/../refresh",
        "/awsalb/refresh;x",
        "/awsalb\\refresh",
        "/AWSALB/refresh",
        "/awsalb/refresh/x",
        "/awsalb/refresh.json",
    ] {
        let Ok(address) = format!("/api/auth{path}").parse::<http::Uri>() else { continue };
        let request = site.alb.request(&address.to_string()).user(&User::jane());
        assert_eq!(site.call(request).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_there_are() {
    let site = Site::new().await;
    let delete = site.call(site.request("/awsalb/refresh").method(Method::DELETE).user(&User::jane())).await;
    insta::assert_snapshot!(shown(&delete), @r##"
    405
    allow: GET,HEAD,POST
    cache-control: no-store
    content-length: 163
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"Error","message":"This route does not support this method."},"request":{"method":"DELETE","url":"/awsalb/refresh"},"response":{"statusCode":405}}
    "##);
    for (path, method, allow) in [
        ("/awsalb/logout", Method::GET, "POST"),
        ("/awsalb/start", Method::POST, "GET,HEAD"),
        ("/v1/userinfo", Method::POST, "GET,HEAD"),
        ("/guest/refresh", Method::PUT, "GET,HEAD,POST"),
        ("/awsalb/refresh", Method::OPTIONS, "GET,HEAD,POST"),
        ("/awsalb/refresh", Method::TRACE, "GET,HEAD,POST"),
    ] {
        let answer = site.call(site.request(path).method(method.clone()).user(&User::jane())).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!((answer.header("cache-control"), answer.header("set-cookie")), (Some("no-store"), None));
    }
}

#[tokio::test]
async fn a_request_s_body_is_not_waited_for() {
    let alb = MockAlb::new();
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
    let auth = BackstageAuth::builder(alb.layer().handle(), tokens).build().unwrap();
    let mut stream = TcpStream::connect(listen(router(auth)).await).await.unwrap();
    let token = alb.sign(&User::jane());
    let head = "POST /awsalb/refresh HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000000\r\nx-amzn-oidc-data: ";
    stream.write_all(format!("{head}{token}\r\n\r\n{{").as_bytes()).await.unwrap();
    let mut status = [0; 15];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");
}
