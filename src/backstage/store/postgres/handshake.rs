//! Whether a TLS handshake began, which the driver's error does not show.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The connector of one connection, which notes that the server agreed to TLS.
pub(super) struct Noted<T> {
    inner: T,
    begun: Begun,
}

/// Whether the handshake began.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

impl Begun {
    pub(super) fn connector(&self, tls: &MakeRustlsConnect) -> Noted<MakeRustlsConnect> {
        Noted { inner: tls.clone(), begun: self.clone() }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<T: MakeTlsConnect<Socket>> MakeTlsConnect<Socket> for Noted<T> {
    type Stream = T::Stream;
    type TlsConnect = Noted<T::TlsConnect>;
    type Error = T::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, T::Error> {
        Ok(Noted { inner: self.inner.make_tls_connect(domain)?, begun: self.begun.clone() })
    }
}

impl<T: TlsConnect<Socket>> TlsConnect<Socket> for Noted<T> {
    type Stream = T::Stream;
    type Error = T::Error;
    type Future = T::Future;

    fn connect(self, stream: Socket) -> Self::Future {
        self.begun.0.store(true, Ordering::Release);
        self.inner.connect(stream)
    }
}
