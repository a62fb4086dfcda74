//! The listeners of programs and examples hold many connections that arrive at once.

use std::{fs, path::Path, time::Duration};

use tokio::{net::TcpStream, time::timeout};

/// With a smaller backlog, the system drops the rest, and a client tries again after a second, two, four, ...
#[tokio::test]
async fn a_listener_holds_two_thousand_connections_that_are_not_accepted_yet() {
    let allowed = fs::read_to_string("/proc/sys/net/core/somaxconn").ok().and_then(|text| text.trim().parse().ok());
    let listener = tower_alb_auth::listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    for number in 0..allowed.unwrap_or(2_000).min(2_000) {
        let connecting = timeout(Duration::from_secs(20), TcpStream::connect(address)).await;
        held.push(connecting.unwrap_or_else(|_| panic!("connection {number} is not held")).unwrap());
    }
}

#[tokio::test]
async fn a_name_is_listened_at_by_the_first_address_that_is_free() {
    let taken = tower_alb_auth::listen("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let both = [([127, 0, 0, 1], port).into(), ([127, 0, 0, 1], 0).into()];
    assert_ne!(tower_alb_auth::listen(&both[..]).await.unwrap().local_addr().unwrap().port(), port);
    let refused = tower_alb_auth::listen(&both[..1]).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    assert!(tower_alb_auth::listen(&[][..]).await.is_err());
}

/// tokio's own `bind` asks for a backlog of 128, whatever the system allows.
#[test]
fn programs_and_examples_listen_by_this_function_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![root.join("src"), root.join("examples")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let binds = code.filter(|line| line.contains("TcpListener::bind"));
            found.extend(binds.map(|_| path.strip_prefix(root).unwrap().display().to_string()));
        }
    }
    // It looks for a free port, and accepts nothing.
    assert_eq!(found, ["src/bin/alb-emulator/emulate.rs"]);
}
