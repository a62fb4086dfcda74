//! The number of connections of a listener.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::internal::telemetry::OncePerMinute;

/// Places for connections.
pub(super) struct Room {
    places: Arc<Semaphore>,
    max: usize,
    mode: &'static str,
    warned: OncePerMinute,
}

impl Room {
    pub(super) fn new(max: usize, mode: &'static str) -> Self {
        Self { places: Arc::new(Semaphore::new(max)), max, mode, warned: OncePerMinute::default() }
    }

    /// Waits for a place. `None` is never returned while the room exists.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.places.available_permits() == 0 && self.warned.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                mode = self.mode,
                "{} connections are open, which is max_connections: further ones wait; raise it, with the limit of open files, if the \
                 load balancer needs more",
                self.max
            );
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// A stream that has a place until it is closed, also after it has become a WebSocket.
pub(super) struct Placed<S> {
    stream: S,
    _place: Option<OwnedSemaphorePermit>,
}

impl<S> Placed<S> {
    pub(super) fn new(stream: S, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { stream, _place: place }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
