//! `deploy/containers/compose.yaml` without a container engine: each service in a network namespace of its own, with the command
//! and the environment of the file, and the names of the services as its hosts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long the programs may take to start.
const START: Duration = Duration::from_secs(60);
/// Addresses of the services; the browser has one too.
const HOSTS: [(&str, &str); 5] = [
    ("emulator", "10.77.0.2"),
    ("provider", "10.77.0.3"),
    ("node", "10.77.0.4"),
    ("proxy", "10.77.0.5"),
    ("browser", "10.77.0.6"),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/containers")
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[track_caller]
fn ip(arguments: &str) {
    let output = run(Command::new("ip").args(arguments.split(' ')));
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The namespaces, joined by a bridge, until the test ends.
struct Network {
    prefix: String,
    children: Vec<Child>,
}

impl Network {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Self { prefix: format!("alb{}-{number}", std::process::id()), children: Vec::new() };
        let bridge = network.name("bridge");
        ip(&format!("netns add {bridge}"));
        ip(&format!("-n {bridge} link add br0 type bridge"));
        ip(&format!("-n {bridge} link set br0 up"));
        let hosts: String = HOSTS.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        for (index, (host, address)) in HOSTS.iter().enumerate() {
            let name = network.name(host);
            ip(&format!("netns add {name}"));
            ip(&format!("-n {bridge} link add port{index} type veth peer name eth0 netns {name}"));
            ip(&format!("-n {bridge} link set port{index} master br0 up"));
            ip(&format!("-n {name} addr add {address}/24 dev eth0"));
            ip(&format!("-n {name} link set eth0 up"));
            ip(&format!("-n {name} link set lo up"));
            let etc = network.etc(host);
            fs::create_dir_all(&etc).expect("root");
            fs::write(etc.join("hosts"), format!("127.0.0.1 localhost\n{hosts}")).expect("root");
        }
        network
    }

    fn name(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// Its files are those of `/etc` in this namespace.
    fn etc(&self, host: &str) -> PathBuf {
        Path::new("/etc/netns").join(self.name(host))
    }

    fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host), program]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// curl of a container; the browser's own names lead to the ports that the file publishes.
    fn curl(&self, host: &str, arguments: &[&str]) -> (String, String) {
        let mut curl = self.command(host, "curl");
        curl.args(["--silent", "--noproxy", "*", "--max-time", "20", "--write-out", "\n%{http_code}"]).args(arguments);
        let text = String::from_utf8(run(&mut curl).stdout).expect("UTF-8");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.to_owned(), body.to_owned())
    }

    fn start(&mut self, command: &mut Command) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.children.push(child.expect("installed"));
    }

    fn wait_for(&self, host: &str, url: &str) {
        let end = Instant::now() + START;
        while self.curl(host, &[url]).0 == "000" {
            assert!(Instant::now() < end, "nothing responds at {url}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
        for host in HOSTS.iter().map(|(host, _)| *host).chain(["bridge"]) {
            let _ = run(Command::new("ip").args(["netns", "delete", &self.name(host)]));
            let _ = fs::remove_dir_all(self.etc(host));
        }
    }
}

/// The files, read as one: a later one replaces commands, and adds variables.
fn compose(files: &[&str]) -> Value {
    let read = |file: &&str| -> Value {
        let text = fs::read_to_string(folder().join(file)).expect("the file");
        serde_saphyr::from_str(&text).expect("YAML")
    };
    let mut files = files.iter().map(read);
    let mut compose = files.next().expect("a file");
    for file in files {
        for (name, changes) in file["services"].as_object().expect("services") {
            let service = &mut compose["services"][name];
            if changes["command"].is_array() {
                service["command"] = changes["command"].clone();
            }
            for (variable, value) in changes["environment"].as_object().into_iter().flatten() {
                service["environment"][variable] = value.clone();
            }
        }
    }
    compose
}

/// The command of a service, as this machine has it: its image's program, the mounted files, and the folder of the volume.
fn service(network: &Network, compose: &Value, name: &str, volume: &Path) -> Command {
    let service = &compose["services"][name];
    let program = match name {
        "emulator" | "provider" => Some(env!("CARGO_BIN_EXE_alb-emulator")),
        "proxy" => Some(env!("CARGO_BIN_EXE_alb-auth-proxy")),
        _ => None,
    };
    let mounted = |text: &str| {
        let (folder, volume) = (folder(), volume.to_str().expect("UTF-8"));
        let folder = folder.to_str().expect("UTF-8");
        text.replace("/etc/emulator/", &format!("{folder}/"))
            .replace("/app/containers/", &format!("{folder}/"))
            .replace("/var/lib/alb-emulator", volume)
    };
    let words: Vec<String> = service["command"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|word| mounted(word.as_str().expect("a text")))
        .collect();
    let (program, arguments) = match program {
        Some(program) => (program.to_owned(), &words[..]),
        None => (words[0].clone(), &words[1..]),
    };
    let host = service["network_mode"].as_str().and_then(|mode| mode.strip_prefix("service:")).unwrap_or(name);
    let mut command = network.command(host, &program);
    command.args(arguments);
    let environment: BTreeMap<String, String> = match &service["environment"] {
        Value::Null => BTreeMap::new(),
        environment => serde_json::from_value(environment.clone()).expect("texts"),
    };
    command.envs(environment.into_iter().map(|(name, value)| (name, mounted(&value))));
    command
}

/// All services of the files. The emulator is first, so that the file of its CA is there for the others.
fn start_all(network: &mut Network, files: &[&str], volume: &Path) {
    let compose = compose(files);
    let mut names: Vec<&String> = compose["services"].as_object().expect("services").keys().collect();
    names.sort_by_key(|name| *name != "emulator");
    for name in names {
        let mut command = service(network, &compose, name, volume);
        if name == "provider" {
            // Without a page, for curl.
            command.args(["--as", "jane"]);
        }
        network.start(&mut command);
        if name == "emulator" {
            network.wait_for("browser", "http://emulator:9000/");
        }
    }
    for url in ["http://provider:9001/", "http://node:3000/", "http://proxy:3000/"] {
        network.wait_for("browser", url);
    }
}

/// A user is signed in, and both services know who it is.
fn assert_signs_in(network: &Network) {
    // A browser, which knows the published addresses only.
    let jar = tempfile::NamedTempFile::new().expect("a file");
    let jar = jar.path().to_str().expect("UTF-8");
    let published = ["--resolve", "app.localhost:9000:10.77.0.2", "--resolve", "idp.localhost:9001:10.77.0.3"];
    let visit = |path: &str| {
        let url = format!("http://app.localhost:9000{path}");
        network.curl("browser", &[&published[..], &["--location", "--cookie", jar, "--cookie-jar", jar, &url]].concat())
    };
    let end = Instant::now() + START;
    // The service behind the proxy may still be starting.
    while visit("/python").0 == "502" {
        assert!(Instant::now() < end, "the Python service does not respond");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(visit("/node"), ("200".to_owned(), "Node.js knows jane.doe@example.com\n".to_owned()));
    assert_eq!(visit("/python"), ("200".to_owned(), "Python knows jane.doe@example.com\n".to_owned()));
}

#[test]
#[ignore = "peer: network namespaces of iproute2 (as root), curl, Node.js, Python"]
fn f_67_f_68_services_in_containers_of_their_own_sign_a_user_in() {
    let mut network = Network::new();
    start_all(&mut network, &["compose.yaml"], Path::new("/nonexistent"));
    assert_signs_in(&network);

    // A request past the load balancer has no user, and another container calls the load balancer by its name.
    for (url, status) in [
        ("http://node:3000/node", "401"),
        ("http://proxy:3000/python", "401"),
        ("http://proxy:8080/python", "000"),
        ("http://emulator:9000/node", "302"),
        ("http://emulator:9002/00000000-0000-0000-0000-000000000000", "403"),
    ] {
        assert_eq!(network.curl("browser", &[url]).0, status, "{url}");
    }
    // s_147: another machine cannot rotate the key, whichever host it names.
    for host in ["emulator", "localhost", "127.0.0.1"] {
        let (host, admin) = (format!("host: {host}"), "x-alb-emulator: rotate");
        let arguments = ["--request", "POST", "--header", admin, "--header", &host, "http://emulator:9002/rotate"];
        assert_eq!(network.curl("proxy", &arguments).0, "403", "{host}");
    }
}

/// The same with keys over https. What is on the way has no certificate of the CA.
#[test]
#[ignore = "peer: network namespaces of iproute2 (as root), curl, Node.js, Python"]
fn f_85_s_170_services_in_containers_of_their_own_fetch_keys_over_https() {
    let (mut network, volume) = (Network::new(), tempfile::tempdir().expect("a folder"));
    start_all(&mut network, &["compose.yaml", "compose.https.yaml"], volume.path());
    assert_signs_in(&network);
    let kid = "00000000-0000-0000-0000-000000000000";
    let ca = volume.path().join("ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    let get = |host: &str, arguments: &[&str]| network.curl(host, arguments).0;
    assert_eq!(get("proxy", &["--cacert", ca, &format!("https://emulator:9002/{kid}")]), "403");
    assert_eq!(get("proxy", &[&format!("https://emulator:9002/{kid}")]), "000", "by the roots of the system");
    assert_eq!(get("proxy", &[&format!("http://emulator:9002/{kid}")]), "000", "plain http");
    assert_eq!(get("proxy", &["--cacert", ca, &format!("https://10.77.0.2:9002/{kid}")]), "000", "another name");
}

/// Without the option on its side, a verifier does not start.
#[test]
#[ignore = "peer: network namespaces of iproute2 (as root)"]
fn s_146_a_verifier_that_names_no_host_does_not_start() {
    let compose = compose(&["compose.yaml"]);
    let network = Network::new();
    let mut proxy = service(&network, &compose, "proxy", Path::new("/nonexistent"));
    proxy.env_remove("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM");
    let output = run(&mut proxy);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && text.contains("must be https"), "{text}");
}
