//! How the programs of the tables are started: as they are, or with the setting that a table names.

use std::{path::Path, process::Command};

use super::{installed, running::Place};

/// Whether a program runs with the setting that its row names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    Default,
    Raised,
}

impl Limits {
    fn raised(self, setting: &str) -> &str {
        if self == Self::Raised { setting } else { "" }
    }
}

/// Its command, by its name in the tables.
pub fn command(name: &str, limits: Limits, place: &Place) -> Command {
    match name {
        "Node.js" => node(limits, place),
        "gunicorn" => python("gunicorn", limits, &["--limit-request-field_size", "65536"], |command| {
            command.args(["--bind", &local(place), "wsgi:application"]);
        }),
        "uWSGI" => python("uwsgi", limits, &["--buffer-size", "65535"], |command| {
            command.args(["--http-socket", &local(place), "--wsgi-file", "wsgi.py", "--need-app", "--die-on-term"]);
        }),
        "waitress" => python("waitress-serve", limits, &[], |command| {
            command.args([&format!("--listen={}", local(place)), "wsgi:application"]);
        }),
        "uvicorn with h11" => python("uvicorn", limits, &["--h11-max-incomplete-event-size", "65536"], |command| {
            command.args(["--http", "h11", "--port", &place.port.to_string(), "asgi:application"]);
        }),
        "hypercorn" => python("hypercorn", limits, &["--config", "file:hypercorn_with_room.py"], |command| {
            command.args(["--bind", &local(place), "asgi:application"]);
        }),
        "aiohttp" => python("python", limits, &[], |command| {
            command.args(["aiohttp_server.py", &place.port.to_string(), limits.raised("with-room")]);
        }),
        "lighttpd" => lighttpd(limits, place),
        "Varnish" => varnish(limits, place, ""),
        "Squid" => squid(place, ""),
        "nginx" => nginx(place, limits.raised("large_client_header_buffers 8 32k;"), ""),
        "HAProxy" => haproxy(limits, place),
        "Apache" => apache(place, limits.raised("LimitRequestFieldSize 32768"), &[]),
        "Caddy" => caddy(place),
        "Envoy" => envoy(place, ""),
        "Envoy, with HTTP/2 to hyper" => envoy(place, HTTP2_TO_THE_SERVER),
        name => panic!("how is {name} started?"),
    }
}

fn local(place: &Place) -> String {
    format!("127.0.0.1:{}", place.port)
}

/// A program of the environment for Python, in the folder of the applications.
fn python(program: &str, limits: Limits, raised: &[&str], arguments: impl FnOnce(&mut Command)) -> Command {
    let mut command = Command::new(installed().join("venv/bin").join(program));
    command.current_dir(installed());
    if limits == Limits::Raised {
        command.args(raised);
    }
    arguments(&mut command);
    command
}

fn node(limits: Limits, place: &Place) -> Command {
    let mut command = Command::new("node");
    command.current_dir(installed());
    if limits == Limits::Raised {
        command.arg("--max-http-header-size=65536");
    }
    command.args(["server.mjs", &place.port.to_string()]);
    command
}

fn lighttpd(limits: Limits, place: &Place) -> Command {
    let text = format!(
        "server.document-root = \"/nowhere\"\nserver.bind = \"127.0.0.1\"\nserver.port = {}\n\
         server.modules = (\"mod_proxy\")\nproxy.server = (\"\" => ((\"host\" => \"127.0.0.1\", \"port\" => {})))\n{}\n",
        place.port,
        place.upstream.port(),
        limits.raised("server.max-request-field-size = 65535"),
    );
    let mut command = Command::new("/usr/sbin/lighttpd");
    command.args(["-D", "-f", &place.file("lighttpd.conf", &text)]);
    command
}

/// With more lines of VCL.
pub fn varnish(limits: Limits, place: &Place, lines: &str) -> Command {
    let text = format!(
        "vcl 4.1;\nbackend default {{ .host = \"127.0.0.1\"; .port = \"{}\"; }}\n{lines}\n",
        place.upstream.port()
    );
    let mut command = Command::new("/usr/sbin/varnishd");
    command.args(["-F", "-a", &local(place), "-f", &place.file("default.vcl", &text), "-s", "malloc,16m"]);
    command.args(["-n", &format!("{}/varnish", place.folder())]);
    if limits == Limits::Raised {
        command.args(["-p", "http_req_hdr_len=32k", "-p", "http_req_size=64k", "-p", "workspace_client=256k"]);
    }
    command
}

