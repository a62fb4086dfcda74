//! WebSockets and server-sent events, which last longer than the token of their request.
//!
//! ```text
//! cargo run --example long_connections --all-features            # opens both, prints the results, and keeps serving
//! cargo run --example long_connections --all-features -- --check # the same, and fails if they do not end in time
//! ```
//!
//! A load balancer checks the session only when a connection is opened: a user who signs out or is off-boarded keeps the
//! connection. So the application ends it, and the client opens a new one, which the load balancer checks.

mod support;

use std::{convert::Infallible, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    http::{HeaderMap, StatusCode, Uri, header},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::get,
};
use futures::{Stream, StreamExt, stream};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower_alb_auth::{
    BackstageIdentity, Claims,
    test_util::{MockAlb, User},
};

/// The latest end of a connection of this user: the expiry of its token, 120 s after the load balancer signed it.
///
/// That is strict: a client reconnects every two minutes. An application may allow a longer time, such as an hour, if a user who
/// signed out may stay connected for that long. The token limits a single request only.
fn ends_at(claims: &Claims) -> Instant {
    let left = claims.token_expires_at().duration_since(std::time::SystemTime::now()).unwrap_or_default();
    Instant::now() + left
}

async fn chat(user: BackstageIdentity, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    if !is_of_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let ends_at = ends_at(user.claims());
    upgrade.on_upgrade(move |socket| converse(socket, user, ends_at))
}

/// Whether a page of this host, or a client other than a browser, opens the WebSocket. A browser sends the session's cookie
/// for pages of any site, and CORS does not apply to WebSockets: without this check, another site could act as the user.
fn is_of_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some() && host == origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str())
}

/// Echoes until the client closes or the time is over, and then sends the reason.
async fn converse(mut socket: WebSocket, user: BackstageIdentity, ends_at: Instant) {
    let talk = async {
        while let Some(Ok(message)) = socket.recv().await {
            let Message::Text(text) = message else { continue };
            let answer = format!("{} said {text}", user.user_entity_ref());
            if socket.send(Message::Text(answer.into())).await.is_err() {
                break;
            }
        }
    };
    if timeout_at(ends_at, talk).await.is_err() {
        let frame = CloseFrame { code: close_code::POLICY, reason: "the token expired; connect again".into() };
        let _ = socket.send(Message::Close(Some(frame))).await;
    }
}

/// Counts until the time is over. A browser's `EventSource` connects again by itself; if the session has ended, the load
/// balancer responds with 401 or a redirect to the provider, which ends it.
async fn events(claims: Claims) -> impl IntoResponse {
    let ticks = stream::unfold(0, |count| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((Ok::<_, Infallible>(Event::default().data(count.to_string())), count + 1))
    });
    Sse::new(until(ends_at(&claims), ticks))
}

fn until<S: Stream>(ends_at: Instant, stream: S) -> impl Stream<Item = S::Item> {
    stream.take_until(tokio::time::sleep_until(ends_at))
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    let alb = MockAlb::new();
    let app = Router::new().route("/chat", get(chat)).route("/events", get(events)).layer(alb.layer());
    let listener = support::listen().await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    println!("The application is at http://{address}: /chat, /events\n");

    // As a load balancer forwards them, but with a token that expires after four seconds instead of 120.
    let token = alb.token(&User::jane()).expires_at(alb.unix_now() + 4).sign();
    let (chat, events) = (format!("ws://{address}/chat"), format!("http://{address}/events"));
    let both = async { tokio::try_join!(talk(&chat, &token), count(&events, &token)) };
    let ((said, code), counted) = tokio::time::timeout(Duration::from_secs(20), both).await??;

    let mut as_expected = true;
    let mut expect = |what, got: &str, expected| as_expected &= support::expect(what, got, expected);
    expect("Jane in the chat", &said, "user:default/jane.doe said hello");
    expect("the chat closes with code 1008, policy violation", &code, "1008");
    expect("events are sent until the token expires", if counted > 0 { "some" } else { "none" }, "some");
    expect("a chat without a user", &refused(opening(&chat, None)?).await, "401");
    let mut foreign = opening(&chat, Some(&alb.sign(&User::jane())))?;
    foreign.headers_mut().insert("origin", "https://evil.example".parse()?);
    expect("Jane's chat by a page of another site", &refused(foreign).await, "403");

    if support::check_only()? {
        return Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    support::until_ctrl_c().await
}

/// The request of a page of the application that opens a chat.
fn opening(url: &str, token: Option<&str>) -> Result<http::Request<()>, Box<dyn std::error::Error>> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("origin", url.replace("ws://", "http://").trim_end_matches("/chat").parse()?);
    if let Some(token) = token {
        request.headers_mut().insert("x-amzn-oidc-data", token.parse()?);
    }
    Ok(request)
}

/// The response of the chat to a greeting, and its close code.
async fn talk(url: &str, token: &str) -> Result<(String, String), Box<dyn std::error::Error>> {
    use futures::SinkExt as _;
    use tokio_tungstenite::tungstenite::Message;

    let (mut socket, _) = tokio_tungstenite::connect_async(opening(url, Some(token))?).await?;
    socket.send(Message::text("hello")).await?;
    let (mut said, mut code) = (String::new(), String::new());
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => said = text.to_string(),
            Message::Close(Some(frame)) => code = u16::from(frame.code).to_string(),
            _ => {}
        }
    }
    Ok((said, code))
}

/// The number of events before the stream ends.
async fn count(url: &str, token: &str) -> Result<usize, Box<dyn std::error::Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<String>();
    let request = http::Request::get(url).header("x-amzn-oidc-data", token).body(String::new())?;
    let body = client.request(request).await?.into_body().collect().await?.to_bytes();
    Ok(std::str::from_utf8(&body)?.matches("data: ").count())
}

/// The status of a chat that is not opened.
async fn refused(request: http::Request<()>) -> String {
    match tokio_tungstenite::connect_async(request).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => answer.status().as_str().to_owned(),
        other => format!("{other:?}"),
    }
}
