#!/usr/bin/env python3
"""What the packages that users of this crate build say of themselves: lowest Rust version, licence, origin; and what is banned.

Reads the locked tree for all platforms and features, without what only tests need. There is no second toolchain here to
build with, so what each package declares is the check of our own rust-version; clippy's incompatible_msrv is that of our code.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter

# Licences and bans are those of cargo-deny's file, so that both tools agree. An expression needs one of its alternatives
# among the licences.
with open("deny.toml", "rb") as file:
    DENY = tomllib.load(file)
ALLOWED = set(DENY["licenses"]["allow"])
ONE_VERSION = {entry["name"] for entry in DENY["bans"]["deny"] if entry.get("deny-multiple-versions")}
BANNED = {entry["name"] for entry in DENY["bans"]["deny"]} - ONE_VERSION


def built(features="--all-features"):
    """Name and version of each package that a build contains, with all features or with the default ones.

    `cargo metadata` alone is not exact: it adds the features that tests enable, and with them ring.
    """
    command = ["cargo", "tree", "--locked", *features.split(), "--edges", "normal,build", "--target", "all"]
    output = subprocess.run([*command, "--prefix", "none", "--format", "{p}"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {tuple(line.split()[:2]) for line in output.splitlines() if line.strip()}


def allowed(expression):
    """Whether an SPDX expression can be met by allowed licences alone."""
    tokens = re.findall(r"\(|\)|/|[^\s()/]+", expression)

    def either():
        met = both()
        while tokens and tokens[0] in ("OR", "/"):
            tokens.pop(0)
            met = both() or met
        return met

    def both():
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one():
        token = tokens.pop(0)
        if token == "(":
            met = either()
            tokens.pop(0)
            return met
        if tokens[:1] == ["WITH"]:
            token = " ".join([token, tokens.pop(0), tokens.pop(0)])
        return token in ALLOWED

    return either()


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


def main():
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    root = metadata["resolve"]["root"]
    ours = packages[root]["rust_version"]

    contained = built()
    reached = {
        package_id
        for package_id, package in packages.items()
        if (package["name"], f"v{package['version']}") in contained
    }

    problems = []
    for package in (packages[reached_id] for reached_id in sorted(reached - {root})):
        name = f"{package['name']} {package['version']}"
        wanted = package["rust_version"]
        if wanted and version(wanted) > version(ours):
            problems.append(f"{name} wants Rust {wanted}, we state {ours}")
        if not package["license"] or not allowed(package["license"]):
            problems.append(f"{name} has the licence {package['license']}")
        if not (package["source"] or "").startswith("registry+"):
            problems.append(f"{name} comes from {package['source']}")
        if package["name"] in BANNED:
            problems.append(f"{name} is banned by deny.toml")
    versions = Counter(packages[reached_id]["name"] for reached_id in reached)
    for name in sorted(ONE_VERSION):
        if versions[name] != 1:
            problems.append(f"{name}: expected one version, found {versions[name]}")
    for name, count in sorted(Counter(name for name, _ in built(features="")).items()):
        if count != 1:
            problems.append(f"{name}: expected one version with the default features, found {count}")
    print(f"{len(reached) - 1} packages, Rust {ours}")
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
