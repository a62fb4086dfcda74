#!/usr/bin/env bash
# uvicorn and hypercorn accept or reject the same request, depending on how its bytes are split into packets.
#
# Both parse HTTP/1.1 by h11, whose limit of 16 KiB is one of an *incomplete* head: it is checked each time bytes have arrived and
# the head is not complete yet. A head of 20 KB that arrives in one read is parsed at once, without a check, and reaches the
# application. If the same head arrives in two reads, as over a network, then it is rejected before the application. So a test on
# loopback shows no limit, and behind a load balancer users with a long token and session cookies are rejected, now and then or
# always. uvicorn uses h11 where httptools is not installed, which is its default (the extra "standard" installs it).
#
# Versions:  uvicorn 0.54.0, hypercorn 0.18.0, h11 0.16.0; gunicorn 27.0.1 (the other server, which is of one opinion); python 3.11.
# Behaviour seen, one request with a header line of 20,000 bytes, over HTTP/1.1 on loopback:
#
#                                    uvicorn    hypercorn    gunicorn
#   head in one write                200        200          431
#   all but its last line, and then  400        431          431
#   the last line
#
# Settings that accept both: --h11-max-incomplete-event-size of uvicorn, h11_max_incomplete_size in hypercorn's file.
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs python3 with venv; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install --quiet uvicorn==0.54.0 Hypercorn==0.18.0 h11==0.16.0 gunicorn==27.0.1

cat >app.py <<'PYTHON'
async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
PYTHON

cat >compare.py <<'PYTHON'
import socket
import subprocess
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Token: " + b"x" * 20_000 + b"\r\n\r\n"
SERVERS = {
    "uvicorn": (["uvicorn", "--http", "h11", "--host", "127.0.0.1", "--port", "{port}", "app:asgi"], ("200", "400")),
    "hypercorn": (["hypercorn", "--bind", "127.0.0.1:{port}", "app:asgi"], ("200", "431")),
    "gunicorn": (["gunicorn", "--bind", "127.0.0.1:{port}", "app:wsgi"], ("431", "431")),
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def connect(port):
    until = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def status(port, parts):
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, part in enumerate(parts):
            if number > 0:
                # The server reads the first part meanwhile.
                time.sleep(0.3)
            connection.sendall(part)
        response = b""
        while chunk := connection.recv(65536):
            response += chunk
            if b"\r\n" in response:
                break
        return response.split(b" ")[1].decode()


as_seen = True
for name, (command, expected) in SERVERS.items():
    port = free_port()
    command = ["venv/bin/" + command[0], *(argument.format(port=port) for argument in command[1:])]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = status(port, [REQUEST]), status(port, [REQUEST[:-2], REQUEST[-2:]])
    finally:
        server.terminate()
        server.wait(30)
    print(f"{name}: in one write {found[0]}, in two {found[1]}")
    as_seen = as_seen and found == expected
if not as_seen:
    sys.exit("not what the header of this script says")
PYTHON
venv/bin/python compare.py
