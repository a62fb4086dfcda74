//! The example `quickstart`, as the address at which gateways ask.

use std::{env, net::SocketAddr, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

const MAX_WAIT: Duration = Duration::from_secs(60);

/// Ends with the value.
pub struct Quickstart {
    /// Where its application listens.
    pub application: SocketAddr,
    _child: Child,
    _printed: BufReader<ChildStdout>,
}

impl Quickstart {
    pub async fn start() -> Self {
        // `target/debug/examples/quickstart`, seen from `target/debug/deps/<this test>`.
        let test = env::current_exe().expect("a path of this test");
        let target = test.parent().and_then(|deps| deps.parent()).expect("a target directory");
        let program = target.join("examples/quickstart").with_extension(env::consts::EXE_EXTENSION);
        assert!(program.exists(), "{}: run cargo build --all-features --examples", program.display());
        let mut child = Command::new(program)
            .env_remove("PORT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut printed = BufReader::new(child.stdout.take().expect("its output"));
        let address = async {
            let mut line = String::new();
            loop {
                line.clear();
                assert!(printed.read_line(&mut line).await.expect("text") > 0, "it ended");
                if let Some((_, rest)) = line.split_once("The application is at   http://") {
                    break rest.split(',').next().expect("a part").parse().expect("an address");
                }
            }
        };
        let application = tokio::time::timeout(MAX_WAIT, address).await.expect("it starts");
        Self { application, _child: child, _printed: printed }
    }
}
