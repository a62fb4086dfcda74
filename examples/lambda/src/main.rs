//! An axum application as a Lambda function behind an Application Load Balancer, in the runtime of `lambda_http`.
//!
//! ```text
//! cargo build --release --manifest-path examples/lambda/Cargo.toml      # the file bootstrap for the runtime provided.al2023
//!
//! cargo run --manifest-path examples/lambda/Cargo.toml -- --check       # as Lambda runs it, with events of a mock load balancer
//! ```
//!
//! The function is configured by `ALB_AUTH_...`, as in the example axum. docs/DEPLOYING.md has the settings of its target group: with
//! `lambda.multi_value_headers.enabled` the layer sees a header that a client repeats, and without it the last value only.

use std::{
    collections::BTreeMap,
    error::Error,
    process::{ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity,
    test_util::{MockAlb, User},
};

/// For the start of the function and each of its responses.
const MAX_WAIT: Duration = Duration::from_secs(30);

async fn me(user: BackstageIdentity) -> String {
    format!("{}\n", user.user_entity_ref())
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    if std::env::args().any(|argument| argument == "--check") {
        return check().await;
    }
    let config = AlbAuthConfig::from_env()?;
    // Once an instance, not once a request: the layer holds the public keys.
    let application = Router::new().route("/me", get(me)).layer(AlbAuthLayer::new(config));
    lambda_http::run(application).await?;
    Ok(ExitCode::SUCCESS)
}

/// Lambda's side: the next event, the responses to them, and the public keys of the load balancer.
struct Lambda {
    events: Mutex<mpsc::Receiver<Value>>,
    responses: mpsc::Sender<Value>,
    pem: String,
}

async fn next(State(lambda): State<Arc<Lambda>>) -> Response {
    match lambda.events.lock().await.recv().await {
        Some(event) => {
            let headers = [
                ("lambda-runtime-aws-request-id", "event"),
                ("lambda-runtime-deadline-ms", "4102444800000"),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:function"),
            ];
            (headers, Json(event)).into_response()
        }
        None => StatusCode::GONE.into_response(),
    }
}

async fn responded(State(lambda): State<Arc<Lambda>>, body: Bytes) -> StatusCode {
    let response = serde_json::from_slice(&body).unwrap_or_else(|_| json!({ "notJson": body.len() }));
    let _ = lambda.responses.send(response).await;
    StatusCode::ACCEPTED
}

/// The event of a request for `/me`, with these values of `x-amzn-oidc-data`.
fn event(multi_value: bool, tokens: &[&str]) -> Value {
    let headers = [("host", vec!["function.example.com"]), ("x-amzn-oidc-data", tokens.to_vec())];
    let present = headers.into_iter().filter(|(_, values)| !values.is_empty());
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn":
            "arn:aws:elasticloadbalancing:eu-central-1:000000000000:targetgroup/function/0000000000000001" } },
        "httpMethod": "GET", "path": "/me", "body": "", "isBase64Encoded": false,
    });
    if multi_value {
        event["multiValueQueryStringParameters"] = json!({});
        event["multiValueHeaders"] = json!(present.collect::<BTreeMap<_, _>>());
    } else {
        event["queryStringParameters"] = json!({});
        // A load balancer keeps the last value only.
        event["headers"] =
            json!(present.map(|(name, values)| (name, values.last().copied())).collect::<BTreeMap<_, _>>());
    }
    event
}

/// Runs this program as Lambda does, and sends it the events of a load balancer.
async fn check() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let alb = MockAlb::new();
    let (send, events) = mpsc::channel(1);
    let (responses, mut receive) = mpsc::channel(1);
    let lambda = Arc::new(Lambda { events: Mutex::new(events), responses, pem: alb.public_key_pem() });
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(responded))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(responded))
        .fallback(async |State(lambda): State<Arc<Lambda>>| lambda.pem.clone())
        .with_state(lambda);
    let listener = tower_alb_auth::listen("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, api).await });
    let mut function = tokio::process::Command::new(std::env::current_exe()?)
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .envs([("AWS_LAMBDA_FUNCTION_NAME", "function"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .envs([("ALB_AUTH_SIGNERS", alb.signer()), ("ALB_AUTH_ISSUER", alb.issuer())])
        .envs([("ALB_AUTH_CLIENT_IDS", alb.client_id()), ("ALB_AUTH_EMAIL_DOMAINS", "example.com")])
        .env("ALB_AUTH_KEY_ENDPOINT", format!("http://{address}"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;

    let user = User::jane().claim("email_verified", true);
    let (jane, other) = (alb.sign(&user), MockAlb::new().sign(&user));
    let (jane, other) = (jane.as_str(), other.as_str());
    let (found, refused) = ("200 user:default/jane.doe", "401 This needs a sign-in through the load balancer.");
    let calls = [
        ("Jane, multi-value headers", true, vec![jane], found),
        ("no token, multi-value headers", true, vec![], refused),
        ("another signer's token in front of Jane's, multi-value headers", true, vec![other, jane], refused),
        ("another signer's token behind Jane's, multi-value headers", true, vec![jane, other], refused),
        ("Jane", false, vec![jane], found),
        ("another signer's token", false, vec![other], refused),
        // Not seen: a reason for the attribute lambda.multi_value_headers.enabled.
        ("another signer's token in front of Jane's", false, vec![other, jane], found),
    ];
    let mut all_expected = true;
    for (what, multi_value, tokens, expected) in calls {
        send.send(event(multi_value, &tokens)).await?;
        let response = tokio::select! {
            response = tokio::time::timeout(MAX_WAIT, receive.recv()) => response?.unwrap_or_default(),
            ended = function.wait() => return Err(format!("the function ended: {}", ended?).into()),
        };
        let body = response["body"].as_str().unwrap_or_default().trim_end();
        let got = format!("{} {body}", response["statusCode"]);
        let verdict = if got == expected { "ok" } else { "FAILED" };
        println!("{verdict:<6} {what}\n       {got}");
        if got != expected {
            println!("       expected: {expected}");
        }
        all_expected &= got == expected;
    }
    function.kill().await?;
    Ok(if all_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
