//! A mock load balancer in front of an application: a reverse proxy that treats each request as an Application Load
//! Balancer with an `authenticate-oidc` rule does. It removes the `x-amzn-oidc-*` headers that a client sent, adds the three
//! headers of the signed-in user, with a new token, and forwards the request.
//!
//! Instead of a session it reads the cookie `user`, which names the signed-in user:
//!
//! | `user` | the application receives |
//! |---|---|
//! | `jane`, or no cookie | Jane Doe of `example.com` |
//! | `guest-of-partner` | a guest at the same provider, with an address of `partner.example` |
//! | `late-jane` | Jane, with a token that expired ten minutes ago, as in a replay |
//! | `signed-out` | no headers, as on a rule without an authenticate action |

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tower_alb_auth::test_util::{MockAlb, MockRequest, User};

#[derive(Clone)]
struct FrontDoor {
    alb: MockAlb,
    target: SocketAddr,
    client: Client<HttpConnector, Body>,
}

/// Serves the load balancer in front of the target until the process ends. Returns its URL.
pub fn open(listener: TcpListener, alb: &MockAlb, target: SocketAddr) -> std::io::Result<String> {
    let url = format!("http://{}", listener.local_addr()?);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let door = FrontDoor { alb: alb.clone(), target, client };
    let app = Router::new().fallback(forward).with_state(door);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

async fn forward(State(door): State<FrontDoor>, mut request: Request) -> Response {
    let signed = match signed_headers(&door.alb, cookie(&request, "user").unwrap_or("jane")) {
        Ok(signed) => signed,
        Err(message) => return (StatusCode::BAD_REQUEST, message).into_response(),
    };
    let oidc = |name: &&HeaderName| name.as_str().starts_with("x-amzn-oidc-");
    let sent_by_client: Vec<HeaderName> = request.headers().keys().filter(oidc).cloned().collect();
    for name in sent_by_client {
        request.headers_mut().remove(name);
    }
    request.headers_mut().extend(Request::<Body>::from(signed).into_parts().0.headers);

    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    match format!("http://{}{path}", door.target).parse() {
        Ok(address) => *request.uri_mut() = address,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    match door.client.request(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// A request with the headers of this user.
fn signed_headers<'a>(alb: &'a MockAlb, user: &str) -> Result<MockRequest<'a>, &'static str> {
    let request = alb.request("/");
    Ok(match user {
        "jane" => request.user(&User::jane()),
        "guest-of-partner" => request.user(&User::entra("guest").claim("email", "guest@partner.example")),
        "late-jane" => request.token(&alb.token(&User::jane()).expires_at(alb.unix_now() - 600).sign()),
        "signed-out" => request,
        _ => return Err("The cookie `user` must be one of: jane, guest-of-partner, late-jane, signed-out.\n"),
    })
}

fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let cookies = request.headers().get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))
}
