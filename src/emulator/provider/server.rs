//! A provider at an address.

use std::{net::SocketAddr, ops::Deref};

use tokio::{net::TcpListener, sync::oneshot};

use super::DemoProvider;

/// A provider that is served. Dropping it ends that: no new connection is accepted, requests under way are answered.
#[derive(Debug)]
pub struct DemoProviderServer {
    provider: DemoProvider,
    address: SocketAddr,
    /// Dropped with the server, which the other end takes for the word to stop.
    _running: oneshot::Sender<()>,
}

impl DemoProviderServer {
    pub(super) fn start(provider: DemoProvider, listener: TcpListener, address: SocketAddr) -> Self {
        if !address.ip().is_loopback() {
            tracing::warn!(
                target: "alb_emulator",
                "the demo provider listens at {address}, which others can reach: anybody can sign in as anyone there"
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

    /// Where it listens.
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
