"""What all comparisons of this folder use: one load balancer in files, programs as processes, and the load. Not a program."""
import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
INSTALLED = pathlib.Path(os.environ.get("PEERS_FOLDER", ROOT / "target" / "peers"))
# For many connections.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
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


def processes_of(pid):
    """The process and all that it started: their fields of /proc/PID/stat after the name."""
    for file in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text().rsplit(")", 1)[1].split()
            # Each program is started in a session that has its number.
            if int(fields[3]) == pid:
                yield int(file.parent.name), fields


def cpu_seconds(pid):
    return sum(int(fields[11]) + int(fields[12]) for _, fields in processes_of(pid)) / TICKS


def resident_mib(pid):
    """Of a program with several processes, a page that they share counts once."""
    found = [pathlib.Path(f"/proc/{number}/smaps_rollup").read_text() for number, _ in processes_of(pid)]
    name = "Pss" if len(found) > 1 else "Rss"
    return sum(int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) for text in found) / 1024


class Run:
    def __init__(self, folder, bytes_of_token, tokens, users=USERS):
        self.folder = folder
        self.processes = []
        # Two more than a load sends, for refuses_forged.
        subprocess.run([TARGET / "release" / "site", folder, str(tokens + 2), str(users), str(bytes_of_token)], check=True)
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
            "RUST_LOG": "warn",
        }
        conf = folder / "upstream.conf"
        conf.write_text(f"""
            daemon off; worker_processes 1; pid {folder}/upstream.pid; error_log {folder}/upstream.log crit;
            events {{ worker_connections 20000; }}
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

    def start(self, name, command, port, processor=0, cwd=None, threads=1):
        """With two threads, on both processors."""
        log = self.folder / f"{name}.log"
        command = ["taskset", "-c", str(processor) if threads == 1 else "0,1", *map(str, command)]
        environment = {**self.environment, "TOKIO_WORKER_THREADS": str(threads)}
        with open(log, "w") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=cwd,
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

    def refuses_forged(self, name, port, tokens, path="/", more=None):
        """Ends the run unless the program refuses a request without a token and one whose signature is of another token."""
        with open(self.folder / tokens) as file:
            *_, true, other = map(str.strip, collections.deque(file, 2))
        forged = true.rsplit(".", 1)[0] + "." + other.rsplit(".", 1)[1]
        for what, token, expected in [("no token", None, (401, 403)), ("a forged token", forged, (401, 403)), ("a token", true, (200,))]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", path, headers={} if token is None else {**(more or {}), "x-amzn-oidc-data": token})
            status = connection.getresponse().status
            connection.close()
            if status not in expected:
                sys.exit(f"{name}: expected {' or '.join(map(str, expected))} for {what}, found {status}")

    def load(self, url, path, tokens, first, seconds, authorization="", connections=16):
        """Runs wrk. Each request has a different token, or all have this authorization."""
        environment = {
            **os.environ, "PEERS_TOKENS": str(self.folder / tokens), "PEERS_PATH": path, "PEERS_FROM": str(first),
            "PEERS_COUNT": str(seconds * MOST_A_SECOND), "PEERS_AUTHORIZATION": authorization,
        }
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", HERE / "requests.lua", url]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return self.checked(f"{url}{path}", json.loads(ran.stdout.strip().splitlines()[-1]), path == "/free" or authorization)

    def paced(self, port, path, tokens, first, rate, seconds):
        """Runs paced: requests at this rate, each with a different token."""
        command = [TARGET / "release" / "paced", port, path, self.folder / tokens, first, rate, seconds]
        ran = subprocess.run(["taskset", "-c", "1", *map(str, command)], capture_output=True, text=True, check=True)
        return self.checked(f"port {port}{path} at {rate}/s", json.loads(ran.stdout), path == "/free")

    @staticmethod
    def checked(what, result, may_repeat):
        """A token may arrive again only where it is not read."""
        if result["failed"] or (result["exhausted"] and not may_repeat) or not result["requests"]:
            sys.exit(f"{what}: {result}")
        return result


def build_site():
    """The load balancer in files, the services, and the load at a fixed rate."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", TARGET], cwd=HERE, check=True)


def write_page(page, name, lines):
    """Puts them between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])
