//! Backstage's auth backend as a small service: the provider `awsalb` for the stock front end and stock back ends, by the
//! settings in Backstage's own files.
//!
//! ```text
//! cargo run --example backstage_auth --features backstage,postgres -- --config app-config.yaml
//! cargo run --example backstage_auth --features backstage -- check --config app-config.yaml
//! cargo run --example backstage_auth --features backstage -- --help
//! ```
//!
//! | file | its role |
//! |---|---|
//! | `arguments.rs` | the command line |
//! | `settings.rs` | what the files say |
//! | `app.rs` | the routes, and what stands around them |
//! | `health.rs` | liveness and readiness |
//! | `front_end.rs` | a built front end |
//! | `serve.rs` | listening and ending |

mod app;
mod arguments;
mod front_end;
mod health;
mod serve;
mod settings;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthLayer, SignOut,
    backstage::{BackstageAuth, TokenIssuer, Upstream},
};
use tracing_subscriber::EnvFilter;

use crate::{
    app::Parts,
    arguments::{Arguments, Serve},
    health::Health,
    settings::Settings,
};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log("info");
    match serve(arguments.serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("backstage_auth: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Serve) -> Result<(), String> {
    let sentence = |error: tower_alb_auth::ConfigError| error.to_string();
    let settings = Settings::read(&arguments.files.paths()).map_err(sentence)?;
    let config = settings.files.alb_auth().and_then(|builder| builder.build()).map_err(sentence)?;
    let layer = AlbAuthLayer::new(config);

    let mut tokens = TokenIssuer::builder(&settings.auth_url);
    if settings.omit_ownership {
        tokens = tokens.omit_ownership_claim();
    }
    let tokens = tokens.build().map_err(sentence)?;
    let mut sign_out = SignOut::builder();
    if let Some(name) = &settings.cookie_name {
        sign_out = sign_out.cookie_name(name);
    }
    if let Some(url) = &settings.sign_out_url {
        sign_out = sign_out.end_session(url);
    }
    let sign_out = sign_out.build().map_err(sentence)?;
    let auth = BackstageAuth::builder(layer.handle(), tokens).sign_out(sign_out).build().map_err(sentence)?;

    let health = Health::of(layer.handle());
    let front_end = arguments.front_end.as_deref().map(front_end::routes).transpose()?;
    let upstream = arguments.upstream.map(|url| Upstream::at(url).build()).transpose().map_err(sentence)?;
    let service = app::routes(Parts { auth, health: health.clone(), front_end, upstream });
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        format!("it cannot listen at {}: {error}; name another address by --listen", arguments.listen)
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("backstage_auth listens at http://{address}, for {}", settings.auth_url);
    serve::until_told_to_end(listener, service, health).await.map_err(|error| error.to_string())
}

fn log(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let to = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(to).with_ansi(to().is_terminal()).init();
}
