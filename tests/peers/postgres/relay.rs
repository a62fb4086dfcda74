//! A network path to the server, on which new connections can be made to hang while open ones work.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub struct Relay {
    port: u16,
    hanging: watch::Sender<bool>,
    /// How many connections have hung.
    hung: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Relay {
    /// To this port of loopback. It ends with the value.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let ((hanging, is_hanging), (hung_now, hung)) = (watch::channel(false), watch::channel(0));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut is_hanging, hung_now) = (is_hanging.clone(), hung_now.clone());
                connections.spawn(async move {
                    if *is_hanging.borrow() {
                        hung_now.send_modify(|count| *count += 1);
                        let _ = is_hanging.wait_for(|is_hanging| !is_hanging).await;
                    }
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { port, hanging, hung, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections are accepted, and no byte passes on them until this is called with `false`.
    pub fn hang(&self, is_hanging: bool) {
        self.hanging.send_replace(is_hanging);
    }

    /// Waits until a connection hangs.
    pub async fn has_hung(&self) {
        self.hung.clone().wait_for(|count| *count > 0).await.expect("the relay runs");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
