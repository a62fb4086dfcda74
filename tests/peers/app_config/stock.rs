//! Stock Backstage's readers, in one long-lived process.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::Case;
use crate::programs::process::peers;

pub struct Stock {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Stock {
    pub async fn start() -> Self {
        let mut child = Command::new("node")
            .current_dir(peers().join("backstage-backend"))
            .arg("app-config.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { _child: child, input, output }
    }

    pub async fn read(&mut self, folder: &Path, case: &Case) -> Value {
        let arguments: Vec<String> = case.named.iter().flat_map(|name| ["--config".to_owned(), name.clone()]).collect();
        let env: BTreeMap<&str, &str> =
            case.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let line = json!({ "folder": folder, "args": arguments, "env": env });
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("written");
        let line = self.output.next_line().await.expect("read").expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }
}
