"""What a saturated service does to its other requests, and what more threads and connections change. Not a program: see run.py.

- An unprotected route at a low fixed rate, while the protected one of the same service is saturated: of the layer, and of a raw check of
  the signature on the thread that serves and on a thread of spawn_blocking; with one worker thread on processor 0, and with two on both
  processors, where the load takes its part of processor 1.
- alb-auth-proxy with many connections, all of which send.
"""
import concurrent.futures
import resource
import statistics
import sys
import time

from programs import alb_auth_proxy, axum_layer, raw_service
from running import MOST_A_SECOND, cpu_seconds, resident_mib

# Of the unprotected route.
RATE = 200
# Seconds for which the load runs before and after what is measured beside it.
LONGER = 4
THREADS = (1, 2)
# As far as the limit of open files allows: for each connection, the proxy has up to 1.4 to the service behind, since its pool opens one
# while it waits for another that becomes free.
CONNECTIONS = (16, 1000, min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] * 2 // 5))
# One round, long enough that setting the connections up is a small part of it.
MANY_SECONDS = 30
SERVICES = {
    "layer in axum": axum_layer,
    "raw check, inline": lambda run, **where: raw_service(run, "inline", **where),
    "raw check, `spawn_blocking`": lambda run, **where: raw_service(run, "blocking", **where),
}


def tokens(chosen):
    return max(chosen.rounds * (chosen.seconds + LONGER), MANY_SECONDS) * MOST_A_SECOND


def beside(run, service, first, seconds):
    """The unprotected route alone, and beside the saturated one."""
    pid, port, form = service
    alone = run.paced(port, "/free", form, first, RATE, seconds)
    before = cpu_seconds(pid)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        load = pool.submit(run.load, f"http://127.0.0.1:{port}", "/", form, first, seconds + LONGER)
        # wrk reads its tokens first.
        while cpu_seconds(pid) - before < 0.2 and not load.done():
            time.sleep(0.01)
        loaded = run.paced(port, "/free", form, first, RATE, seconds)
        if load.done():
            sys.exit(f"the load ended before what is measured beside it: {load.result()}")
        result = load.result()
    cpu = (cpu_seconds(pid) - before) / result["requests"] * 1e6
    return {"cpu": cpu, "requests": result["requests"] / result["seconds"],
            **{f"{name} {of}": found[f"{of}_us"] for name, found in [("alone", alone), ("loaded", loaded)] for of in ("p50", "p99")}}


def many(run, connections):
    pid, port, form = alb_auth_proxy(run, connections=connections)
    run.refuses_forged(f"{connections} connections", port, form)
    before = cpu_seconds(pid)
    result = run.load(f"http://127.0.0.1:{port}", "/", form, 0, MANY_SECONDS, connections=connections)
    cpu = (cpu_seconds(pid) - before) / result["requests"] * 1e6
    return {"cpu": round(cpu, 1), "requests": round(result["requests"] / result["seconds"]), "p50": result["p50_us"],
            "p99": result["p99_us"], "resident": round(resident_mib(pid), 1)}


def measure(run, chosen, report):
    services = {f"{name}, {threads}": start(run, threads=threads) for name, start in SERVICES.items() for threads in THREADS}
    for name, (_, port, form) in services.items():
        run.refuses_forged(name, port, form)
    rounds = {name: [] for name in services}
    for turn in range(chosen.rounds):
        first = turn * (chosen.seconds + LONGER) * MOST_A_SECOND
        for name, service in services.items():
            rounds[name].append(beside(run, service, first, chosen.seconds))
            report(f"round {turn + 1}, {name}: {rounds[name][-1]}")
    medians = {name: {key: round(statistics.median(row[key] for row in rows), 1) for key in rows[0]} for name, rows in rounds.items()}
    connections = {}
    for number in CONNECTIONS:
        connections[str(number)] = many(run, number)
        report(f"{number} connections: {connections[str(number)]}")
    return {"rounds": chosen.rounds, "seconds": chosen.seconds, "services": medians, "connections": connections}
