#!/usr/bin/env python3
"""Draws the panels of the dashboard from the samples of a run: draw.py SAMPLES PICTURE. deploy/monitoring/picture runs it."""

import io
import json
import math
import re
import sys

import matplotlib

matplotlib.use("svg")
# Text stays text, and the ids are the same each time.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tower-alb-auth", "font.size": 7, "axes.titlesize": 8})
matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans", "Verdana", "Arial"]

import matplotlib.pyplot as pyplot

UNITS = {"reqps": "requests/s", "percentunit": "share", "s": "s", "short": ""}
COLUMNS = 2
MAX_LEGEND = 6
# Beyond it, a curve of a thumbnail has no more to show.
MAX_POINTS = 60


def finite(points):
    numbers = [(time, float(value)) for time, value in points if value is not None]
    return [(time, value) for time, value in numbers if math.isfinite(value)]


def main(samples, picture):
    with open(samples, encoding="utf-8") as file:
        run = json.load(file)
    panels = run["panels"]
    rows = math.ceil(len(panels) / COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(10, 1.9 * rows), layout="constrained")
    lines = [(panel, name, finite(points)) for panel in panels for name, points in panel["lines"]]
    first = min(points[0][0] for _, _, points in lines if points)
    last = max(points[-1][0] for _, _, points in lines if points)
    for panel, axis in zip(panels, axes.flat):
        shown = [(name, points) for of, name, points in lines if of is panel and any(value > 0 for _, value in points)]
        # The largest ones are named first, as Grafana can do it.
        shown.sort(key=lambda line: (-max(value for _, value in line[1]), line[0]))
        for index, (name, points) in enumerate(shown):
            # The highest of a few samples, so that a short peak is not lost.
            step = math.ceil(len(points) / MAX_POINTS)
            points = [max(points[at : at + step], key=lambda point: point[1]) for at in range(0, len(points), step)]
            label = name if index < MAX_LEGEND else None
            axis.plot([time - first for time, _ in points], [round(value, 3) for _, value in points], label=label, linewidth=1)
        axis.set_title(panel["title"], loc="left")
        axis.set_ylabel(UNITS[panel["unit"]])
        axis.set_xlim(0, last - first)
        axis.set_ylim(bottom=0)
        axis.legend(loc="upper left", fontsize=6, framealpha=0.6)
        axis.grid(linewidth=0.3)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("seconds of the run")
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    with open(picture, "w", encoding="utf-8") as file:
        # A tenth of a point is enough, and halves the file.
        file.write(re.sub(r"(\d+\.\d)\d{2,}", r"\1", drawn.getvalue()))


main(*sys.argv[1:])
