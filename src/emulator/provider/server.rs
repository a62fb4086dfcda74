//! A provider that listens on an address.

use std::{net::SocketAddr, ops::Deref};

use tokio::{net::TcpListener, sync::oneshot};

use super::DemoProvider;

/// A running provider. Dropping it stops it: no new connection is accepted, requests in progress
/// are finished.
#[derive(Debug)]
pub struct DemoProviderServer {
    provider: DemoProvider,
    address: SocketAddr,
    /// Dropped with the server, which stops the task.
    _running: oneshot::Sender<()>,
}

impl DemoProviderServer {
    pub(super) fn start(provider: DemoProvider, listener: TcpListener, address: SocketAddr) -> Self {
        if !address.ip().is_loopback() {
            tracing::warn!(
                target: "alb_emulator",
                "the demo provider listens on {address}, which other machines can reach: anyone there can sign in as any user"
            );
        }
        let (running, stopped) = oneshot::channel::<()>();
        let router = provider.router();
        tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(target: "alb_emulator", "the demo provider stopped: {error}");
            }
        });
        Self { provider, address, _running: running }
    }

    /// The listen address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Deref for DemoProviderServer {
    type Target = DemoProvider;

    fn deref(&self) -> &DemoProvider {
        &self.provider
    }
}
