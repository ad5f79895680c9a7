"""Parley's bill of materials, CycloneDX 1.6 in JSON: what a user installs, and what needs what.

    python tests/supply/sbom.py build/parley.cdx.json

Versions are those of constraints.txt, which must be installed; the same input gives the same bytes.
What only tests and lint need is no part of it.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
EXTRAS = ("postgres", "embedded", "train")
"""Those that `make setup` installs; the others are named in the wheel's metadata."""


class SupplyError(Exception):
    """What is installed is not what constraints.txt says."""


def pinned(constraints: str) -> dict[str, str]:
    """Name to version, of every line of constraints.txt."""
    lines = (line.partition("#")[0].strip() for line in constraints.splitlines())
    pairs = (line.partition(";")[0].strip().partition("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version.strip() for name, _, version in pairs}


def bill(project: Mapping[str, Any], pins: Mapping[str, str]) -> dict[str, Any]:
    """The whole document. Raises SupplyError."""
    root = f"pkg:pypi/{project['name']}@{project['version']}"
    direct = [Requirement(line) for line in project["dependencies"]]
    for extra in EXTRAS:
        direct += [Requirement(line) for line in project["optional-dependencies"][extra]]
    needs = {root: sorted(set(_refs(direct, "", pins)))}
    found: dict[str, Distribution] = {}
    _follow(direct, "", pins, found, needs)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(needs))}",
        "version": 1,
        "metadata": {"component": _component(root, "application", project["name"], project)},
        "components": [_library(ref, found[ref], pins) for ref in sorted(found)],
        "dependencies": [{"ref": ref, "dependsOn": needs[ref]} for ref in sorted(needs)],
    }


def _follow(
    wanted: list[Requirement],
    extra: str,
    pins: Mapping[str, str],
    found: dict[str, Distribution],
    needs: dict[str, list[str]],
) -> None:
    """Add what ``wanted`` stands for, and what that needs."""
    for requirement in wanted:
        if not _applies(requirement, extra):
            continue
        ref, one = _installed(requirement, pins)
        theirs = [Requirement(line) for line in one.requires or ()]
        for of in ("", *sorted(requirement.extras)):
            refs = set(needs.get(ref, ())) | set(_refs(theirs, of, pins))
            if ref in found and refs == set(needs[ref]):
                continue
            found[ref], needs[ref] = one, sorted(refs)
            _follow(theirs, of, pins, found, needs)


def _refs(wanted: list[Requirement], extra: str, pins: Mapping[str, str]) -> Iterator[str]:
    return (_installed(each, pins)[0] for each in wanted if _applies(each, extra))


def _applies(requirement: Requirement, extra: str) -> bool:
    """Whether it is needed here; of an extra only what the extra adds."""
    if requirement.marker is None:
        return not extra
    if extra and requirement.marker.evaluate({"extra": ""}):
        return False
    return requirement.marker.evaluate({"extra": extra})


def _installed(requirement: Requirement, pins: Mapping[str, str]) -> tuple[str, Distribution]:
    name = canonicalize_name(requirement.name)
    try:
        one = distribution(name)
    except PackageNotFoundError:
        raise SupplyError(f"{name} is not installed; run `make setup`.") from None
    # The index of PyTorch adds where it was built for: 2.13.0+cpu.
    version = one.version.partition("+")[0]
    if name not in pins:
        raise SupplyError(f"{name} {version} is installed, but constraints.txt does not pin it.")
    if pins[name] != version:
        raise SupplyError(f"{name} {version} is installed; constraints.txt says {pins[name]}.")
    return f"pkg:pypi/{name}@{version}", one


def _library(ref: str, one: Distribution, pins: Mapping[str, str]) -> dict[str, Any]:
    name = canonicalize_name(str(one.metadata["Name"]))
    license_ = one.metadata.get("License-Expression")
    more = {"licenses": [{"expression": license_}]} if license_ else {}
    return {**_component(ref, "library", name, {"version": pins[name]}), **more}


def _component(ref: str, kind: str, name: str, of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, "bom-ref": ref, "name": name, "version": of["version"], "purl": ref}


def main(out: Path) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = pinned((CHECKOUT / "constraints.txt").read_text("utf-8"))
    try:
        document = bill(project, pins)
    except SupplyError as error:
        sys.exit(f"sbom: {error}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    sys.stdout.write(f"{out}: {len(document['components'])} packages\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
