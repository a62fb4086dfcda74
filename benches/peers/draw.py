#!/usr/bin/env python3
"""Draws the pictures of docs/BENCHMARKS.md: draw.py RESULTS FOLDER. run.py runs it."""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
# Text stays text, and the ids are the same each time.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tower-alb-auth", "font.size": 8, "axes.titlesize": 9})
matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans", "Verdana", "Arial"]

import matplotlib.pyplot as pyplot

SHARES = ("25", "50", "75")
OURS = ("alb-auth-proxy", "alb-auth-proxy, forward auth", "layer in axum")


def cpu(rows):
    """Without verification, and what it adds; behind auth_request there is the whole alone."""
    shown = sorted(rows.items(), key=lambda row: -row[1]["verified"])
    figure, axis = pyplot.subplots(figsize=(8, 0.36 * len(shown) + 0.9), layout="constrained")
    names = [name for name, _ in shown]
    free = [row.get("free", 0) for _, row in shown]
    adds = [row["verified"] - row.get("free", 0) for _, row in shown]
    axis.barh(names, free, color="#b8b8b8", label="without verification")
    bars = axis.barh(names, adds, left=free, color=["#1f6f8b" if name in OURS else "#d98c3f" for name in names])
    axis.bar_label(bars, [f" {row['verified']:.0f} us" for _, row in shown])
    axis.margins(x=0.1)
    axis.set_title("CPU time a request, a token never seen before: without verification (grey) and what verification adds", loc="left")
    axis.set_xlabel("us; behind auth_request, the verifier alone")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def rates(rows):
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    for axis, of in zip(axes, ("p50", "p99")):
        for number, (name, row) in enumerate(rows.items()):
            x = [row["saturated"] * int(share) / 100 for share in SHARES]
            y = [row[share][of] / 1000 for share in SHARES]
            axis.plot(x, y, marker="osD^vP*X<>"[number % 10], markersize=4, linewidth=1.8 if name in OURS else 1, label=name)
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_title(f"{of} at 25, 50 and 75 % of what saturates the program")
        axis.set_xlabel("requests a second")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def main(results, folder):
    found = json.loads(pathlib.Path(results).read_text())
    for part, picture in (("cpu", cpu), ("rates", rates)):
        if part in found:
            file = pathlib.Path(folder) / f"{part}.svg"
            picture(found[part]["rows"]).savefig(file, metadata={"Date": None})
            # matplotlib leaves spaces at the end of lines.
            file.write_text("".join(f"{line.rstrip()}\n" for line in file.read_text().splitlines()))


main(*sys.argv[1:])
