#!/usr/bin/env python3
"""Writes a software bill of materials in CycloneDX 1.6: sbom.py FILE [FEATURES]

Lists what a build with these features (all, unless named) contains for every platform: the packages of Cargo.lock without what only
tests need, with licence, checksum and what each depends on. Two runs at one commit write the same bytes. Needs
cyclonedx-python-lib, whose validator checks the result.
"""

import json
import subprocess
import sys
import tomllib
import uuid

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def reached(metadata, features):
    """Ids of the packages that a build contains, each with the ids that it depends on."""
    # `cargo metadata` alone is not exact: it adds the features that tests enable, and what these need.
    command = ["cargo", "tree", "--locked", *features, "--edges", "normal,build", "--target", "all"]
    command += ["--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = {tuple(line.split()[:2]) for line in lines if line.strip()}
    packages = {
        package["id"] for package in metadata["packages"] if (package["name"], f"v{package['version']}") in built
    }
    return {
        node["id"]: [
            dependency["pkg"]
            for dependency in node["deps"]
            if dependency["pkg"] in packages and any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
        if node["id"] in packages
    }


def main():
    if len(sys.argv) not in (2, 3):
        print("sbom.py: expected FILE [FEATURES]", file=sys.stderr)
        return 2
    features = ["--no-default-features", "--features", sys.argv[2]] if len(sys.argv) == 3 else ["--all-features"]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *features]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    with open("Cargo.lock", "rb") as file:
        locked = tomllib.load(file)["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
    licenses = LicenseFactory()

    def component(package):
        name, version = package["name"], package["version"]
        purl = PackageURL("cargo", name=name, version=version)
        checksum = checksums[name, version]
        return Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            bom_ref=str(purl),
            purl=purl,
            # Cargo's older form of "or".
            licenses=[licenses.make_from_string(package["license"].replace("/", " OR "))] if package["license"] else [],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
        )

    found = reached(metadata, features)
    components = {package: component(packages[package]) for package in found}
    root = components.pop(metadata["resolve"]["root"])
    bom = Bom(components=components.values())
    # Neither a time nor a random number, so that the file can be compared.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, " ".join(sorted(found)))
    bom.metadata.component = root
    for package, dependencies in found.items():
        bom.register_dependency(
            components.get(package, root), [components[dependency] for dependency in sorted(set(dependencies))]
        )
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    written["metadata"].pop("timestamp", None)
    text = json.dumps(written, indent=2) + "\n"
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem:
        print(f"sbom.py: the result is not valid CycloneDX: {problem}", file=sys.stderr)
        return 1
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{sys.argv[1]}: {len(components)} packages")
    return 0


sys.exit(main())
