"""What is publicly known against the versions that constraints*.txt pin, asked of OSV.

    python tests/supply/advisories.py [https://api.osv.dev]

Ends with 0 when nothing is known, with 1 when something is, with 2 when OSV cannot be reached.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2
from sbom import CHECKOUT, pinned

OSV = "https://api.osv.dev"
MOST_AT_ONCE = 500
PATIENCE_S = 20.0


class Unreachable(Exception):
    """OSV did not answer, or not as it should."""


def known(pins: Mapping[str, str], *, osv: str = OSV) -> dict[str, list[str]]:
    """``name==version`` to the ids of its advisories. Raises Unreachable."""
    found: dict[str, list[str]] = {}
    names = sorted(pins)
    with httpx2.Client(timeout=PATIENCE_S) as client:
        for first in range(0, len(names), MOST_AT_ONCE):
            some = names[first : first + MOST_AT_ONCE]
            for name, ids in zip(some, _asked(client, osv, some, pins), strict=True):
                if ids:
                    found[f"{name}=={pins[name]}"] = ids
    return found


def _asked(
    client: httpx2.Client, osv: str, names: list[str], pins: Mapping[str, str]
) -> list[list[str]]:
    packages = [{"name": name, "ecosystem": "PyPI"} for name in names]
    queries = [{"package": one, "version": pins[str(one["name"])]} for one in packages]
    try:
        answer = client.post(f"{osv}/v1/querybatch", json={"queries": queries})
        answer.raise_for_status()
        results = answer.json()["results"]
        ids = [[str(vuln["id"]) for vuln in (each or {}).get("vulns", ())] for each in results]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreachable(f"{osv} cannot be asked now: {error or type(error).__name__}") from error
    if len(ids) != len(names):
        raise Unreachable(f"{osv} answered {len(ids)} of {len(names)} questions.")
    return ids


def main(osv: str) -> int:
    pins: dict[str, str] = {}
    for path in sorted(Path(CHECKOUT).glob("constraints*.txt")):
        pins |= pinned(path.read_text("utf-8"))
    try:
        found = known(pins, osv=osv)
    except Unreachable as error:
        sys.stderr.write(f"audit: nothing was checked: {error}\n")
        return 2
    for version, ids in found.items():
        sys.stdout.write(f"{version}: {', '.join(ids)}\n")
    sys.stdout.write(f"{len(pins)} versions, {len(found)} with advisories\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:2] or [OSV])))