/// As a cache in front of a server, with more lines.
pub fn squid(place: &Place, lines: &str) -> Command {
    let folder = place.folder();
    let text = format!(
        "http_port {} accel defaultsite=app.example.com\ncache_peer 127.0.0.1 parent {} 0 no-query originserver\n\
         http_access allow all\npid_filename {folder}/pid\ncache_log {folder}/log\naccess_log none\ncoredump_dir {folder}\n\
         shutdown_lifetime 0 seconds\nmemory_cache_shared off\ndigest_generation off\n{lines}\n",
        local(place),
        place.upstream.port(),
    );
    let mut command = Command::new("/usr/sbin/squid");
    // A name of its own, since what it shares in memory is named after it.
    command.args(["-N", "-n", &format!("between{}", place.port), "-f", &place.file("squid.conf", &text)]);
    command
}

/// With directives of `http`, and those of its location.
pub fn nginx(place: &Place, http: &str, location: &str) -> Command {
    let text = format!(
        "daemon off; error_log stderr; pid nginx.pid; events {{}}\n\
         http {{ access_log off; proxy_temp_path temporary; {http}\n\
         server {{ listen {}; location / {{ {location} proxy_pass http://{}; }} }} }}\n",
        local(place),
        place.upstream,
    );
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-c", &place.file("nginx.conf", &text), "-p", &place.folder()]);
    command
}

fn haproxy(limits: Limits, place: &Place) -> Command {
    let text = format!(
        "global\n  {}\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 75s\n  timeout server 75s\n\
         frontend edge\n  bind {}\n  default_backend application\nbackend application\n  server one {}\n",
        limits.raised("tune.bufsize 65536"),
        local(place),
        place.upstream,
    );
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f", &place.file("haproxy.cfg", &text)]);
    command
}

/// With more lines, and more modules.
pub fn apache(place: &Place, lines: &str, modules: &[&str]) -> Command {
    let folder = place.folder();
    let modules: String = ["mpm_event", "authz_core", "proxy", "proxy_http"]
        .iter()
        .chain(modules)
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let text = format!(
        "ServerName app.example.com\nServerRoot {folder}\nPidFile {folder}/pid\nErrorLog /dev/stderr\nListen {}\n\
         {modules}{lines}\nProxyPass / http://{}/\n",
        local(place),
        place.upstream,
    );
    let mut command = Command::new("/usr/sbin/apache2");
    command.args(["-X", "-f", &place.file("apache.conf", &text)]);
    command
}

fn caddy(place: &Place) -> Command {
    let text = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{} {{\n\treverse_proxy {}\n}}\n",
        place.port, place.upstream
    );
    let mut command = Command::new("caddy");
    command.args(["run", "--config", &place.file("Caddyfile", &text), "--adapter", "caddyfile"]);
    command.env("HOME", place.folder()).env("XDG_DATA_HOME", place.folder()).env("XDG_CONFIG_HOME", place.folder());
    command
}

const HTTP2_TO_THE_SERVER: &str = r#"
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }"#;

fn envoy(place: &Place, cluster: &str) -> Command {
    let text = format!(
        r#"static_resources:
  listeners:
    - name: edge
      address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: edge
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
                route_config:
                  virtual_hosts:
                    - name: application
                      domains: ["*"]
                      routes: [{{ match: {{ prefix: / }}, route: {{ cluster: application }} }}]
  clusters:
    - name: application
      type: STATIC{cluster}
      load_assignment:
        cluster_name: application
        endpoints:
          - lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }} }}]
"#,
        place.port,
        place.upstream.port(),
    );
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/envoy");
    let mut command = Command::new(program);
    command.args(["-c", &place.file("envoy.yaml", &text), "--use-dynamic-base-id", "--concurrency", "1"]);
    command
}
