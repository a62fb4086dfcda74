#!/usr/bin/env python3
"""Compares backstage-auth with the auth backend of stock Backstage, in one run on one machine.

    benches/peers/backstage.py [--rounds N] [--seconds N] [--page docs/BENCHMARKS.md]

Both read the same settings, verify tokens of the same load balancer and query the same catalog. Each runs on processor 0; the load
(wrk), the catalog (nginx) and the key endpoint are on processor 1. The figure is CPU time per request from the kernel's
accounting, all threads of the process included. Each sign-in has a token and a user that were never seen before, so nothing that was
remembered helps. Rounds are interleaved, and the median is reported. A run with a failed request, or with a program that accepts a forged
token, stops everything.

Needs: cargo; wrk and nginx from Debian; what .ci/peers installs (stock Backstage). All addresses are loopback.
"""
import argparse
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import running as peers

REFRESH = "/api/auth/awsalb/refresh?env=production"
USERINFO = "/api/auth/v1/userinfo"
BACKEND = peers.INSTALLED / "backstage-backend"
# Both show it to the catalog, which does not read it.
CATALOG_TOKEN = "for-benches-and-nothing-else"
SLOW_CATALOG_SECONDS = 0.1
# Fewer than MOST_A_SECOND of the proxies: a session has two signatures besides its check.
SESSIONS_A_SECOND = 9_000


class Catalog:
    """A user entity for each name, as Backstage's catalog returns it; or none at all."""

    def __init__(self, run):
        self.port, self.empty_port = peers.free_port(), peers.free_port()
        relation = '{"type":"memberOf","targetRef":"group:default/team-a"}'
        entity = ('{"apiVersion":"backstage.io/v1alpha1","kind":"User","metadata":{"name":"$user","namespace":"default",'
                  '"uid":"00000000-0000-0000-0000-000000000001","annotations":{}},"spec":{"profile":{"displayName":"$user",'
                  f'"email":"$user@example.com"}},"memberOf":["team-a"]}},"relations":[{relation}]}}')
        conf = run.folder / "catalog.conf"
        conf.write_text(f"""
            daemon off; worker_processes 1; pid {run.folder}/catalog.pid; error_log {run.folder}/catalog.log crit;
            events {{ worker_connections 1024; }}
            http {{ access_log off; keepalive_requests 100000000; default_type application/json;
                server {{ listen 127.0.0.1:{self.port};
                    location ~* ^/api/catalog/entities/by-name/user/default/(?<user>[^/]+)$ {{ return 200 '{entity}'; }}
                    location / {{ return 404 '{{}}'; }} }}
                server {{ listen 127.0.0.1:{self.empty_port};
                    location / {{ return 404 '{{"error":{{"name":"NotFoundError","message":"none"}}}}'; }} }} }}""")
        run.start("catalog", ["nginx", "-c", conf], self.port, processor=1)


def slow_catalog(seconds, port):
    """A catalog that needs this long: it waits, and then queries the fast one."""

    class Slow(peers.Handler):
        def do_GET(self):
            time.sleep(seconds)
            catalog = http.client.HTTPConnection("127.0.0.1", port)
            catalog.request("GET", self.path)
            response = catalog.getresponse()
            self.respond(response.status, response.read())

    return peers.serve(Slow)


