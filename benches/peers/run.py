#!/usr/bin/env python3
"""Compares alb-auth-proxy and the layer with what else could stand in their place, in one run on one machine.

    benches/peers/run.py [--parts cpu,memory,rates,busy] [--rounds N] [--seconds N] [--page docs/BENCHMARKS.md] [PEER...]

Each program runs on processor 0 with one thread; the load and the service behind (nginx) run on processor 1. Each request has a
token that was never sent before. Rounds are interleaved, and medians are reported. A run with a failed request, or with a program
that accepts a forged token, stops everything. The parts:

    cpu     CPU time of the program per request under wrk, from the kernel's accounting, with verification and, at /free, without;
            so it does not depend on how busy the machine is as a rate does
    memory  resident memory after --memory-requests requests
    rates   latency at 25, 50 and 75 % of the rate at which the program is saturated, by src/bin/paced.rs
    busy    busy.py: an unprotected route beside a saturated one, one worker thread and two, 1,000 and 10,000 connections

With --page, the figures are kept in results.json, and the tables of the page and its pictures are written from there: also with
`--parts none`, which measures nothing.

Needs: cargo; what .ci/peers installs (wrk, nginx with njs, HAProxy, Apache with mod_oauth2, Envoy, aws-jwt-verify, PyJWT). All
addresses are loopback.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import busy
import tables
from programs import FORWARD, PEERS
from running import HERE, INSTALLED, MOST_A_SECOND, ROOT, TARGET, USERS, Run, build_site, cpu_seconds, resident_mib, write_page

RESULTS = HERE / "results.json"
SHARES = (25, 50, 75)


def report(text):
    print(text, file=sys.stderr, flush=True)


def start_all(run, names):
    """Starts them, and shows that each verifies: without that, its row would be of something else."""
    started = {name: PEERS[name](run) for name in names}
    for name, (_, port, tokens) in started.items():
        run.refuses_forged(name, port, tokens)
    return started


def with_run(chosen, tokens, measure):
    """What this returns for a run with so many tokens."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(pathlib.Path(folder), chosen.bytes, tokens)
        try:
            return {"bytes": run.facts["bytes"], **measure(run)}
        finally:
            run.end()


def cpu(chosen):
    def measure(run):
        started = start_all(run, chosen.peers)
        rows = {name: {"verified": []} if name in FORWARD else {"verified": [], "free": []} for name in chosen.peers}
        for turn in range(chosen.rounds):
            for name, (pid, port, tokens) in started.items():
                for kind, found in rows[name].items():
                    before = cpu_seconds(pid)
                    path = "/free" if kind == "free" else "/"
                    result = run.load(f"http://127.0.0.1:{port}", path, tokens, turn * chosen.seconds * MOST_A_SECOND, chosen.seconds)
                    found.append((cpu_seconds(pid) - before) / result["requests"] * 1e6)
                report(f"round {turn + 1}, {name}: {rows[name]['verified'][-1]:.1f} us")
        medians = {name: {kind: round(statistics.median(found), 1) for kind, found in row.items()} for name, row in rows.items()}
        return {"rounds": chosen.rounds, "seconds": chosen.seconds, "users": USERS, "rows": medians}

    return with_run(chosen, chosen.rounds * chosen.seconds * MOST_A_SECOND, measure)


def memory(chosen):
    """Resident memory after many requests. Each program has a separate run, since tokens expire."""
    found, loads = {}, 16

    def measure(run):
        [(pid, port, form)] = start_all(run, [name]).values()
        done, turn = 0, 0
        while done < chosen.memory_requests:
            first = turn % loads * chosen.seconds * MOST_A_SECOND
            done += run.load(f"http://127.0.0.1:{port}", "/", form, first, chosen.seconds)["requests"]
            turn += 1
        return {"resident": round(resident_mib(pid), 1)}

    for name in chosen.peers:
        if name not in FORWARD:
            found[name] = with_run(chosen, loads * chosen.seconds * MOST_A_SECOND, measure)["resident"]
            report(f"{name}: {found[name]:.1f} MiB after {chosen.memory_requests:,} requests")
    return {"requests": chosen.memory_requests, "rows": found}


