//! What the services of these comparisons share.

use std::error::Error;

use axum::Router;
use tokio::{net::TcpListener, runtime::Builder};

/// Serves it on loopback, with `TOKIO_WORKER_THREADS` threads: with one of them, on the main thread.
pub fn serve(port: u16, app: Router) -> Result<(), Box<dyn Error>> {
    let threads: usize = std::env::var("TOKIO_WORKER_THREADS")?.parse()?;
    let mut runtime = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    runtime.enable_all().build()?.block_on(async {
        axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?;
        Ok(())
    })
}
