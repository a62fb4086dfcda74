#!/usr/bin/env python3
"""Runs deploy/images/compose.yaml without a container engine: unshare --net python3 .ci/compose.py ROOTS

ROOTS has the file system of each image, by the name of its program. The services run in these with a read-only root, as the images' user, with the
commands, variables and files of the file, in one network namespace as the file has it. In place of the application and of the
front end are echoes of the headers that reach them. A browser then signs in.
"""

import fcntl
import http.client
import http.server
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

import yaml

PROGRAMS = {"emulator": "alb-emulator", "proxy": "alb-auth-proxy"}
# Their images are in a registry.
ECHOES = ["application", "front-end"]
FOLDER = "deploy/images"
DEADLINE = 30
# In a mount namespace: the root that is named first is read-only for the command.
READ_ONLY = """
mount --bind "$1" "$1"
mount --options remount,bind,ro "$1"
if touch "$1/written" 2>/dev/null; then echo "expected a root that is read-only"; exit 1; fi
exec chroot --userspec=65532:65532 "$@"
"""


def loopback_up():
    """A new namespace has a loopback interface that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        up_and_running = 0x41
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14s", b"lo", up_and_running, b""))


class Echo(http.server.BaseHTTPRequestHandler):
    service = ""

    def do_GET(self):
        body = f"service: {self.service}\n".encode() + "".join(f"{name.lower()}: {value}\n" for name, value in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def echo(service, settings):
    """Serves at the port of its command."""
    command = settings["command"]
    port = int(command[command.index("--port") + 1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), type(service, (Echo,), {"service": service}))
    threading.Thread(target=server.serve_forever, daemon=True).start()


def mount(root, settings):
    """The files that the service has beside those of its image."""
    for volume in settings.get("volumes", []):
        source, target, mode = volume.split(":")
        expect(mode, "ro", f"the mode of {volume}")
        target = os.path.join(root, target.lstrip("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(FOLDER, source), target)
        os.chmod(target, 0o644)


def wait_for(port, processes):
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        ended = [name for name, process in processes.items() if process.poll() is not None]
        if ended:
            sys.exit(f"compose.py: {ended} ended; its lines are above")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"compose.py: nothing listens at port {port} after {DEADLINE} s")


class Browser:
    """Follows redirects and keeps cookies by host, as a browser does that resolves *.localhost."""

    def __init__(self):
        self.cookies = {}

    def request(self, method, url, body=None, headers=()):
        for _ in range(10):
            parts = urllib.parse.urlsplit(url)
            jar = self.cookies.setdefault(parts.hostname, {})
            connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=DEADLINE)
            sent = {"host": parts.netloc, "origin": f"{parts.scheme}://{parts.netloc}", **dict(headers)}
            if jar:
                sent["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
            if body:
                sent["content-type"] = "application/x-www-form-urlencoded"
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    pair = value.split(";")[0]
                    jar[pair.split("=")[0].strip()] = pair.split("=", 1)[1]
            text = response.read().decode()
            if response.status not in (301, 302, 303):
                return response.status, url, text
            method, body = "GET", None
            url = urllib.parse.urljoin(url, response.getheader("location"))
        sys.exit("compose.py: more than 10 redirects")


def expect(found, expected, what):
    if found != expected:
        sys.exit(f"compose.py: {what}: expected {expected}, found {found}")


def served_by(headers):
    return headers.splitlines()[0].removeprefix("service: ")


def main(roots):
    with open(f"{FOLDER}/compose.yaml", encoding="utf-8") as file:
        services = yaml.safe_load(file)["services"]
    expect(sorted(services), sorted([*PROGRAMS, *ECHOES]), "the services of the file")
    loopback_up()
    for service in ECHOES:
        echo(service, services[service])
    processes = {}
    try:
        for service, program in PROGRAMS.items():
            settings = services[service]
            mount(os.path.join(roots, program), settings)
            expect(settings.get("read_only"), True, f"read_only of {service}")
            root = os.path.realpath(os.path.join(roots, program))
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", READ_ONLY, "sh", root]
            command.append(f"/usr/local/bin/{program}")
            processes[service] = subprocess.Popen(
                command + settings.get("command", []), env=settings.get("environment", {}) | {"PATH": os.environ["PATH"]}
            )
        wait_for(3000, processes)
        wait_for(9000, processes)
        app = "http://app.localhost:9000"

        status, _, _ = Browser().request("GET", f"{app}/api/items")
        expect(status, 401, "a script without a session")
        browser = Browser()
        status, url, page = browser.request("GET", f"{app}/")
        expect(status, 200, "the sign-in page")
        ticket = re.search('name="ticket" value="([^"]+)"', page).group(1)
        form = urllib.parse.urlencode({"ticket": ticket, "user": "jane"})
        status, _, headers = browser.request("POST", urllib.parse.urljoin(url, "/login"), form)
        expect((status, served_by(headers)), (200, "front-end"), "the front end after the sign-in")
        status, _, headers = browser.request("GET", f"{app}/api/items")
        expect((status, served_by(headers)), (200, "application"), "the application after the sign-in")
        expect(re.findall("^x-forwarded-user: (.*)$", headers, re.M), ["jane.doe@example.com"], "the header of the user")
        forged = {"x-forwarded-user": "admin@example.com", "X_Forwarded_User": "admin@example.com"}
        status, _, headers = browser.request("GET", f"{app}/api/items", headers=forged.items())
        expect(re.findall("^x.forwarded.user: (.*)$", headers, re.M), ["jane.doe@example.com"], "a header that the browser made up")
        connection = http.client.HTTPConnection("127.0.0.1", 3000, timeout=DEADLINE)
        connection.request("GET", "/", headers=forged)
        expect(connection.getresponse().status, 401, "a request past the load balancer")
        print("compose: a user signs in and reaches front end and application, a script gets 401, a request past the load balancer 401")
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(DEADLINE)


if len(sys.argv) != 2:
    sys.exit("compose.py: expected the folder of the images' file systems")
main(sys.argv[1])
