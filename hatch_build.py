"""Puts the bill of materials that `make sbom` wrote into the wheel, where PEP 770 wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SBOM = "build/parley.cdx.json"


class SbomHook(BuildHookInterface):
    """Without `make sbom` the wheel has none: anybody can install from source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and (Path(self.root) / SBOM).is_file():
            build_data.setdefault("sbom_files", []).append(SBOM)