def settings(run, port, catalog_port, without_catalog):
    resolver = {"resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["example.com"]}
    if without_catalog:
        resolver["dangerouslyAllowSignInWithoutUserInCatalog"] = True
    url, facts = f"http://127.0.0.1:{port}", run.facts
    return {
        "app": {"baseUrl": url},
        "backend": {
            "baseUrl": url, "listen": {"host": "127.0.0.1", "port": port},
            "database": {"client": "better-sqlite3", "connection": ":memory:"},
            "auth": {"externalAccess": [{"type": "static", "options": {"token": CATALOG_TOKEN, "subject": "benches"}}]},
        },
        "discovery": {"endpoints": [{"target": f"http://127.0.0.1:{catalog_port}/api/catalog", "plugins": ["catalog"]}]},
        "auth": {"providers": {"awsalb": {
            "issuer": facts["issuer"], "signer": facts["signer"], "region": facts["signer"].split(":")[3],
            "signIn": {"resolvers": [resolver]}, "clientIds": [facts["client_id"]], "keyEndpoint": f"http://127.0.0.1:{run.key_port}",
        }}},
    }


def start(run, name, catalog_port, without_catalog=False):
    """Starts it, and returns the process, the port and the seconds from exec to the first response of its readiness."""
    port = peers.free_port()
    file = run.folder / f"app-config-{port}.yaml"
    # JSON is YAML.
    file.write_text(json.dumps(settings(run, port, catalog_port, without_catalog)))
    if name == "stock Backstage":
        run.environment |= {"KEY_ENDPOINT": f"http://127.0.0.1:{run.key_port}", "NODE_ENV": "production"}
        command = ["node", BACKEND / "backend.mjs", "auth", "--config", file]
    else:
        command = [peers.TARGET / "dist" / "backstage-auth", "--config", file]
    began = time.monotonic()
    pid = run.start(f"{name}-{port}".replace(" ", "-"), command, port, cwd=BACKEND)
    while status(port, "/.backstage/health/v1/readiness") != 200:
        time.sleep(0.001)
    return pid, port, time.monotonic() - began


def status(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def session(run, port, number):
    """One sign-in: its body and the seconds that it took."""
    with open(run.folder / "padded") as tokens:
        for _ in range(number):
            next(tokens)
        token = next(tokens).strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    began = time.monotonic()
    connection.request("GET", REFRESH, headers={"x-amzn-oidc-data": token, "x-amzn-oidc-accesstoken": "opaque"})
    response = connection.getresponse()
    body = response.read()
    took = time.monotonic() - began
    if response.status != 200:
        sys.exit(f"a sign-in at port {port}: {response.status} {body[:300]}")
    return json.loads(body), took


def cost(run, pid, port, path, first, seconds, **more):
    before = peers.cpu_seconds(pid)
    result = run.load(f"http://127.0.0.1:{port}", path, "padded", first, seconds, **more)
    return (peers.cpu_seconds(pid) - before) / result["requests"] * 1e6


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--page", type=pathlib.Path)
    chosen = arguments.parse_args()
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "--features", "backstage-auth", "--bin", "backstage-auth"],
                   cwd=peers.ROOT, check=True)
    peers.build_site()
    names, rounds = ("backstage-auth", "stock Backstage"), chosen.rounds
    # Sign-ins of one process have different users in each round, and some more for single ones.
    a_round = chosen.seconds * SESSIONS_A_SECOND
    tokens = rounds * a_round + 1000
    requests = {
        "`/api/auth/awsalb/refresh`, each user new": ("catalog", REFRESH),
        "the same, the catalog does not have the user": ("empty", REFRESH),
        "`/api/auth/v1/userinfo`, one token": ("catalog", USERINFO),
    }
    with tempfile.TemporaryDirectory() as folder:
        run = peers.Run(pathlib.Path(folder), 1300, tokens, users=tokens + 2)
        try:
            catalog = Catalog(run)
            slow = slow_catalog(SLOW_CATALOG_SECONDS, catalog.port)
            started, serving, idle = {}, {name: [] for name in names}, {}
            for name in names:
                for _ in range(3):
                    pid, port, seconds = start(run, name, catalog.port)
                    serving[name].append(seconds)
                    idle[name] = peers.resident_mib(pid)
                started[name, "catalog"] = pid, port
                started[name, "empty"] = start(run, name, catalog.empty_port, without_catalog=True)[:2]
                started[name, "slow"] = start(run, name, slow)[:2]
            for (name, kind), (_, port) in started.items():
                run.refuses_forged(f"{name}, {kind}", port, "padded", REFRESH, {"x-amzn-oidc-accesstoken": "opaque"})
            bearers = {name: session(run, started[name, "catalog"][1], tokens - 1)[0]["backstageIdentity"]["token"] for name in names}
            waited = {name: statistics.median(session(run, started[name, "slow"][1], tokens - 2 - turn)[1] for turn in range(11))
                      for name in names}
            costs = {(what, name): [] for what in requests for name in names}
            for turn in range(rounds):
                for what, (kind, path) in requests.items():
                    for name in names:
                        pid, port = started[name, kind]
                        more = {"authorization": f"Bearer {bearers[name]}"} if path == USERINFO else {}
                        costs[what, name].append(cost(run, pid, port, path, turn * a_round, chosen.seconds, **more))
                        print(f"round {turn + 1}, {what}, {name}: {costs[what, name][-1]:.1f} us", file=sys.stderr, flush=True)
        finally:
            run.end()
    ours, stock = names
    lines = [f"Measured on {time.strftime('%d %B %Y')}: {rounds} rounds of {chosen.seconds} s, tokens of {run.facts['bytes']} bytes.", "",
             "| request | backstage-auth, CPU | stock Backstage, CPU | requests per CPU-second |", "|---|---|---|---|"]
    for what in requests:
        a, b = (statistics.median(costs[what, name]) for name in names)
        lines.append(f"| {what} | {a:,.0f} us | {b:,.0f} us | {b / a:.1f} x |")
    lines += ["", "| | backstage-auth | stock Backstage |", "|---|---|---|",
              f"| a sign-in through a catalog that needs {SLOW_CATALOG_SECONDS * 1000:.0f} ms, median of 11 "
              f"| {waited[ours] * 1000:.1f} ms | {waited[stock] * 1000:.1f} ms |",
              f"| from start to the first response, stores in memory, median of 3 "
              f"| {statistics.median(serving[ours]) * 1000:.0f} ms | {statistics.median(serving[stock]) * 1000:.0f} ms |",
              f"| resident memory after the start | {idle[ours]:.0f} MiB | {idle[stock]:.0f} MiB |"]
    package = json.loads((BACKEND / "node_modules/@backstage/plugin-auth-backend/package.json").read_text())
    lines += ["", f"Versions: @backstage/plugin-auth-backend {package['version']}; Node.js "
              + subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip() + "."]
    print("\n".join(lines))
    if chosen.page:
        peers.write_page(chosen.page, "backstage", lines)


if __name__ == "__main__":
    main()
