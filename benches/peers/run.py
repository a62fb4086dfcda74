#!/usr/bin/env python3
"""Compares alb-auth-proxy and the layer with what else could stand in their place, in one run on one machine.

    benches/peers/run.py [--rounds N] [--seconds N] [--memory-requests N] [--page docs/BENCHMARKS.md] [PEER...]

Each program runs on processor 0 with one thread; the load (wrk) and the service behind (nginx) run on processor 1. Each request
has a token that was never sent before. The figure is CPU time of the program per request, from the kernel's accounting, with
verification and, at /free, without; so it does not depend on how busy the machine is as a rate does. Rounds are interleaved,
and the median is reported. A run with a failed request stops everything.

Needs: cargo; wrk, nginx and haproxy from Debian; what .ci/peers installs (Envoy, aws-jwt-verify, PyJWT). All addresses are
loopback.
"""
import argparse
import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
INSTALLED = pathlib.Path(os.environ.get("PEERS_FOLDER", ROOT / "target" / "peers"))
TICKS = os.sysconf("SC_CLK_TCK")
# More requests than any of them answers in a second on one processor.
MOST_A_SECOND = 16_000
USERS = 10_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process, name, log):
    for _ in range(30_000):
        if process.poll() is not None:
            sys.exit(f"{name} ended with {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.001)
    sys.exit(f"{name} does not listen")


class Handler(http.server.BaseHTTPRequestHandler):
    """Of a server that logs nothing."""

    protocol_version = "HTTP/1.1"

    def respond(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(handler):
    """Serves it in a thread, and returns the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


class Run:
    def __init__(self, folder, bytes_of_token, tokens, users=USERS):
        self.folder = folder
        self.processes = []
        subprocess.run([TARGET / "release" / "site", folder, str(tokens), str(users), str(bytes_of_token)], check=True)
        self.facts = json.loads((folder / "facts.json").read_text())
        self.key_port = self.serve_key()
        self.upstream_port = free_port()
        self.environment = {
            **os.environ,
            "ALB_AUTH_SIGNERS": self.facts["signer"],
            "ALB_AUTH_ISSUER": self.facts["issuer"],
            "ALB_AUTH_CLIENT_IDS": self.facts["client_id"],
            "ALB_AUTH_EMAIL_DOMAINS": "example.com",
            "ALB_AUTH_KEY_ENDPOINT": f"http://127.0.0.1:{self.key_port}",
            "TOKIO_WORKER_THREADS": "1",
            "RUST_LOG": "warn",
        }
        conf = folder / "upstream.conf"
        conf.write_text(f"""
            daemon off; worker_processes 1; pid {folder}/upstream.pid; error_log {folder}/upstream.log crit;
            events {{ worker_connections 1024; }}
            http {{ access_log off; keepalive_requests 100000000; large_client_header_buffers 8 32k;
                server {{ listen 127.0.0.1:{self.upstream_port}; location / {{ return 200 "ok"; }} }} }}""")
        self.start("nginx", ["nginx", "-c", conf], self.upstream_port, processor=1)

    def serve_key(self):
        key, kid = (self.folder / "key.pem").read_bytes(), self.facts["kid"]

        class Keys(Handler):
            def do_GET(self):
                found = self.path == f"/{kid}"
                self.respond(200 if found else 403, key if found else b"")

        return serve(Keys)

    def start(self, name, command, port, processor=0, cwd=None):
        log = self.folder / f"{name}.log"
        command = ["taskset", "-c", str(processor), *map(str, command)]
        with open(log, "w") as output:
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output, cwd=cwd,
                                       start_new_session=True)
        self.processes.append(process)
        wait_for(port, process, name, log)
        return process.pid

    def end(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
                continue
            os.killpg(process.pid, signal.SIGKILL)

    def load(self, url, path, tokens, first, seconds, authorization=""):
        """Runs wrk. Each request has a different token, or all have this authorization."""
        environment = {
            **os.environ, "PEERS_TOKENS": str(self.folder / tokens), "PEERS_PATH": path, "PEERS_FROM": str(first),
            "PEERS_COUNT": str(seconds * MOST_A_SECOND), "PEERS_AUTHORIZATION": authorization,
        }
        command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", HERE / "requests.lua", url]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        result = json.loads(ran.stdout.strip().splitlines()[-1])
        # At /free a token may arrive again: it is not read.
        again = result["exhausted"] and path != "/free" and not authorization
        if result["failed"] or again or not result["requests"]:
            sys.exit(f"{url}{path}: {result}")
        return result


# Each peer: starts, and returns the process to measure, the address to load and the form of tokens.

def alb_auth_proxy(run):
    port = free_port()
    command = [TARGET / "dist" / "alb-auth-proxy", "--listen", f"127.0.0.1:{port}", "--exempt", "GET /free",
               "--upstream", f"http://127.0.0.1:{run.upstream_port}", "--header", "X-Forwarded-User={email}"]
    return run.start("alb-auth-proxy", command, port), port, "padded"


def haproxy(run):
    port, conf, facts = free_port(), run.folder / "haproxy.cfg", run.facts
    conf.write_text(f"""
global
    nbthread 1
    tune.bufsize 32768
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend edge
    bind 127.0.0.1:{port}
    http-request set-var(txn.token) req.hdr(x-amzn-oidc-data)
    acl free path /free
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_header_query('$.alg') -m str ES256 }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_header_query('$.signer') -m str {facts["signer"]} }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_payload_query('$.iss') -m str {facts["issuer"]} }}
    http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 if !free {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless free || {{ var(txn.token),jwt_verify("ES256","{run.folder}/key.pem") -m int 1 }}
    http-request set-header X-Forwarded-User %[var(txn.token),jwt_payload_query('$.email')] unless free
    http-request del-header x-amzn-oidc-data
    default_backend service
backend service
    server service 127.0.0.1:{run.upstream_port}
""")
    return run.start("haproxy", ["haproxy", "-db", "-f", conf], port), port, "unpadded"


def envoy(run):
    port, conf, facts = free_port(), run.folder / "envoy.json", run.facts
    jwks = (run.folder / "jwks.json").read_text()
    http_type = "type.googleapis.com/envoy.extensions.filters.http"
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "service"}}]}]},
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": {
                "@type": f"{http_type}.jwt_authn.v3.JwtAuthentication",
                "providers": {"alb": {
                    "issuer": facts["issuer"], "local_jwks": {"inline_string": jwks},
                    "from_headers": [{"name": "x-amzn-oidc-data"}],
                    "claim_to_headers": [{"header_name": "x-forwarded-user", "claim_name": "email"}]}},
                "rules": [{"match": {"path": "/free"}}, {"match": {"prefix": "/"}, "requires": {"provider_name": "alb"}}]}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{http_type}.router.v3.Router"}}]}
    address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
    conf.write_text(json.dumps({"static_resources": {
        "listeners": [{"name": "edge", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "service", "type": "STATIC", "load_assignment": {"cluster_name": "service", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(run.upstream_port)}}]}]}}]}}))
    command = [INSTALLED / "venv/bin/envoy", "-c", conf, "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    return run.start("envoy", command, port), port, "unpadded"


def axum_layer(run):
    port = free_port()
    return run.start("axum_service", [TARGET / "release" / "axum_service", port], port), port, "padded"


def behind_nginx(run, verifier_port, tokens):
    """nginx on the other processor, which asks the verifier about each request."""
    port, name = free_port(), f"gate-{verifier_port}"
    conf = run.folder / f"{name}.conf"
    conf.write_text(f"""
        daemon off; worker_processes 1; pid {run.folder}/{name}.pid; error_log {run.folder}/{name}.error crit;
        events {{ worker_connections 1024; }}
        http {{ access_log off; keepalive_requests 100000000; large_client_header_buffers 8 32k;
            upstream verifier {{ server 127.0.0.1:{verifier_port}; keepalive 32; keepalive_requests 100000000; }}
            server {{ listen 127.0.0.1:{port};
                location = /verify {{ internal; proxy_pass http://verifier/; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
                location / {{ auth_request /verify; try_files /none @ok; }}
                location @ok {{ return 200 "ok"; }} }} }}""")
    run.start(name, ["nginx", "-c", conf], port, processor=1)
    return port, tokens


def forward_auth(run):
    port = free_port()
    command = [TARGET / "dist" / "alb-auth-proxy", "--forward-auth-listen", f"127.0.0.1:{port}", "--header", "X-Forwarded-User={email}"]
    return (run.start("forward-auth", command, port), *behind_nginx(run, port, "padded"))


def node(run):
    port, facts = free_port(), run.facts
    command = ["node", HERE / "verifier.mjs", port, f"http://127.0.0.1:{run.key_port}", facts["signer"], facts["issuer"], facts["client_id"]]
    run.environment["PEERS_MODULES"] = str(INSTALLED / "node_modules")
    return (run.start("node", command, port), *behind_nginx(run, port, "padded"))


def pyjwt(run):
    port, facts = free_port(), run.facts
    command = [INSTALLED / "venv/bin/python", HERE / "verifier.py", port, run.folder / "key.pem", facts["signer"], facts["issuer"]]
    return (run.start("pyjwt", command, port), *behind_nginx(run, port, "unpadded"))


PEERS = {
    "alb-auth-proxy": alb_auth_proxy, "HAProxy jwt_verify": haproxy, "Envoy jwt_authn": envoy, "layer in axum": axum_layer,
    "alb-auth-proxy, forward auth": forward_auth, "aws-jwt-verify in Node": node, "PyJWT in Python": pyjwt,
}
FORWARD = ("alb-auth-proxy, forward auth", "aws-jwt-verify in Node", "PyJWT in Python")


def measure(run, names, rounds, seconds):
    started = {name: PEERS[name](run) for name in names}
    rows = {name: {"verified": [], "free": [], "p50": [], "p99": []} for name in names}
    for turn in range(rounds):
        for name, (pid, port, tokens) in started.items():
            paths = [("verified", "/")] + ([] if name in FORWARD else [("free", "/free")])
            for kind, path in paths:
                first = turn * seconds * MOST_A_SECOND
                before = cpu_seconds(pid)
                result = run.load(f"http://127.0.0.1:{port}", path, tokens, first, seconds)
                rows[name][kind].append((cpu_seconds(pid) - before) / result["requests"] * 1e6)
                if kind == "verified":
                    rows[name]["p50"].append(result["p50_us"])
                    rows[name]["p99"].append(result["p99_us"])
            print(f"round {turn + 1}, {name}: {rows[name]['verified'][-1]:.1f} us", file=sys.stderr, flush=True)
    return rows


def memory(names, requests, seconds, bytes_of_token):
    """Resident memory after many requests of 10,000 users. Each program has a separate run, since tokens expire."""
    found = {}
    for name in names:
        if name in FORWARD:
            continue
        with tempfile.TemporaryDirectory() as folder:
            tokens = 16 * seconds * MOST_A_SECOND
            run = Run(pathlib.Path(folder), bytes_of_token, tokens)
            try:
                pid, port, form = PEERS[name](run)
                done, turn = 0, 0
                while done < requests:
                    done += run.load(f"http://127.0.0.1:{port}", "/", form, turn % 16 * seconds * MOST_A_SECOND, seconds)["requests"]
                    turn += 1
                found[name] = resident_mib(pid)
            finally:
                run.end()
        print(f"{name}: {found[name]:.1f} MiB after {done:,} requests", file=sys.stderr, flush=True)
    return found


def table(rows, resident):
    median = {name: {kind: statistics.median(values) if values else None for kind, values in row.items()} for name, row in rows.items()}
    lines = []
    proxies = [name for name in median if name not in FORWARD]
    if proxies:
        lines += ["| program | CPU a request | without verification | verification adds | requests per CPU-second | resident memory |",
                  "|---|---|---|---|---|---|"]
        for name in proxies:
            row = median[name]
            kept = f"{resident[name]:.0f} MiB" if name in resident else "not measured"
            lines.append(f"| {name} | {row['verified']:.0f} us | {row['free']:.0f} us | {row['verified'] - row['free']:.0f} us "
                         f"| {1e6 / row['verified']:,.0f} | {kept} |")
    gates = [name for name in median if name in FORWARD]
    if gates:
        lines += ["", "| verifier behind nginx `auth_request` | CPU a request | requests per CPU-second |", "|---|---|---|"]
        lines += [f"| {name} | {median[name]['verified']:.0f} us | {1e6 / median[name]['verified']:,.0f} |" for name in gates]
    return lines


def versions():
    def first_line(command):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return (ran.stdout + ran.stderr).strip().splitlines()[0]

    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    package = INSTALLED / "node_modules/aws-jwt-verify/package.json"
    return [
        f"processor: {model[1] if model else 'unknown'}, {os.cpu_count()} of them",
        first_line(["rustc", "--version"]), first_line(["haproxy", "-v"]).split(" - ")[0],
        "Envoy " + re.search(r"/(\d+\.\d+\.\d+)/", first_line([str(INSTALLED / "venv/bin/envoy"), "--version"]))[1],
        first_line(["nginx", "-v"]), f"Node.js {first_line(['node', '--version'])}",
        f"aws-jwt-verify {json.loads(package.read_text())['version']}",
        "PyJWT " + first_line([str(INSTALLED / "venv/bin/python"), "-c", "import jwt; print(jwt.__version__)"]),
    ]


def build_site():
    """The load balancer in files, and the service with the layer."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", TARGET], cwd=HERE, check=True)


def write_page(page, name, lines):
    """Puts them between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--bytes", type=int, default=1300)
    arguments.add_argument("--memory-requests", type=int, default=0)
    arguments.add_argument("--page", type=pathlib.Path)
    arguments.add_argument("peers", nargs="*", default=list(PEERS), metavar="PEER")
    chosen = arguments.parse_args()
    if unknown := set(chosen.peers) - set(PEERS):
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "--features", "proxy", "--bin", "alb-auth-proxy"], cwd=ROOT, check=True)
    build_site()
    subprocess.run([INSTALLED / "venv/bin/pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
    tokens = chosen.rounds * chosen.seconds * MOST_A_SECOND
    with tempfile.TemporaryDirectory() as folder:
        run = Run(pathlib.Path(folder), chosen.bytes, tokens)
        try:
            rows = measure(run, chosen.peers, chosen.rounds, chosen.seconds)
        finally:
            run.end()
    resident = memory(chosen.peers, chosen.memory_requests, chosen.seconds, chosen.bytes) if chosen.memory_requests else {}
    about = f"{chosen.rounds} rounds of {chosen.seconds} s, tokens of {run.facts['bytes']} bytes, {USERS:,} users"
    if chosen.memory_requests:
        about += f"; memory after {chosen.memory_requests:,} requests"
    lines = [f"Measured on {time.strftime('%d %B %Y')}: {about}.", "", *table(rows, resident), "", "Versions: " + "; ".join(versions()) + "."]
    print("\n".join(lines))
    if chosen.page:
        write_page(chosen.page, "peers", lines)


if __name__ == "__main__":
    main()
