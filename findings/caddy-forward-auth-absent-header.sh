#!/usr/bin/env bash
# caddy 2.6.2 sends the text of a placeholder as a header's value if the response of forward_auth lacks that header.
#
# forward_auth sends each request to another service, and copies headers of its response to the request for the application
# (copy_headers). If a 2xx response has no such header, then the application gets a header whose value is the literal text
# {http.reverse_proxy.header.X-Forwarded-User}, neither no header nor an empty one. So a service behind forward_auth names every
# header that is copied, empty where it has no value.
#
# Version:   caddy 2.6.2-5 of Debian 12 (2.6.2); python 3.11 for the two servers. No other software.
# Configuration: forward_auth with `uri /` and `copy_headers X-Forwarded-User`, then reverse_proxy; HTTP/1.1 on loopback.
# Behaviour seen, the value of X-Forwarded-User at the application (none: there is no such header):
#
#   the service responds with X-Forwarded-User: jane    jane
#   without it                                          {http.reverse_proxy.header.X-Forwarded-User}
#   without it, and the client sends mallory            {http.reverse_proxy.header.X-Forwarded-User}
#   with an empty one                                   (empty)
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs apt-get, dpkg-deb and python3; writes into a temporary
# folder alone.
set -euo pipefail

folder=$(mktemp -d)
caddy_pid=
servers_pid=
finish() {
  [ "$?" = 0 ] || cat "$folder/caddy.log" >&2 || true
  for pid in $caddy_pid $servers_pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

apt-get download --quiet -o APT::Sandbox::User=root caddy=2.6.2-5 >/dev/null
dpkg-deb -x caddy_*.deb package
export HOME="$folder" XDG_DATA_HOME="$folder/data" XDG_CONFIG_HOME="$folder/config"

# The service that forward_auth asks, whose response depends on the path, and the application, which shows the header.
cat >servers.py <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Service(Quiet):
    def do_GET(self):
        self.send_response(200)
        user = {"/named": "jane", "/empty": ""}.get(self.headers["X-Forwarded-Uri"])
        if user is not None:
            self.send_header("X-Forwarded-User", user)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Application(Quiet):
    def do_GET(self):
        values = self.headers.get_all("X-Forwarded-User")
        text = "none" if values is None else ", ".join(value or "(empty)" for value in values)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


service, application = (ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in (Service, Application))
threading.Thread(target=service.serve_forever, daemon=True).start()
print(service.server_port, application.server_port, flush=True)
application.serve_forever()
PYTHON
mkfifo ports
python3 servers.py >ports &
servers_pid=$!
read -r service application <ports

front=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >Caddyfile <<CADDY
{
	admin off
	auto_https off
}
http://127.0.0.1:$front {
	forward_auth 127.0.0.1:$service {
		uri /
		copy_headers X-Forwarded-User
	}
	reverse_proxy 127.0.0.1:$application
}
CADDY
package/usr/bin/caddy version
package/usr/bin/caddy run --config Caddyfile --adapter caddyfile 2>caddy.log &
caddy_pid=$!

python3 - "$front" <<'PYTHON'
import http.client
import sys
import time

PLACEHOLDER = "{http.reverse_proxy.header.X-Forwarded-User}"


def shown(path, headers):
    until = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
            connection.request("GET", path, headers=headers)
            return connection.getresponse().read().decode()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


as_seen = True
for name, path, headers, expected in [
    ("with a user", "/named", {}, "jane"),
    ("without the header", "/absent", {}, PLACEHOLDER),
    ("without the header, one of the client", "/absent", {"X-Forwarded-User": "mallory"}, PLACEHOLDER),
    ("with an empty header", "/empty", {}, "(empty)"),
]:
    found = shown(path, headers)
    print(f"{name}: {found}")
    as_seen = as_seen and found == expected
if not as_seen:
    sys.exit("not what the header of this script says")
PYTHON
