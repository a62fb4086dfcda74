"""The tables of docs/BENCHMARKS.md, from results.json. Not a program: see run.py."""
import busy
from programs import FORWARD

SHARES = ("25", "50", "75")


def measured(part, more=""):
    return f"Measured on {part['date']}: {part['rounds']} rounds of {part['seconds']} s, tokens of {part['bytes']} bytes{more}."


def milliseconds(micros):
    return f"{micros / 1000:.2f} ms" if micros < 10_000 else f"{micros / 1000:,.0f} ms"


def cpu(results):
    part, memory = results["cpu"], results.get("memory", {"rows": {}})
    more = f", {part['users']:,} users"
    if memory["rows"]:
        more += f"; memory after {memory['requests']:,} requests"
    lines = [measured(part, more)]
    proxies = {name: row for name, row in part["rows"].items() if name not in FORWARD}
    if proxies:
        lines += ["", "| program | CPU a request | without verification | verification adds | requests per CPU-second | resident memory |",
                  "|---|---|---|---|---|---|"]
        for name, row in proxies.items():
            kept = f"{memory['rows'][name]:.0f} MiB" if name in memory["rows"] else "not measured"
            lines.append(f"| {name} | {row['verified']:.0f} us | {row['free']:.0f} us | {row['verified'] - row['free']:.0f} us "
                         f"| {1e6 / row['verified']:,.0f} | {kept} |")
    gates = {name: row for name, row in part["rows"].items() if name in FORWARD}
    if gates:
        lines += ["", "| verifier behind nginx `auth_request` | CPU a request | requests per CPU-second |", "|---|---|---|"]
        lines += [f"| {name} | {row['verified']:.0f} us | {1e6 / row['verified']:,.0f} |" for name, row in gates.items()]
    return [*lines, "", "Versions: " + "; ".join(results["versions"]) + "."]


def rates(results):
    part = results["rates"]
    lines = [measured(part), "", "| program | saturated at | " + " | ".join(f"{share} %: p50 | p99" for share in SHARES) + " |",
             "|---|---|" + "---|---|" * len(SHARES)]
    for name, row in part["rows"].items():
        cells = [milliseconds(row[share][of]) for share in SHARES for of in ("p50", "p99")]
        lines.append(f"| {name} | {row['saturated']:,}/s | " + " | ".join(cells) + " |")
    return lines


def beside(results):
    part = results["busy"]
    lines = [measured(part, f", the unprotected route {busy.RATE} times a second"), "",
             "| service | worker threads | protected route, CPU a request | requests/s | unprotected route alone: p50 | p99 "
             "| beside the protected one: p50 | p99 |", "|---|---|---|---|---|---|---|---|"]
    for name, row in part["services"].items():
        service, threads = name.rsplit(", ", 1)
        cells = [milliseconds(row[f"{when} {of}"]) for when in ("alone", "loaded") for of in ("p50", "p99")]
        lines.append(f"| {service} | {threads} | {row['cpu']:.0f} us | {row['requests']:,.0f} | " + " | ".join(cells) + " |")
    lines += ["", f"One round of {busy.MANY_SECONDS} s, in which the connections are set up too:", "",
              "| connections to `alb-auth-proxy`, all sending | CPU a request | requests/s | p50 | p99 | resident memory |",
              "|---|---|---|---|---|---|"]
    for name, row in part["connections"].items():
        lines.append(f"| {int(name):,} | {row['cpu']:.0f} us | {row['requests']:,.0f} | {milliseconds(row['p50'])} "
                     f"| {milliseconds(row['p99'])} | {row['resident']:.0f} MiB |")
    return lines


TABLES = {"cpu": cpu, "rates": rates, "busy": beside}
