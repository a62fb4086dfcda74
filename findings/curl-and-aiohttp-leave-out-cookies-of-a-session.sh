#!/usr/bin/env bash
# curl sends the first two of four cookies of 4 KB, aiohttp the last two; neither reports the others.
#
# A load balancer (AWS ALB with authenticate-oidc, but also oauth2-proxy and others) keeps the session in the browser, cut into up
# to four cookies of 4 KB each, since that is what a browser keeps in one. Browsers send all four. curl and aiohttp accept and
# store all four, and put at most 8,190 bytes of them into a request. So the session of a user with many claims is not one, the load
# balancer starts the next sign-in, and the client follows redirects until its limit. It depends on the user's claims, so that it
# works for the person who tries it out. curl and aiohttp leave out different cookies: curl the last ones, aiohttp the first ones.
#
# Versions:  curl and libcurl4 7.88.1-10 of Debian 12, aiohttp 3.14.5 and requests 2.34.2 (the other client); python 3.11.
# Behaviour seen, after a response with four cookies s-0 to s-3 of 3,900 bytes, over HTTP/1.1 on loopback:
#
#   cookies in the jar    curl 4        aiohttp 4     requests 4
#   cookies sent          s-0 s-1       s-2 s-3       s-0 s-1 s-2 s-3
#   exit, stderr          0, empty      no warning    no warning
#
# curl documents the limit of one Cookie header in the manual of libcurl; aiohttp logs it at DEBUG.
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs apt-get, dpkg-deb and python3 with venv, on a system with
# the libraries of Debian's curl; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

python3 -m venv venv
venv/bin/python -m pip install --quiet aiohttp==3.14.5 requests==2.34.2
apt-get download --quiet -o APT::Sandbox::User=root curl libcurl4 >/dev/null
for package in *.deb; do
  dpkg-deb -x "$package" package
done
curl() {
  LD_LIBRARY_PATH=$(echo package/usr/lib/*-linux-gnu) package/usr/bin/curl "$@"
}
curl --version | grep -o '^curl [^ ]*\|libcurl/[^ ]*'

# /in sets the cookies, /seen responds with the names of those that came.
cat >server.py <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        names = [pair.split("=")[0] for pair in self.headers.get("Cookie", "").split("; ")]
        text = " ".join(names).encode()
        self.send_response(200)
        if self.path == "/in":
            for number in range(4):
                self.send_header("Set-Cookie", f"s-{number}={'x' * 3900}; Path=/; HttpOnly; Max-Age=604800")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo port
venv/bin/python server.py >port &
server=$!
read -r port <port
url=http://localhost:$port

cat >clients.py <<'PYTHON'
import asyncio
import sys
import warnings

import aiohttp
import requests

warnings.simplefilter("error")


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url + "/in"):
            pass
        async with session.get(url + "/seen") as response:
            return len(session.cookie_jar), await response.text()


def by_requests(url):
    session = requests.Session()
    session.trust_env = False
    session.get(url + "/in")
    return len(session.cookies), session.get(url + "/seen").text


for stored, sent in (asyncio.run(by_aiohttp(sys.argv[1])), by_requests(sys.argv[1])):
    print(f"{stored} stored, sent: {sent}")
PYTHON

curl -sS --noproxy '*' -c jar -b jar -o /dev/null "$url/in"
sent=$(curl -sS --noproxy '*' -c jar -b jar "$url/seen" 2>errors)
{
  echo "curl: $(grep -c 's-[0-3]' jar) stored, sent: $sent; $(wc -c <errors) bytes on stderr"
  venv/bin/python clients.py "$url" | paste -d ' ' <(printf 'aiohttp:\nrequests:\n') -
} | tee found

diff - found <<'EXPECTED' || { echo "not what the header of this script says" >&2; exit 1; }
curl: 4 stored, sent: s-0 s-1; 0 bytes on stderr
aiohttp: 4 stored, sent: s-2 s-3
requests: 4 stored, sent: s-0 s-1 s-2 s-3
EXPECTED
