//! F-75: a target that closes the connection before a response, which a load balancer reports as 502.

use crate::{
    load_balancer::{attacks::raw, proxy::in_front_of},
    support::https::server::{Script, Server},
};

#[tokio::test]
async fn f_75_an_early_close_of_the_target_is_502_after_one_request() {
    for (case, script) in [("closed", Script::Answer(Vec::new())), ("reset", Script::Reset(Vec::new()))] {
        let target = Server::http(move |_| script.clone()).await;
        let emulator = in_front_of(&format!("http://{}", target.address)).await;
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        assert_eq!(raw(emulator.address(), request).await, "HTTP/1.1 502 Bad Gateway", "{case}");
        assert_eq!(target.requests().len(), 1, "{case}");
    }
}