def rates(chosen):
    """Latency below saturation: what a load of wrk reaches is the rate at which a program is saturated."""
    rows = {name: {"saturated": [], **{str(share): {"p50": [], "p99": []} for share in SHARES}} for name in chosen.peers}

    def measure(run):
        for name, (_, port, tokens) in start_all(run, chosen.peers).items():
            row, first = rows[name], 0
            result = run.load(f"http://127.0.0.1:{port}", "/", tokens, first, chosen.seconds)
            row["saturated"].append(result["requests"] / result["seconds"])
            for share in SHARES:
                first += chosen.seconds * MOST_A_SECOND
                result = run.paced(port, "/", tokens, first, int(row["saturated"][-1] * share / 100), chosen.seconds)
                for of, found in row[str(share)].items():
                    found.append(result[f"{of}_us"])
            report(f"{name}: {row['saturated'][-1]:,.0f} a second; p50 and p99 at 50 %: {row['50']['p50'][-1]} us, {row['50']['p99'][-1]} us")
        return {"rounds": chosen.rounds, "seconds": chosen.seconds, "rows": rows}

    # Each round starts with new tokens, since they expire.
    for _ in range(chosen.rounds):
        found = with_run(chosen, (1 + len(SHARES)) * chosen.seconds * MOST_A_SECOND, measure)
    for row in rows.values():
        row["saturated"] = round(statistics.median(row["saturated"]))
        for share in SHARES:
            row[str(share)] = {of: round(statistics.median(values)) for of, values in row[str(share)].items()}
    return found


def beside(chosen):
    return with_run(chosen, busy.tokens(chosen), lambda run: busy.measure(run, chosen, report))


PARTS = {"cpu": cpu, "memory": memory, "rates": rates, "busy": beside}


def versions():
    def first_line(command):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return (ran.stdout + ran.stderr).strip().splitlines()[0]

    def of_package(name):
        return first_line(["dpkg-query", "--show", "--showformat=${Version}", name])

    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    package = INSTALLED / "node_modules/aws-jwt-verify/package.json"
    return [
        f"processor: {model[1] if model else 'unknown'}, {os.cpu_count()} of them",
        first_line(["rustc", "--version"]), first_line(["haproxy", "-v"]).split(" - ")[0],
        "Envoy " + re.search(r"/(\d+\.\d+\.\d+)/", first_line([str(INSTALLED / "venv/bin/envoy"), "--version"]))[1],
        first_line(["nginx", "-v"]), f"njs {of_package('libnginx-mod-http-js')}",
        first_line(["apache2", "-v"]).removeprefix("Server version: "),
        f"mod_oauth2 {of_package('libapache2-mod-oauth2')}", f"Node.js {first_line(['node', '--version'])}",
        f"aws-jwt-verify {json.loads(package.read_text())['version']}",
        "PyJWT " + first_line([str(INSTALLED / "venv/bin/python"), "-c", "import jwt; print(jwt.__version__)"]),
    ]


def prepare():
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked", "--features", "proxy", "--bin", "alb-auth-proxy"], cwd=ROOT, check=True)
    build_site()
    pip = [INSTALLED / "venv/bin/python", "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]
    subprocess.run(pip, check=True)


def draw():
    """The pictures, by what draws the one of the dashboard."""
    pinned, venv = ROOT / "deploy/monitoring/requirements.txt", ROOT / "target/picture/venv"
    installed = venv.parent / "installed-requirements.txt"
    if not installed.exists() or installed.read_text() != pinned.read_text():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/python", "-m", "pip", "install", "--quiet", "-r", pinned], check=True)
        installed.write_text(pinned.read_text())
    subprocess.run([venv / "bin/python", HERE / "draw.py", RESULTS, ROOT / "benches/pictures"], check=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--parts", default=",".join(PARTS))
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--bytes", type=int, default=1300)
    arguments.add_argument("--memory-requests", type=int, default=1_000_000)
    arguments.add_argument("--page", type=pathlib.Path)
    arguments.add_argument("peers", nargs="*", default=list(PEERS), metavar="PEER")
    chosen = arguments.parse_args()
    parts = [part for part in chosen.parts.split(",") if part != "none"]
    for unknown, known in [(set(chosen.peers) - set(PEERS), PEERS), (set(parts) - set(PARTS), PARTS)]:
        if unknown:
            sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    if parts:
        prepare()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in parts:
        results[part] = {"date": time.strftime("%d %B %Y"), **PARTS[part](chosen)}
        results["versions"] = versions()
        if chosen.page:
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for part in ("cpu", "rates", "busy"):
        if part in results:
            lines = tables.TABLES[part](results)
            print("\n".join(lines))
            if chosen.page:
                write_page(chosen.page, {"cpu": "peers"}.get(part, part), lines)
    if chosen.page:
        draw()


if __name__ == "__main__":
    main()
