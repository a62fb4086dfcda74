#!/usr/bin/env python3
"""What the packages that users of this crate build say of themselves: lowest Rust version, licence, origin.

Reads the locked tree for all platforms and features, without what only tests need. There is no second toolchain here to
build with, so what each package declares is the check of our own rust-version; clippy's incompatible_msrv is that of our code.
"""

import json
import re
import subprocess
import sys

# Permissive licences, each of which lets a closed product ship. An expression needs one of its alternatives among them.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "OpenSSL", "Unicode-3.0", "Unlicense", "Zlib",
}


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
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    ours = packages[root]["rust_version"]

    reached, left = set(), [root]
    while left:
        package = left.pop()
        if package in reached:
            continue
        reached.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])

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
    print(f"{len(reached) - 1} packages, Rust {ours}")
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
